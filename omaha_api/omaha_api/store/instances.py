"""The rows of instances: who was heard, running what, in which group, and what came of the latest grant.

Whatever is shown of an instance is written here, together with its entry in the log: a change can't be made without being told.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from omaha_api.store import enrolling, log, machines, rows
from omaha_api.store.database import Connection
from update_core import names
from update_core.fleet.grants import Grant
from update_core.fleet.reading import IDLE, LAST_SEEN_SECONDS, InstanceRow
from update_core.fleet.store import OFFERED, InstanceRecord, Sighting
from update_core.values import value

SHOWN_AFTER = timedelta(seconds=LAST_SEEN_SECONDS)

_SELECT_RECORD = f"SELECT {rows.INSTANCE_COLUMNS} FROM instances WHERE app_id = ? AND instance_id = ?"  # noqa: S608 - the columns are a constant
_SELECT = f"{rows.SELECT_STORED} WHERE instances.app_id = ? AND instances.instance_id = ?"
_INSERT = f"""
    INSERT INTO instances ({rows.INSTANCE_COLUMNS}, slug, machine, shown_seen, state, grant_track, grant_number, revision)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 - the columns are a constant
_SLUG_TAKEN = "SELECT 1 FROM instances WHERE app_id = ? AND slug = ?"
# An UPDATE touches the indexes of the columns that it names, changed or not: each kind of change names its own.
_UPDATE_REPORT = """
    UPDATE instances SET track = ?, version = ?, attributes = ?, machine = ?, alias = ? WHERE id = ?
"""
_UPDATE_GRANT = "UPDATE instances SET state = ?, grant_track = ?, grant_number = ?, attempts = ? WHERE id = ?"
_UPDATE_SHOWN = (
    "UPDATE instances SET last_seen = ?, shown_seen = ?, last_refusal = ?, boot_id = ?, revision = ? WHERE id = ?"
)
_UPDATE_SEEN = "UPDATE instances SET last_seen = ?, boot_id = ? WHERE id = ?"
# A batch is a few statements with one parameter each, and each gives one row at most: asked row by row, the interpreter's lock would
# change hands several times for each of them, and the event loop would wait for it as often. Of a sighting without a refusal the one
# that is held stays.
_SIGHTED = """
    SELECT value ->> 0 AS app_id, value ->> 1 AS instance_id, CAST(value ->> 2 AS BIGINT) AS at, value ->> 3 AS refusal FROM json_each(?)
"""
_TOUCH = f"""
    UPDATE instances SET last_seen = sighted.at FROM ({_SIGHTED}) AS sighted
    WHERE instances.app_id = sighted.app_id AND instances.instance_id = sighted.instance_id AND instances.last_seen < sighted.at
"""  # noqa: S608 - put together from constants
_SELECT_SHOWN = f"""
    SELECT count(*), json_group_array(json_array(id, max(last_seen, at), coalesce(refusal, last_refusal)))
    FROM ({_SIGHTED}) AS sighted CROSS JOIN instances
    WHERE instances.app_id = sighted.app_id AND instances.instance_id = sighted.instance_id
        AND (coalesce(refusal, last_refusal) <> last_refusal OR max(last_seen, at) - shown_seen >= {LAST_SEEN_SECONDS * 1_000_000})
"""  # noqa: S608 - put together from constants
_TOUCH_SHOWN = """
    UPDATE instances SET last_seen = shown.at, shown_seen = shown.at, last_refusal = shown.refusal, revision = ? + shown.place
    FROM (
        SELECT key AS place, CAST(value ->> 0 AS BIGINT) AS id, CAST(value ->> 1 AS BIGINT) AS at, value ->> 2 AS refusal FROM json_each(?)
    ) AS shown
    WHERE instances.id = shown.id
"""
_DELETE = "DELETE FROM instances WHERE id = ?"


@value
class Stored:
    """An instance as its row has it. Its record's last_seen is exact; `shown_seen` is what readers are shown."""

    id: int
    record: InstanceRecord
    slug: str
    revision: int
    shown_seen: datetime
    grant: Grant | None

    @property
    def row(self) -> InstanceRow:
        """The instance as it is shown."""
        return _row(replace(self.record, last_seen=self.shown_seen), self.slug, self.revision, self.grant)

    @property
    def live_grant(self) -> Grant | None:
        """Its grant in flight."""
        return self.grant if self.grant is not None and self.grant.state.live else None


def load(connection: Connection, app_id: str, instance_id: str) -> InstanceRecord | None:
    """The record of an instance, None if it was never seen."""
    row = connection.execute(_SELECT_RECORD, (app_id, instance_id)).fetchone()
    return rows.to_instance(row) if row else None


def stored(connection: Connection, app_id: str, instance_id: str) -> Stored | None:
    """An instance with its latest grant, None if it was never seen."""
    row = connection.execute(_SELECT, (app_id, instance_id)).fetchone()
    if row is None:
        return None
    record, (slug, revision, shown_seen, key), grant = rows.to_stored(row)
    return Stored(key, record, slug, revision, rows.instant(shown_seen), grant)


