"""What happened in a simulation, hour by hour, and how it ended."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from update_core.rollout.advance import Happened
from update_core.rollout.plan import Course
from update_core.simulation.assumptions import MICROSECONDS

HOUR = 3600 * MICROSECONDS


class End(StrEnum):
    """How it ended."""

    COMPLETE = "Complete"
    HALTED = "Halted"
    UNFINISHED = "Unfinished"
    """It was neither when the time looked at was over."""


class Entry(NamedTuple):
    """A grant, or what became of one: `what` is a GrantState. Times are microseconds since the rollout began."""

    at: int
    instance: int
    what: str
    wave: str
    version: str


@dataclass(slots=True)
class Hour:
    """What was counted in one hour of the rollout, and how it stood when it was over."""

    granted: int = 0
    succeeded: int = 0
    failed: int = 0
    """Reported as failed, or timed out."""
    lapsed: int = 0
    """Not heard in time before the download was over."""
    on_target: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A transition of the rollout."""

    at: datetime
    happened: Happened


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a simulation."""

    started_at: datetime
    end: End
    ended_at: datetime
    why: str
    """What it waited for, or why it was halted; empty if it is complete."""
    course: Course
    moments: tuple[Moment, ...]
    hours: tuple[Hour, ...]
    """Each hour since it began, to the last in which anything happened."""
    fleet: int
    """Instances that were there in all."""
    active: int
    on_target: int
    granted: int
    succeeded: int
    failed: int
    exhausted: int
    """Instances that weren't to be had: attempts exhausted, excluded, or at a dead end."""
    checks: int
    """Those that were decided one by one."""
    log: tuple[Entry, ...] = ()


@dataclass(slots=True)
class Journal:
    """What is written down while it runs."""

    started_at: datetime
    logged: bool
    moments: list[Moment] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)

    def hour(self, at: int) -> Hour:
        """The hour of a time; those before it that nothing was written of stand as the last one did."""
        hours, number = self.hours, at // HOUR
        while len(hours) <= number:
            last = hours[-1] if hours else Hour()
            hours.append(Hour(on_target=last.on_target, in_flight=last.in_flight))
        return hours[number]

    def transitions(self, at: int, happened: tuple[Happened, ...]) -> None:
        """Transitions of the rollout."""
        moment = self.started_at + timedelta(microseconds=at)
        self.moments.extend(Moment(moment, each) for each in happened)
