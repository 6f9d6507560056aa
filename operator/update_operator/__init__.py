"""The operator: from watched resources to their status."""
