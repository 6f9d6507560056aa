"""Waiting for a condition instead of for a time."""

import time


def until(condition, *, within: float = 30.0):
    """Poll until the condition is true, and return what it returned."""
    deadline = time.monotonic() + within
    while not (met := condition()):
        assert time.monotonic() < deadline, f"not true within {within:.0f} s"
        time.sleep(0.02)
    return met
