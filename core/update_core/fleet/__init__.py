"""Instances, their grants, and what moves them; the Protocol that a fleet store implements."""
