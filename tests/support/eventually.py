"""Wait for a condition instead of a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def eventually(condition: Callable[[], object], within: float = 60.0, saying: object = "") -> None:
    """Return as soon as `condition()` is true; AssertionError with `saying` (called, if it can be) after `within` s."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {saying() if callable(saying) else saying}")
        await asyncio.sleep(0.01)
