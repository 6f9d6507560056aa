"""How is a rollout to go on, and how far is it? The two sides: the plan is what people want (spec), the course what has happened (status).

Both are plain values, read from the resources by `plans` and `courses`; the operator, the server, its store and a simulation share them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from update_core.rollout import cohort
from update_core.rollout.waves import LAST, Linear, Opened, Wave


@dataclass(frozen=True, slots=True)
class Retry:
    """How often one instance is given one version, and how long it waits after its first failure."""

    max_attempts: int = 5
    backoff_seconds: int = 60


MAX_BACKOFF = timedelta(days=1)


def backoff(retry: Retry, failures: int) -> timedelta:
    """How long an instance waits after its n-th failure: twice as long each time, at most a day."""
    # The exponent is bounded before the power is taken: 2**1000 seconds fit no timedelta.
    seconds = retry.backoff_seconds * 2 ** min(failures - 1, 32)
    return min(timedelta(seconds=min(seconds, int(MAX_BACKOFF.total_seconds()))), MAX_BACKOFF)


@dataclass(frozen=True, slots=True)
class HaltOn:
    """How many failures are too many."""

    failure_percent: int | None = None
    min_samples: int = 10
    consecutive_failures: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word that a wave may open, for one version."""

    version: str
    wave: str
    skip_bake: bool = False


@dataclass(frozen=True, slots=True)
class HaltRequest:
    """A person's word that a version's rollout stops."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """A person's word that a halted rollout goes on."""

    sequence: int
    epoch: int = 1


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another group that goes first."""

    group: str
    """metadata.name, in the same namespace."""
    min_ppm: int = cohort.PPM_OF_ALL
    soak_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What people want of a group's rollouts. `waves` always ends with one for everybody, and is not looked at where there is `linear`.

    `problem` says why it can't be read, empty where it can; nothing is begun or advanced with such a plan.
    """

    waves: tuple[Wave, ...] = (LAST,)
    linear: Linear | None = None
    approval: Approval | None = None
    halt: HaltRequest | None = None
    resume: Resume | None = None
    halt_on: HaltOn | None = None
    roll_back: bool = False
    retry: Retry = Retry()
    depends_on: tuple[Dependency, ...] = ()
    salt: str | None = None
    complete_percent: int = 100
    min_age_seconds: int = 600
    problem: str = ""

    @property
    def guarded(self) -> bool:
        """Whether a rollout is judged by its outcomes, so that instances nobody knows yet must not have much weight in it."""
        # One that can't be read may be.
        return self.halt_on is not None or len(self.waves) > 1 or bool(self.problem)

    def index(self, name: str) -> int | None:
        """The place of a wave, None where the plan has none of that name."""
        return next((place for place, wave in enumerate(self.waves) if wave.name == name), None)


DEFAULT = Plan()
"""Of a group that says nothing of rollouts: everybody at once, and failures halt nothing."""


class HaltReason(StrEnum):
    """Which bound of HaltOn was reached."""

    FAILURE_PERCENT = "FailurePercent"
    CONSECUTIVE_FAILURES = "ConsecutiveFailures"


@dataclass(frozen=True, slots=True)
class Latch:
    """A rollout was halted by its failures: latched in the store by the transaction that recorded the deciding one."""

    sequence: int
    epoch: int
    at: datetime
    reason: HaltReason
    message: str
    wave: str = ""
    errors: tuple[tuple[int, int], ...] = ()
    """(error code, how many instances sent it), the most frequent first."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far one rollout is, but for what `Stamp` has of it."""

    opened: tuple[Opened, ...] | None = None
    """None: everybody, in a rollout that was stamped before there were waves."""
    linear: Linear | None = None
    epoch: int = 0
    """How often it was resumed."""
    halted: Latch | None = None
    stopped_seconds: int = 0
    """For how long it has stood still, up to `stopped_since`."""
    stopped_since: datetime | None = None
    dependencies_met_at: datetime | None = None
    soaking: tuple[tuple[str, datetime], ...] = ()
    """(group, since when it is far enough), before all are."""

    def stopped(self, now: datetime) -> timedelta:
        """For how long it has stood still until `now`."""
        before = timedelta(seconds=self.stopped_seconds)
        return before if self.stopped_since is None else before + max(now - self.stopped_since, timedelta(0))

    def is_open(self, name: str) -> bool:
        """Whether a wave has been opened."""
        return any(opened.name == name for opened in self.opened or ())


UNGUARDED = Course()
"""Of a rollout that lets everybody in."""
