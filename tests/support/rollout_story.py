"""What happened to a fleet that a model tells of: instances, what each was given, and how it ended."""

from dataclasses import dataclass, field
from datetime import datetime

from update_core.rollout.plan import HaltOn

LIVE = ("Granted", "Downloading", "Downloaded", "Installed")
"""In the order in which they come."""
FAILED = ("Failed", "TimedOut")


@dataclass
class Given:
    """A grant."""

    track: str
    number: int
    name: str
    sequence: int
    epoch: int
    version: str
    wave: str
    established: bool
    at: datetime
    deadline: datetime
    state: str = "Granted"

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclass(frozen=True)
class Outcome:
    """What became of a grant of the rollout that was judged then."""

    name: str
    sequence: int
    epoch: int
    wave: str
    failed: bool


@dataclass(frozen=True)
class End:
    """A failure of an instance, or its success, on the way to a version."""

    version: str
    failed: bool
    sequence: int
    epoch: int
    at: datetime


@dataclass
class Known:
    """An instance that was heard."""

    first_seen: datetime
    version: str
    track: str
    latest: Given | None = None
    ends: list[End] = field(default_factory=list)

    @property
    def held(self) -> Given | None:
        return self.latest if self.latest is not None and self.latest.live else None


@dataclass(frozen=True)
class Judged:
    """What outcomes are judged by."""

    sequence: int = 0
    epoch: int = 0
    opened: int = 0
    wave: str = ""
    halt_on: HaltOn | None = None


@dataclass
class Track:
    """A group."""

    grants: list[Given] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    highest: int = 0
    judged: Judged = Judged()
    latch: tuple[int, int] | None = None
    """(sequence, epoch) of what was halted last."""
    latched_wave: str = ""
    quiet_until: datetime | None = None


@dataclass(frozen=True)
class Said:
    """An answer: a reason, or an offer with the grant, `new` or held."""

    reason: str = ""
    given: Given | None = None
    new: bool = False
