"""Was the service itself away? Then its silence isn't the fleet's: who counts as active, and what times out, goes on from where it was.

Whoever serves writes a beat every few seconds. Where nobody wrote one for longer than a gap, all were away, or their database was. Such
times don't count against an instance, and for a while afterwards nothing is concluded: not everybody has had a chance to be heard.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BEAT_SECONDS = 10.0
GAP = timedelta(seconds=30)
"""A silence that is longer is an outage: beats come late, and one may fail."""

MAX_OUTAGES = 64
"""How many are told apart; beyond, the oldest are held for one."""

DEFAULT_POLL_SECONDS = 2700
"""How often an instance checks that isn't told how often: every three quarters of an hour, as update_engine does."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which nobody served."""

    began_at: datetime
    ended_at: datetime

    @property
    def length(self) -> timedelta:
        """How long it was."""
        return self.ended_at - self.began_at


@dataclass(frozen=True, slots=True)
class Uptime:
    """When the service was up: `outages` in their order, and the last beat, None before the first."""

    beat_at: datetime | None = None
    outages: tuple[Outage, ...] = ()


NEVER_BEATEN = Uptime()


def beat(uptime: Uptime, now: datetime) -> Uptime:
    """After a beat at `now`; with one more outage if there was a gap before it."""
    before = uptime.beat_at
    if before is None or now - before <= GAP:
        return replace(uptime, beat_at=now)
    return Uptime(now, _bounded((*uptime.outages, Outage(before, now))))


def as_of(uptime: Uptime, now: datetime) -> Uptime:
    """What is to be thought at `now`, before the next beat: a gap up to now is an outage already. Without beats nothing is known of any."""
    return uptime if uptime.beat_at is None else beat(uptime, now)


def horizon(uptime: Uptime, now: datetime, seconds: int) -> datetime:
    """The instant since which the service has been up for so many seconds: who was heard after it is active."""
    left = timedelta(seconds=seconds)
    for outage in reversed(uptime.outages):
        # A clock that was set back may leave an outage in the future.
        up = max(now - outage.ended_at, timedelta(0))
        if up >= left:
            break
        left -= up
        now = min(now, outage.began_at)
    return now - left


def settling_seconds(active_seconds: int, poll_interval_seconds: int | None) -> int:
    """How long the service has to be up after an outage until it is known who is active in a group."""
    return min(active_seconds, 2 * (poll_interval_seconds or DEFAULT_POLL_SECONDS))


def settled(uptime: Uptime, now: datetime, seconds: int) -> bool:
    """Whether the last outage is over for so many seconds."""
    return not uptime.outages or now - uptime.outages[-1].ended_at >= timedelta(seconds=seconds)


def silent(uptime: Uptime, now: datetime, active_seconds: int) -> tuple[datetime, datetime] | None:
    """When an instance was heard last that was active as the last outage began, and hasn't been heard since: from the first instant on,
    before the second.

    Once there is none it is known who is active, however short a time ago that outage was. None while it goes on, or there was none.
    """
    if not uptime.outages or uptime.outages[-1].ended_at >= now:
        return None
    last = uptime.outages[-1]
    return horizon(replace(uptime, outages=uptime.outages[:-1]), last.began_at, active_seconds), last.ended_at


def moved(deadline: datetime, outage: Outage, seconds: int) -> datetime:
    """When something times out that would have at `deadline`, but for an outage: later by its length, and not before `seconds` after it."""
    return max(deadline + outage.length, outage.ended_at + timedelta(seconds=seconds))


def _bounded(outages: tuple[Outage, ...]) -> tuple[Outage, ...]:
    if len(outages) <= MAX_OUTAGES:
        return outages
    first, second, *others = outages
    # As long as both were together, so that nobody is held for silent who couldn't be heard.
    return (Outage(second.began_at - first.length, second.ended_at), *others)