def seen(before: Stored | None, sighting: Sighting) -> InstanceRecord:
    """The record after a sighting. One that is written late leaves a newer last-seen; one that wasn't answered, the last refusal."""
    refusal = "" if sighting.refusal == OFFERED else sighting.refusal
    if before is None:
        return InstanceRecord(
            app_id=sighting.app_id,
            instance_id=sighting.instance_id,
            track=sighting.track,
            version=sighting.version,
            first_seen=sighting.at,
            last_seen=sighting.at,
            last_refusal=refusal,
            attributes=sighting.attributes,
            alias=sighting.alias,
            boot_id=sighting.boot_id,
        )
    held = before.record
    return replace(
        held,
        track=sighting.track,
        version=sighting.version,
        last_seen=max(held.last_seen, sighting.at),
        last_refusal=refusal if sighting.refusal else held.last_refusal,
        attributes=sighting.attributes,
        alias=sighting.alias,
        boot_id=sighting.boot_id,
    )


def save(
    connection: Connection, before: Stored | None, record: InstanceRecord, grant: Grant | None, at: datetime
) -> None:
    """Write an instance and, if anything changed that is shown, its entry in the log. `grant` is its latest, None after a reset."""
    if before is None:
        _insert(connection, record, grant, at)
        return
    held = before.record
    reported = (record.track, record.version, record.attributes, record.alias)
    report_changed = reported != (held.track, held.version, held.attributes, held.alias)
    # Failures are counted when a grant ends, and forgotten with it.
    grant_changed = grant != before.grant or record.attempts != held.attempts
    aged = record.last_seen - before.shown_seen >= SHOWN_AFTER
    if not (report_changed or grant_changed or aged or record.last_refusal != held.last_refusal):
        connection.execute(_UPDATE_SEEN, (rows.micros(record.last_seen), record.boot_id, before.id))
        return
    revision = log.next_revision(connection)
    if report_changed:
        attributes = rows.from_attributes(record.attributes)
        reported_now = (record.track, record.version, attributes, machines.number(attributes), record.alias)
        connection.execute(_UPDATE_REPORT, (*reported_now, before.id))
    if grant_changed:
        connection.execute(_UPDATE_GRANT, (*_pointer(grant), rows.from_attempts(record.attempts), before.id))
    last_seen = rows.micros(record.last_seen)
    connection.execute(_UPDATE_SHOWN, (last_seen, last_seen, record.last_refusal, record.boot_id, revision, before.id))
    after = _row(record, before.slug, revision, grant)
    # What is merely touched isn't followed by other replicas, which compare all that an instance reports.
    if grant_changed or report_changed:
        log.instance_changed(connection, after, before.row.selectable, at)
    else:
        log.instances_touched(connection, revision, json.dumps([[before.id]]), at)


def touch(connection: Connection, sightings: Sequence[Sighting], at: datetime) -> None:
    """Write last-seen and last refusal of instances that have a record; others are left out."""
    sighted = json.dumps([_sighted(sighting) for sighting in sightings])
    count, shown = connection.execute(_SELECT_SHOWN, (sighted,)).fetchone()
    if count:
        first = log.next_revision(connection, count)
        connection.execute(_TOUCH_SHOWN, (first, shown))
        log.instances_touched(connection, first, shown, at)
    # After those: they have their new last-seen time, and aren't written again.
    connection.execute(_TOUCH, (sighted,))


def _sighted(sighting: Sighting) -> tuple[str, str, int, str | None]:
    refusal = "" if sighting.refusal == OFFERED else sighting.refusal or None
    return sighting.app_id, sighting.instance_id, rows.micros(sighting.at), refusal


def remove(connection: Connection, before: Stored, at: datetime) -> None:
    """Delete an instance's row."""
    revision = log.next_revision(connection)
    connection.execute(_DELETE, (before.id,))
    enrolling.went(connection, before.record.app_id)
    log.instance_removed(connection, replace(before.row, revision=revision), at)


def _insert(connection: Connection, record: InstanceRecord, grant: Grant | None, at: datetime) -> None:
    slug = names.instance_slug(record.app_id, record.instance_id)
    if connection.execute(_SLUG_TAKEN, (record.app_id, slug)).fetchone() is not None:
        slug = names.instance_slug(record.app_id, record.instance_id, long=True)
    revision = log.next_revision(connection)
    machine = machines.number(rows.from_attributes(record.attributes))
    connection.execute(
        _INSERT, (*rows.from_instance(record), slug, machine, rows.micros(record.last_seen), *_pointer(grant), revision)
    )
    enrolling.came(connection, record.app_id, at)
    log.instance_changed(connection, _row(record, slug, revision, grant), None, at)


def _row(shown: InstanceRecord, slug: str, revision: int, grant: Grant | None) -> InstanceRow:
    return InstanceRow(shown, slug, revision, IDLE if grant is None else grant.state.value, grant)


def _pointer(grant: Grant | None) -> tuple[str, str | None, int | None]:
    return (IDLE, None, None) if grant is None else (grant.state.value, grant.track, grant.number)
