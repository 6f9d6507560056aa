"""How far each group is, as the fleet store counts it and the operator reads it.

What people and programs see of it in the Kubernetes API is `resources.fleet.progress`.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """A rollout as the store mirrors it: what a lost status is restored from."""

    sequence: int
    version: str
    salt: str
    started_at: datetime
    kind: str = "Update"
    completed_at: datetime | None = None


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
