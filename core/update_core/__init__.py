"""The rules of the update service, pure: values in, values out. No I/O, no clock, no randomness, no framework."""
