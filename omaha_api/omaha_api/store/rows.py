"""How do the core's values stand in rows, and how are they read back?"""

import functools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from update_core.fleet import attributes as machine
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.reading import IDLE, InstanceRow
from update_core.fleet.store import InstanceRecord
from update_core.rollout.model import Attempts

Row = tuple[Any, ...]

GRANT_COLUMNS = (
    "app_id, track, number, sequence, version, instance_id, state, granted_at, moved_at, deadline, boot_id, error_code, detail, "
    "wave, epoch, established"
)
INSTANCE_COLUMNS = (
    "app_id, instance_id, track, version, first_seen, last_seen, last_refusal, attributes, alias, boot_id, attempts"
)

STORED_COLUMNS = ", ".join(
    [
        *(f"instances.{column}" for column in INSTANCE_COLUMNS.split(", ")),
        *(f"instances.{column}" for column in ("slug", "revision", "shown_seen", "id")),
        *(f"grants.{column}" for column in GRANT_COLUMNS.split(", ")),
    ]
)
"""An instance with its latest grant, whose columns are empty where there is none."""
JOIN_GRANT = """
    LEFT JOIN grants ON grants.app_id = instances.app_id AND grants.track = instances.grant_track
        AND grants.number = instances.grant_number
"""
SELECT_STORED = f"SELECT {STORED_COLUMNS} FROM instances {JOIN_GRANT}"  # noqa: S608 - the columns are a constant

_INSTANCE_WIDTH = len(INSTANCE_COLUMNS.split(", "))
_STORED_WIDTH = _INSTANCE_WIDTH + 4
_LAST_SEEN = INSTANCE_COLUMNS.split(", ").index("last_seen")

_SHARED_ATTRIBUTES = 4096
"""Different sets of attributes that are kept read and written: most instances share theirs with many."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STATES = {state.value: state for state in GrantState}


def micros(at: datetime) -> int:
    """Microseconds since 1970; exact, unlike the float that timestamp() gives."""
    return (at - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """The datetime of microseconds since 1970."""
    return _EPOCH + timedelta(0, 0, value)


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
        grant.wave,
        grant.epoch,
        int(grant.established),
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
        wave,
        epoch,
        established,
    ) = row
    return Grant(
        app_id=app_id,
        track=track,
        number=number,
        sequence=sequence,
        version=version,
        instance_id=instance_id,
        state=_STATES[state],
        granted_at=instant(granted_at),
        moved_at=instant(moved_at),
        deadline=instant(deadline),
        boot_id=boot_id,
        error_code=error_code,
        detail=detail,
        wave=wave,
        epoch=epoch,
        established=bool(established),
    )


@functools.lru_cache(_SHARED_ATTRIBUTES)
def from_attributes(attributes: Attributes) -> str:
    """A JSON array of the attributes in their order, without the empty ones at the end; empty text for none."""
    values = list(attributes)
    while values and not values[-1]:
        values.pop()
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else ""


@functools.lru_cache(_SHARED_ATTRIBUTES)
def to_attributes(text: str) -> Attributes:
    """The attributes of such an array; equal ones are one object, as far as they are remembered."""
    return Attributes(*json.loads(text)) if text else machine.NONE


def from_attempts(attempts: tuple[Attempts, ...]) -> str:
    """A JSON array of arrays, one for each version; empty text for none."""
    if not attempts:
        return ""
    values = [(each.version, each.failures, micros(each.failed_at), each.sequence, each.epoch) for each in attempts]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def to_attempts(text: str) -> tuple[Attempts, ...]:
    """The failures of such an array."""
    return tuple(
        Attempts(version, failures, instant(failed_at), sequence, epoch)
        for version, failures, failed_at, sequence, epoch in json.loads(text)
    )


def to_instance(row: Row) -> InstanceRecord:
    """The instance of INSTANCE_COLUMNS."""
    app_id, instance_id, track, version, first_seen, last_seen, last_refusal, attributes, alias, boot_id, attempts = row
    return InstanceRecord(
        app_id=app_id,
        instance_id=instance_id,
        track=track,
        version=version,
        first_seen=instant(first_seen),
        last_seen=instant(last_seen),
        last_refusal=last_refusal,
        attributes=to_attributes(attributes),
        alias=alias,
        boot_id=boot_id,
        attempts=to_attempts(attempts) if attempts else (),
    )


def from_instance(record: InstanceRecord) -> Row:
    """The row of INSTANCE_COLUMNS."""
    return (
        record.app_id,
        record.instance_id,
        record.track,
        record.version,
        micros(record.first_seen),
        micros(record.last_seen),
        record.last_refusal,
        from_attributes(record.attributes),
        record.alias,
        record.boot_id,
        from_attempts(record.attempts),
    )


def to_stored(row: Row) -> tuple[InstanceRecord, Row, Grant | None]:
    """The record, (slug, revision, shown_seen, id) and the latest grant of STORED_COLUMNS."""
    grant = row[_STORED_WIDTH:]
    return (
        to_instance(row[:_INSTANCE_WIDTH]),
        row[_INSTANCE_WIDTH:_STORED_WIDTH],
        None if grant[0] is None else to_grant(grant),
    )


def to_row(row: Row) -> InstanceRow:
    """The instance of STORED_COLUMNS as it is shown."""
    slug, revision, shown_seen, _ = row[_INSTANCE_WIDTH:_STORED_WIDTH]
    record = to_instance((*row[:_LAST_SEEN], shown_seen, *row[_LAST_SEEN + 1 : _INSTANCE_WIDTH]))
    grant = None if row[_STORED_WIDTH] is None else to_grant(row[_STORED_WIDTH:])
    return InstanceRow(record, slug, revision, IDLE if grant is None else grant.state.value, grant)
