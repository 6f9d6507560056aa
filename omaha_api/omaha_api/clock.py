"""What time is it? The one place that asks; everything else is given a Clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time as an aware UTC datetime."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
