"""How many new instances may an application have? As many as a fleet grows by in a day, and not as many as somebody makes up.

Ids cost their sender nothing, and each one that is taken in is a row. So what an application has is bounded by what it had when that was
last looked at.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

BASELINE_LASTS = timedelta(days=1)
"""For how long a count of an application's instances is what its growth is measured by."""

DEFAULT_FACTOR = 2
DEFAULT_EXTRA = 10_000


@dataclass(frozen=True, slots=True)
class Growth:
    """What applications may grow to until their next baseline: `factor` times the last one, and `extra`."""

    factor: int = DEFAULT_FACTOR
    """0: there is no bound."""
    extra: int = DEFAULT_EXTRA


UNBOUNDED = Growth(factor=0, extra=0)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The instances of an application: how many there are now, and how many there were when the baseline was taken."""

    known: int
    baseline: int
    taken_at: datetime


def renewed(enrolled: Enrolled, now: datetime) -> Enrolled:
    """With a new baseline where the last one is a day old. One from the future was taken by a clock that was wrong."""
    if timedelta(0) <= now - enrolled.taken_at < BASELINE_LASTS:
        return enrolled
    return Enrolled(enrolled.known, enrolled.known, now)


def closed_until(enrolled: Enrolled, growth: Growth) -> datetime | None:
    """Until when no more are taken in, unless some go; None while there is room. `enrolled` has a baseline that holds."""
    if not growth.factor or enrolled.known < growth.factor * enrolled.baseline + growth.extra:
        return None
    return enrolled.taken_at + BASELINE_LASTS
