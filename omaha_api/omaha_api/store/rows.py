"""How do the core's values stand in rows, and how are they read back?"""

from datetime import UTC, datetime, timedelta
from typing import Any

from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.progress import RolloutRecord
from update_core.fleet.store import InstanceRecord

Row = tuple[Any, ...]

GRANT_COLUMNS = "app_id, track, number, sequence, version, instance_id, state, granted_at, moved_at, deadline, boot_id, error_code, detail"
INSTANCE_COLUMNS = "app_id, instance_id, track, version, first_seen, last_seen, last_refusal, oem, boot_id"
ROLLOUT_COLUMNS = "sequence, version, salt, started_at, kind, completed_at"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970; exact, unlike the float that timestamp() gives."""
    return (at - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """The datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def instant_or_none(value: int | None) -> datetime | None:
    """The datetime of a column that may be empty."""
    return None if value is None else instant(value)


def from_grant(grant: Grant) -> Row:
    """The row of GRANT_COLUMNS."""
    return (
        grant.app_id,
        grant.track,
        grant.number,
        grant.sequence,
        grant.version,
        grant.instance_id,
        grant.state.value,
        micros(grant.granted_at),
        micros(grant.moved_at),
        micros(grant.deadline),
        grant.boot_id,
        grant.error_code,
        grant.detail,
    )


def to_grant(row: Row) -> Grant:
    """The grant of GRANT_COLUMNS."""
    (
        app_id,
        track,
        number,
        sequence,
        version,
        instance_id,
        state,
        granted_at,
        moved_at,
        deadline,
        boot_id,
        error_code,
        detail,
    ) = row
    return Grant(
        app_id=app_id,
        track=track,
        number=number,
        sequence=sequence,
        version=version,
        instance_id=instance_id,
        state=GrantState(state),
        granted_at=instant(granted_at),
        moved_at=instant(moved_at),
        deadline=instant(deadline),
        boot_id=boot_id,
        error_code=error_code,
        detail=detail,
    )


def to_instance(row: Row) -> InstanceRecord:
    """The instance of INSTANCE_COLUMNS."""
    app_id, instance_id, track, version, first_seen, last_seen, last_refusal, oem, boot_id = row
    return InstanceRecord(
        app_id=app_id,
        instance_id=instance_id,
        track=track,
        version=version,
        first_seen=instant(first_seen),
        last_seen=instant(last_seen),
        last_refusal=last_refusal,
        oem=oem,
        boot_id=boot_id,
    )


def to_rollout(row: Row) -> RolloutRecord:
    """The rollout of ROLLOUT_COLUMNS."""
    sequence, version, salt, started_at, kind, completed_at = row
    return RolloutRecord(
        sequence=sequence,
        version=version,
        salt=salt,
        started_at=instant(started_at),
        kind=kind,
        completed_at=instant_or_none(completed_at),
    )
