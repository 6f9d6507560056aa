"""What instances are answered: the public port, from the bytes of a request to those of its answer."""
