"""What a reconcile function answers: the status that the object should have, and what to tell people once it has it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from update_core.fleet.progress import GroupProgress
from update_core.resources.conditions import Reason

S_co = TypeVar("S_co", covariant=True)


class Severity(StrEnum):
    """The two types that a Kubernetes Event may have."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """An Event to be: recorded once the status that it speaks of has been written."""

    severity: Severity
    reason: Reason
    action: str
    note: str


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S_co]):
    """The desired status. None: it can't be said yet, and what is there stays; what is waited for enqueues the object again."""

    status: S_co | None
    notices: tuple[Notice, ...] = ()
    again_at: datetime | None = None
    """When it may come out differently though nothing but the time has changed; None: it won't."""


class Contact(StrEnum):
    """How things stand with the fleet API."""

    STARTING = "Starting"
    """It has had too little time to answer: nothing is begun, and nothing is said against it."""
    ANSWERING = "Answering"
    AWAY = "Away"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is known of one group's instances. `progress` is what was said last, None where the store never saw the group."""

    contact: Contact
    known: bool = False
    """Whether a complete list has arrived since this process began: only then does a missing `progress` mean "never seen"."""
    progress: GroupProgress | None = None
    trouble: str = ""
    """Why the fleet API is away and what to do about it, without a full stop; empty while it isn't."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an object can't be Ready."""

    reason: Reason
    message: str

    @property
    def stalled(self) -> bool:
        """Whether it takes a person: a reference that is missing resolves itself when the other object appears."""
        return self.reason != Reason.REFERENCE_NOT_FOUND
