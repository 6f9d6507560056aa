"""Waiting for a condition instead of for a time."""

import time


def until(condition, what: str = "what was waited for", *, within: float = 60.0):
    """Poll until the condition is true, and return what it returned."""
    deadline = time.monotonic() + within
    while not (met := condition()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.02)
    return met
