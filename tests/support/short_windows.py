"""Maintenance windows and freezes that begin or end within seconds, so that a test can see it happen on the machine's own clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from update_core.rollout import windows


def opening_in(seconds: float, *, for_seconds: int) -> tuple[dict[str, Any], datetime]:
    """A window that opens so soon, and when that is: the next whole second."""
    opens = (datetime.now(UTC) + timedelta(seconds=seconds + 1)).replace(microsecond=0)
    window = {
        "days": [windows.DAYS[opens.weekday()]],
        "startTime": opens.strftime("%H:%M:%S"),
        "durationSeconds": for_seconds,
        "timeZone": "UTC",
    }
    return window, opens


def freeze_until(seconds: float) -> tuple[dict[str, Any], datetime]:
    """A freeze that holds now and ends so soon, and when that is."""
    now = datetime.now(UTC).replace(microsecond=0)
    end = now + timedelta(seconds=seconds + 1)
    start = now - timedelta(days=1)
    return {
        "name": "fair",
        "start": start.strftime(_FORM),
        "end": end.strftime(_FORM),
        "reason": "nobody is there",
    }, end


_FORM = "%Y-%m-%dT%H:%M:%SZ"
