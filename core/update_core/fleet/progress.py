"""How far each group is, as the Omaha service counts it and the operator reads it.

The operator depends on the Protocol alone; which transport carries a report is the components' affair.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol


class ProgressUnavailable(Exception):  # noqa: N818 - names the state, which becomes the condition FleetReported=False
    """The Omaha service doesn't answer, or isn't ready; the message says which, for people."""


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


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """The groups that changed since an earlier revision of the same epoch, or all of them.

    A group that a full report doesn't name is one that the store never saw.
    """

    epoch: str
    """Changes when the service restarts; a revision of another epoch means nothing."""
    revision: int
    full: bool
    groups: tuple[GroupProgress, ...] = field(default=())


class ProgressSource(Protocol):
    """Where the operator gets its counts."""

    async def fetch(self, epoch: str, revision: int) -> ProgressReport:
        """What changed since (epoch, revision); ("", 0) asks for everything.

        Raises:
            ProgressUnavailable: no answer.
        """
        ...


def to_wire(report: ProgressReport) -> dict[str, Any]:
    """The JSON form of a report; times are RFC 3339."""
    return {
        "epoch": report.epoch,
        "revision": report.revision,
        "full": report.full,
        "groups": [_group_to_wire(group) for group in report.groups],
    }


def from_wire(data: dict[str, Any]) -> ProgressReport:
    """Read a report.

    Raises:
        ValueError: it isn't one.
    """
    try:
        return ProgressReport(
            epoch=str(data["epoch"]),
            revision=int(data["revision"]),
            full=bool(data["full"]),
            groups=tuple(_group_from_wire(group) for group in data["groups"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"not a progress report: {error}"
        raise ValueError(msg) from error


def changed(earlier: Sequence[GroupProgress], later: Sequence[GroupProgress]) -> list[GroupProgress]:
    """The groups of `later` that `earlier` doesn't hold equally."""
    before = {(group.app_id, group.track): group for group in earlier}
    return [group for group in later if before.get((group.app_id, group.track)) != group]


def _group_to_wire(group: GroupProgress) -> dict[str, Any]:
    wire = asdict(group)
    rollout = wire["rollout"]
    if rollout is not None:
        rollout["started_at"] = rollout["started_at"].isoformat()
        rollout["completed_at"] = rollout["completed_at"].isoformat() if rollout["completed_at"] else None
    return wire


def _group_from_wire(wire: dict[str, Any]) -> GroupProgress:
    rollout = wire["rollout"]
    record = None
    if rollout is not None:
        completed_at = rollout["completed_at"]
        record = RolloutRecord(
            sequence=int(rollout["sequence"]),
            version=str(rollout["version"]),
            salt=str(rollout["salt"]),
            started_at=datetime.fromisoformat(rollout["started_at"]),
            kind=str(rollout["kind"]),
            completed_at=datetime.fromisoformat(completed_at) if completed_at else None,
        )
    counts = {
        name: int(wire[name])
        for name in ("total", "active", "on_target", "in_progress", "in_progress_current", "failed")
    }
    return GroupProgress(app_id=str(wire["app_id"]), track=str(wire["track"]), rollout=record, **counts)
