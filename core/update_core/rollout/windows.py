"""May anything be given out at this moment? Maintenance windows and freezes, as intervals on the one line of time.

A window's days and start are read on a clock in its zone, its length is real seconds: the night in which that clock is put forward or
back, a window is as long as in every other. All intervals are half-open, [start, end).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MAX_WINDOW_SECONDS = 7 * 86400
"""Longest window: a week, after which it begins again."""

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Updates are given out from `start` on each of `days` (Monday is 0), for `seconds`.

    Raises ValueError for no day, one that isn't of the week, or a length that isn't 1 to `MAX_WINDOW_SECONDS`.
    """

    days: frozenset[int]
    start: time
    seconds: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not self.days or not self.days <= frozenset(range(7)):
            raise ValueError(f"{sorted(self.days)} are no days of the week, 0 to 6")
        if not 1 <= self.seconds <= MAX_WINDOW_SECONDS:
            raise ValueError(f"a window is 1 to {MAX_WINDOW_SECONDS} seconds long, not {self.seconds}")

    def openings(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """The instants in [since, until] at which the window opens, in order."""
        day, last = since.astimezone(self.zone).date() - _DAY, until.astimezone(self.zone).date() + _DAY
        while day <= last:
            if day.weekday() in self.days:
                opening = instant(day, self.start, self.zone)
                if since <= opening <= until:
                    yield opening
            day += _DAY

    def is_open(self, now: datetime) -> bool:
        """Whether `now` is in the window."""
        length = timedelta(seconds=self.seconds)
        return any(opening <= now < opening + length for opening in self.openings(now - length, now))

    def next_opening(self, now: datetime) -> datetime:
        """When the window opens the next time after `now`."""
        # Two weeks: no zone skips the same day of the week twice in a row (Samoa skipped a Friday).
        return next(opening for opening in self.openings(now, now + 2 * _WEEK + _DAY) if opening > now)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing is given out from `start` until `end`. Raises ValueError unless it ends after it starts."""

    start: datetime
    end: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError("a freeze ends after it starts")


def opens_at(windows: Sequence[Window], now: datetime) -> datetime | None:
    """None while one of the windows is open, or there are none at all; else when the next one opens."""
    if not windows or any(window.is_open(now) for window in windows):
        return None
    return min(window.next_opening(now) for window in windows)


def thaws_at(freezes: Iterable[Freeze], now: datetime) -> datetime | None:
    """None while there is no freeze; else when the last of those ends that follow on each other without a gap."""
    until = now
    for freeze in sorted(freezes, key=lambda freeze: freeze.start):
        if freeze.start <= until < freeze.end:
            until = freeze.end
    return until if until > now else None


def instant(day: date, local: time, zone: ZoneInfo) -> datetime:
    """When a clock in `zone` shows `local` on `day`, in UTC.

    The first time where it does so twice; where it never does, because the clock was put forward over it, the moment at which it was.
    """
    shown = datetime.combine(day, local, zone)
    first, second = shown.replace(fold=0), shown.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is not None and after is not None and before < after:
        return _put_forward(second.astimezone(UTC), first.astimezone(UTC), zone)
    return first.astimezone(UTC)


def _put_forward(earliest: datetime, latest: datetime, zone: ZoneInfo) -> datetime:
    """The first second of (earliest, latest] at which the zone's offset is another than at `earliest`."""
    offset = earliest.astimezone(zone).utcoffset()
    low, high = 0, int((latest - earliest) / _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if (earliest + middle * _SECOND).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return earliest + high * _SECOND
