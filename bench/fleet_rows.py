"""How does a fleet of a million get into a store in well under a minute? Straight into the tables that an empty store made."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import psycopg

from omaha_api.store import machines, rows
from omaha_api.store.postgres import connections as postgres_connections
from omaha_api.store.postgres.database import PostgresDatabase
from omaha_api.store.postgres.timekeeping import OwnClock
from omaha_api.store.sqlite import connections, migrating
from update_core import names
from update_core.fleet.grants import Grant
from update_core.fleet.reading import IDLE
from update_core.fleet.store import InstanceRecord

Fleet = Iterable[tuple[InstanceRecord, Grant | None]]
"""Instances, each with its only grant if it has one."""

CHUNK = 10_000

_INSTANCE_COLUMNS = f"{rows.INSTANCE_COLUMNS}, slug, machine, shown_seen, state, grant_track, grant_number, revision"
_GROUP_COLUMNS = "app_id, track, highest_sequence, next_number, in_flight, last_grant_at"
_INDEXES = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name IN ('instances', 'grants') AND sql IS NOT NULL"
_POSTGRES_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename IN ('instances', 'grants') AND indexname NOT LIKE '%_pkey'
"""


class _Counters:
    """The rows of the groups that the grants are of, counted as they go by."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], tuple[int, int, int]] = {}

    def count(self, grant: Grant) -> None:
        key = (grant.app_id, grant.track)
        sequence, next_number, in_flight = self._groups.get(key, (0, 1, 0))
        live = in_flight + grant.state.live
        self._groups[key] = (max(sequence, grant.sequence), max(next_number, grant.number + 1), live)

    def rows(self, now: datetime) -> list[rows.Row]:
        return [(*key, *counted, rows.micros(now)) for key, counted in self._groups.items()]


def into_sqlite(path: Path, fleet: Fleet, now: datetime) -> None:
    """Make a store's file with the fleet in it; `now` is the store's birth."""
    connection = connections.connect(path)
    migrating.migrate(connection, path, now)
    connection.execute("PRAGMA synchronous = OFF")
    # Indexes are made at the end: sorted once, they cost a third of what they cost row by row.
    indexes = connection.execute(_INDEXES).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("BEGIN")
    counters = _Counters()
    for instances, grants in _chunks(fleet, counters):
        connection.executemany(_insert("instances", _INSTANCE_COLUMNS), instances)
        connection.executemany(_insert("grants", rows.GRANT_COLUMNS), grants)
    connection.executemany(_insert("groups", _GROUP_COLUMNS), counters.rows(now))
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


def into_postgres(url: str, fleet: Fleet, now: datetime) -> None:
    """Make a store in an empty database, with the fleet in it."""
    database = PostgresDatabase(url, OwnClock(lambda: now))
    database.open().close()
    with psycopg.connect(**database.parameters, autocommit=True) as connection:
        connection.execute(f"SET search_path = {postgres_connections.SCHEMA}")
        indexes = connection.execute(_POSTGRES_INDEXES).fetchall()
        counters = _Counters()
        with connection.transaction():
            for name, _ in indexes:
                connection.execute(f'DROP INDEX "{name}"'.encode())
            for instances, grants in _chunks(fleet, counters):
                _copy(connection, "instances", _INSTANCE_COLUMNS, instances)
                _copy(connection, "grants", rows.GRANT_COLUMNS, grants)
            _copy(connection, "groups", _GROUP_COLUMNS, counters.rows(now))
            for _, definition in indexes:
                connection.execute(definition.encode())
        # As it is after the server's own upkeep: without statistics it would go through whole tables.
        connection.execute("VACUUM ANALYZE instances")
        connection.execute("VACUUM ANALYZE grants")


def _chunks(fleet: Fleet, counters: _Counters) -> Iterator[tuple[list[rows.Row], list[rows.Row]]]:
    remaining = iter(fleet)
    while chunk := list(islice(remaining, CHUNK)):
        grants = [grant for _, grant in chunk if grant is not None]
        for grant in grants:
            counters.count(grant)
        yield [_row(record, grant) for record, grant in chunk], [rows.from_grant(grant) for grant in grants]


def _row(record: InstanceRecord, grant: Grant | None) -> rows.Row:
    slug = names.instance_slug(record.app_id, record.instance_id)
    pointer = (IDLE, None, None) if grant is None else (grant.state.value, grant.track, grant.number)
    machine = machines.number(rows.from_attributes(record.attributes))
    return (*rows.from_instance(record), slug, machine, rows.micros(record.last_seen), *pointer, 0)


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' for _ in columns.split(', '))})"


def _copy(
    connection: psycopg.Connection[tuple[object, ...]], table: str, columns: str, written: Iterable[rows.Row]
) -> None:
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
        for row in written:
            copy.write_row(row)
