"""Instances that only pretend: thousands of Omaha clients in one process."""
