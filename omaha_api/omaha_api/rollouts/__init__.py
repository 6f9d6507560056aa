"""Grants and rollouts: what is given out, mirrored, ended and counted."""
