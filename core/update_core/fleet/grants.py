"""A grant: the permission given to one instance for one version, and the states that it goes through.

States only move forward, and skipped ones are legal; `evidence` says what moves them. Times are aware UTC datetimes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from update_core.values import value


class GrantState(StrEnum):
    """Where an instance is with its update (docs/rollouts.md has them for users)."""

    GRANTED = "Granted"
    DOWNLOADING = "Downloading"
    DOWNLOADED = "Downloaded"
    INSTALLED = "Installed"
    ON_HOLD = "OnHold"

    COMPLETE = "Complete"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    LAPSED = "Lapsed"
    RELEASED = "Released"
    SUPERSEDED = "Superseded"
    MOVED = "Moved"
    FORGOTTEN = "Forgotten"
    """Ended by a person: the instance was reset or forgotten."""

    @property
    def live(self) -> bool:
        """Whether the grant is in flight."""
        return self in PROGRESS

    @property
    def revivable(self) -> bool:
        """Whether reporting the granted version still completes it: nobody was told that it failed but the clock."""
        return self in {GrantState.TIMED_OUT, GrantState.LAPSED}


PROGRESS: dict[GrantState, int] = {
    GrantState.GRANTED: 0,
    GrantState.DOWNLOADING: 1,
    GrantState.DOWNLOADED: 2,
    GrantState.INSTALLED: 3,
    GrantState.ON_HOLD: 4,
}
"""The live states in their order; a move to a lower or equal rank is no move."""

FAILURES = frozenset({GrantState.FAILED, GrantState.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an instance in flight may be silent, in seconds, from the Group's spec."""

    update_seconds: int
    reboot_seconds: int

    def of(self, state: GrantState) -> int:
        """The time-out that runs in a live state."""
        return self.reboot_seconds if PROGRESS[state] >= PROGRESS[GrantState.INSTALLED] else self.update_seconds


@value
class Grant:
    """One grant.

    `number` is dense and rises by one per (app_id, track): the rate limit reads one row by it. `boot_id` is the one that the instance
    had when it reached Installed. `detail` says more about how it ended, such as RolledBack or BootedOldVersion.
    """

    app_id: str
    track: str
    number: int
    sequence: int
    version: str
    instance_id: str
    state: GrantState
    granted_at: datetime
    moved_at: datetime
    deadline: datetime
    boot_id: str = ""
    error_code: int | None = None
    detail: str = ""
    wave: str = ""
    """The wave through which it was given; empty where there was none."""
    epoch: int = 0
    """How often its rollout had been resumed then."""
    established: bool = True
    """Whether its instance was known well enough for the outcome to count where a rollout is judged."""
