"""updatectl: from a person to resources."""
