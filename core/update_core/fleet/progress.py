"""How far each group is, as the fleet store counts it and the operator reads it.

What people and programs see of it in the Kubernetes API is `resources.fleet.progress`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from update_core.rollout.advance import WaveCounts
from update_core.rollout.plan import UNGUARDED, Course, Latch


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """A rollout as the store mirrors it: what a lost status is restored from."""

    sequence: int
    version: str
    salt: str
    started_at: datetime
    kind: str = "Update"
    completed_at: datetime | None = None
    from_version: str = ""
    course: Course = UNGUARDED
    """As it was stamped last."""


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """Counts of one (app_id, track). They are about the rollout `rollout`, the highest that the store has seen, None before the first."""

    app_id: str
    track: str
    rollout: RolloutRecord | None = None
    total: int = 0
    active: int = 0
    on_target: int = 0
    """Active instances at or above the version of `rollout`."""
    in_progress: int = 0
    """Live grants of any rollout."""
    in_progress_current: int = 0
    """Live grants of `rollout`."""
    failed: int = 0
    """Instances whose latest grant in `rollout` failed or timed out."""
    finished: int = 0
    """Active instances that aren't on target and that were refused last as AttemptsExhausted, DeadEnd or Excluded."""
    waves: Mapping[str, WaveCounts] = field(default_factory=lambda: MappingProxyType({}))
    """Of every wave that is open in `rollout` or planned for it, by name."""
    latch: Latch | None = None
    """What failures halted last in this group, with the errors that were reported most."""
    settled: bool = True
    """Whether the service has been up for long enough to know who is active: False for a while after an outage of its own."""
