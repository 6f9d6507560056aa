"""What updatectl knows of the fleet API: which instance is meant, what is asked of it, and how its answers read."""
