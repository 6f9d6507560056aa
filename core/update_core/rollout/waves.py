"""Which instances may move already? The waves of a rollout: what they are in a plan, what has been opened, and whom that lets in.

What is open is the operator's word (Group.status), so that it is the same for all who decide; whom it lets in follows from it, the
rollout's salt and the instance. Percentages are parts per million of the whole order, so waves of the same instances include each other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from update_core.fleet.attributes import Attributes
from update_core.rollout import cohort
from update_core.values import value

EVERYBODY = "everybody"
"""The name of the last wave, whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that has to be true of an instance. `attribute` is a field of Attributes, `arch` or `version`."""

    attribute: str
    values: frozenset[str]
    negated: bool = False

    def holds(self, machine: Attributes, arch: str, version: str) -> bool:
        """Whether it is true; `arch` is the architecture by Debian's name."""
        match self.attribute:
            case "arch":
                value = arch
            case "version":
                value = version
            case name:
                value = getattr(machine, name)
        return (value in self.values) is not self.negated


Match = tuple[Requirement, ...]
"""All of them have to hold; none: everybody."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave as it is planned: a share of the order (`ppm`) or a number of instances, one of the two."""

    name: str
    ppm: int | None = None
    instances: int | None = None
    match: Match = ()
    settle_percent: int = 90
    bake_seconds: int = 0
    approval_required: bool = False


LAST = Wave(EVERYBODY, ppm=cohort.PPM_OF_ALL)


@dataclass(frozen=True, slots=True)
class Opened:
    """A wave as it was opened."""

    name: str
    opened_at: datetime
    ppm: int | None = None
    instances: int | None = None
    match: Match = ()
    expected: int = 0
    """How many established, active instances it was to move when it was opened."""
    settled_at: datetime | None = None
    settled_after_stopped_seconds: int = 0
    """For how long the rollout had stood still when the wave settled: that much of the time since isn't bake."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Instead of waves: a share that grows from `start_ppm` to everybody in so many seconds."""

    start_ppm: int
    duration_seconds: int


@value
class Asking:
    """The instance that may be let in."""

    instance_id: str | None
    machine: Attributes
    arch: str
    version: str


def matches(match: Match, asking: Asking) -> bool:
    """Whether a wave is for the instance."""
    return all(needed.holds(asking.machine, asking.arch, asking.version) for needed in match)


def includes(ppm: int, salt: str, instance_id: str | None) -> bool:
    """Whether an instance is within a share of the order. One without an id has no place in it, and is let in with everybody."""
    if ppm >= cohort.PPM_OF_ALL:
        return True
    return instance_id is not None and cohort.includes(ppm, salt, instance_id)


def ppm_at(linear: Linear, started_at: datetime, stopped: timedelta, now: datetime) -> int:
    """The share that may move at `now`, after `stopped` in which the rollout stood still; it never falls below the start's."""
    moving = now - started_at - stopped
    duration = timedelta(seconds=linear.duration_seconds)
    if moving >= duration:
        return cohort.PPM_OF_ALL
    # In integers of microseconds: no rounding can differ between two who compute it.
    passed, whole = max(moving, timedelta(0)) // _MICROSECOND, duration // _MICROSECOND
    return linear.start_ppm + (cohort.PPM_OF_ALL - linear.start_ppm) * passed // whole


def reached_at(linear: Linear, started_at: datetime, stopped: timedelta, salt: str, instance_id: str) -> datetime:
    """When an instance comes in, if the rollout doesn't stand still any more."""
    needed = cohort.position(salt, instance_id) * cohort.PPM_OF_ALL // 2**64 + 1
    begun = started_at + stopped
    if needed <= linear.start_ppm:
        return begun
    whole = timedelta(seconds=linear.duration_seconds) // _MICROSECOND
    # Rounded up: at that microsecond it is in, and not before.
    passed = -(-(needed - linear.start_ppm) * whole // (cohort.PPM_OF_ALL - linear.start_ppm))
    return begun + passed * _MICROSECOND


_MICROSECOND = timedelta(microseconds=1)
