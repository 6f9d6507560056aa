"""The Omaha service: from an instance's poll to its answer."""
