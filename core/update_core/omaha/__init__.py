"""The Omaha protocol: messages to and from bytes, one module per dialect."""
