"""When may a group give anything out at all? Its windows and freezes together, and until when the answer of a moment holds.

Every check asks, and the answer changes a few times a week. So a schedule keeps the last answer with the stretch of time all through
which it is the same: what it says follows from its windows, its freezes and the moment alone, and asking again is a comparison.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from update_core.rollout import windows
from update_core.rollout.windows import Freeze, Window

NEVER = datetime.max.replace(tzinfo=UTC)
"""After all that a schedule can hold."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands at every moment of [since, until)."""

    since: datetime
    until: datetime
    """The first moment at which it may be otherwise; `NEVER` where there is none."""
    thaws_at: datetime | None = None
    """While frozen, when that ends."""
    opens_at: datetime | None = None
    """While outside of all windows, when the next one opens."""
    closes_at: datetime | None = None
    """While inside, when the first of those that are open closes; None where there are no windows, or none is open."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A group's windows (none: always open) and freezes.

    `problem` says why they can't be read, empty where they can: a schedule that isn't understood is shut, for good.
    """

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    problem: str = ""
    _last: list[Standing] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def always(self) -> bool:
        """Whether it never refuses."""
        return not (self.windows or self.freezes or self.problem)

    def at(self, now: datetime) -> Standing:
        """How it stands at `now`."""
        # Several threads may ask; each takes or leaves one whole answer.
        for last in self._last:
            if last.since <= now < last.until:
                return last
        standing = _standing(self, now)
        self._last[:] = [standing]
        return standing

    def clear_at(self, now: datetime) -> datetime | None:
        """The first moment from `now` on at which nothing of it refuses, None where that is never known."""
        if self.problem:
            return None
        moment = now
        # Each turn but the last ends with a freeze behind it, or a window before it.
        for _ in range(2 * len(self.freezes) + 2):
            thaws, opens = windows.thaws_at(self.freezes, moment), windows.opens_at(self.windows, moment)
            if thaws is None and opens is None:
                return moment
            moment = thaws or opens or moment
        return None

    def shut_at(self, now: datetime) -> datetime | None:
        """The first moment from `now` on at which something of it refuses, None where that isn't within its next hundred changes."""
        if self.problem:
            return now
        moment = now
        for _ in range(_MOST_CHANGES):
            standing = self.at(moment)
            if standing.thaws_at is not None or standing.opens_at is not None:
                return moment
            if standing.until == NEVER:
                return None
            moment = standing.until
        return None


_MOST_CHANGES = 100
ALWAYS = Schedule()


def opening_window(schedule: Schedule, at: datetime) -> Window | None:
    """The window that opens at this moment, the first where several do."""
    just_before = at - timedelta(microseconds=1)
    return next((window for window in schedule.windows if window.next_opening(just_before) == at), None)


def active_freezes(schedule: Schedule, now: datetime) -> list[Freeze]:
    """The freezes that hold at `now`, in the order in which they were written."""
    return [freeze for freeze in schedule.freezes if freeze.start <= now < freeze.end]


def _standing(schedule: Schedule, now: datetime) -> Standing:
    if schedule.problem:
        return Standing(now, NEVER)
    thaws, opens = windows.thaws_at(schedule.freezes, now), windows.opens_at(schedule.windows, now)
    closes = _first_closing(schedule.windows, now) if opens is None else None
    next_freeze = min((freeze.start for freeze in schedule.freezes if freeze.start > now), default=None)
    changes = [moment for moment in (thaws, opens, closes, next_freeze) if moment is not None]
    return Standing(now, min(changes, default=NEVER), thaws, opens, closes)


def _first_closing(all_windows: Iterable[Window], now: datetime) -> datetime | None:
    closings = (window.closes_at(now) for window in all_windows)
    return min((closing for closing in closings if closing is not None), default=None)
