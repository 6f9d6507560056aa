"""A store of the version before there were waves is opened with everything that was in it, on either database."""

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from omaha_api.store import checking, rows, schema
from omaha_api.store.postgres import dialect
from omaha_api.store.sqlite import migrating
from support import postgres_stores, sqlite_stores
from support.fleet_store_actions import HOUR, SECOND, ask, counts, granted, known, ledger_of
from support.fleet_store_outcomes import THREE_IN_A_ROW, judged, outcomes
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, grant, group, sighting
from update_core.fleet.grants import GrantState
from update_core.fleet.reading import InstanceQuery, LogExpired
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Limits, Offer, Reason, Refusal
from update_core.rollout.plan import Plan
from update_core.rollout.waves import Requirement, Wave

WITHOUT_WAVES = 2
LIVE = grant(GrantState.DOWNLOADED, number=1, instance_id="one", deadline=NOW + HOUR)
FAILED = grant(GrantState.FAILED, number=2, instance_id="two", error_code=9)
BORN, THEN = rows.micros(NOW - HOUR), rows.micros(NOW)


def _instance(number: int, name: str, state: str, grant_number: int | None) -> dict[str, Any]:
    return {
        "app_id": APP_ID,
        "instance_id": name,
        "slug": f"slug-{number}",
        "track": TRACK,
        "version": OLD,
        "first_seen": BORN,
        "last_seen": THEN,
        "shown_seen": THEN,
        "last_refusal": "",
        "attributes": '["qemu"]',
        "alias": "",
        "boot_id": "b1",
        "state": state,
        "grant_track": TRACK if grant_number else None,
        "grant_number": grant_number,
        "revision": number,
    }


GRANT_COLUMNS = rows.GRANT_COLUMNS.split(", ")[:13]
LEFT: list[tuple[str, dict[str, Any]]] = [
    (
        "groups",
        {
            "app_id": APP_ID,
            "track": TRACK,
            "highest_sequence": 1,
            "next_number": 3,
            "in_flight": 1,
            "last_grant_at": THEN,
        },
    ),
    (
        "rollouts",
        {
            "app_id": APP_ID,
            "track": TRACK,
            "sequence": 1,
            "version": NEW,
            "kind": "Update",
            "salt": "salt-1",
            "started_at": THEN,
        },
    ),
    ("instances", _instance(1, "one", "Downloaded", 1)),
    ("instances", _instance(2, "two", "Failed", 2)),
    ("instances", _instance(3, "three", "Idle", None)),
    *(("grants", dict(zip(GRANT_COLUMNS, rows.from_grant(each), strict=False))) for each in (LIVE, FAILED)),
    ("changes", {"revision": 3, "at": THEN, "kind": "i", "content": '["slug-3",["as it was written then"],null,null]'}),
    ("progress", {"app_id": APP_ID, "track": TRACK, "revision": 3, "first_published": THEN, "counts": '["then"]'}),
]


@dataclass
class Place:
    """Where a store is: what makes it, and what looks at its rows."""

    made: Any
    connect: Any


@pytest.fixture
def sqlite_place(tmp_path):
    path = tmp_path / "fleet.db"
    with sqlite3.connect(path) as connection:
        for statements in schema.MIGRATIONS[:WITHOUT_WAVES]:
            for statement in statements:
                if not isinstance(statement, schema.SqliteOnly):
                    connection.execute(statement)
        connection.execute(f"INSERT INTO store (id, created_at, epoch, revision) VALUES (1, {BORN}, 1, 3)")
        for table, row in LEFT:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        connection.execute(f"PRAGMA application_id = {migrating.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {WITHOUT_WAVES}")
    connection.close()
    return Place(lambda: sqlite_stores.made(path), lambda: sqlite3.connect(path))


@pytest.fixture
def postgres_place(postgres):
    name = postgres.create()
    url = postgres.url(name)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA update_service")
        connection.execute("SET search_path = update_service")
        connection.execute("CREATE TABLE about (program TEXT NOT NULL, schema BIGINT NOT NULL)")
        connection.execute(f"INSERT INTO about VALUES ('update-service', {WITHOUT_WAVES})")
        for statements in schema.MIGRATIONS[:WITHOUT_WAVES]:
            for statement in statements:
                if not isinstance(statement, schema.SqliteOnly):
                    connection.execute(dialect.table(statement))
        connection.execute(f"INSERT INTO store (id, created_at, epoch, revision) VALUES (1, {BORN}, 1, 3)")
        for table, row in LEFT:
            marks = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    yield Place(
        lambda: postgres_stores.made(url), lambda: psycopg.connect(url, options="-c search_path=update_service")
    )
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request):
    return request.getfixturevalue(f"{request.param}_place")


@pytest.fixture
async def store(place):
    store = place.made()
    await store.open()
    yield store
    await store.close()


async def test_what_was_known_is_kept(store):
    found = {row.record.instance_id: row for row in await store.instances(InstanceQuery(APP_ID))}

    assert {name: (row.state, row.grant) for name, row in found.items()} == {
        "one": ("Downloaded", LIVE),
        "two": ("Failed", FAILED),
        "three": ("Idle", None),
    }
    record = found["one"].record
    assert (record.first_seen, record.attributes.oem, record.boot_id, record.attempts) == (
        NOW - HOUR,
        "qemu",
        "b1",
        (),
    )


async def test_group_goes_on_with_its_limits_and_without_a_halt(store):
    ledger = await ledger_of(store)
    limited = group(limits=Limits(max_updates=2, period_seconds=60, max_in_flight=5))

    assert (ledger.highest_sequence, ledger.next_number, ledger.in_flight) == (1, 3, 1)
    assert (ledger.latch, dict(ledger.through), ledger.newcomers_in_flight) == (None, {}, 0)
    assert (await ask(store, "three", limited)).decision == Refusal(Reason.RATE_LIMITED, NOW + 60 * SECOND)
    assert isinstance((await ask(store, "three", limited, at=NOW + 60 * SECOND)).decision, Offer)


async def test_update_under_way_is_finished(store):
    (moved,) = (await store.observe(sighting("one", NEW, at=NOW + SECOND), TIMEOUTS)).grants

    assert moved.state is GrantState.COMPLETE
    assert list(await store.live_grants()) == []
    assert (await ledger_of(store)).newcomers_in_flight == 0


async def test_counts_and_rollout_are_told(store):
    progress = await counts(store)

    assert (progress.rollout.version, progress.rollout.salt, progress.total, progress.failed) == (NEW, "salt-1", 3, 1)


async def test_instances_are_counted_by_the_machines_that_they_reported_before(store):
    qemu = (Requirement("oem", frozenset({"qemu"})),)
    plan = Plan(waves=(Wave("qemu", ppm=PPM_OF_ALL, match=qemu), Wave("everybody", ppm=PPM_OF_ALL)))
    await known(store, "without words")

    waves = (await counts(store, group(plan=plan))).waves

    assert {name: wave.waiting for name, wave in waves.items()} == {"qemu": 3, "everybody": 4}


async def test_log_begins_anew(store):
    position = await store.position()

    assert (position.oldest, position.latest) == (3, 3)
    with pytest.raises(LogExpired):
        await store.changes(0, 10)
    assert list(await store.progresses()) == []
    await store.observe(sighting("three", NEW, at=NOW + SECOND), TIMEOUTS)
    assert [change.row.record.instance_id for change in await store.changes(3, 10)] == ["three"]


async def test_next_rollout_is_judged(store):
    await known(store, "four")
    later = judged(THREE_IN_A_ROW, sequence=2, version="1.2.0")

    assert await outcomes(store, later, [9, 9, 9]) == [False, False, True]
    assert (await ask(store, "four", later)).decision == Refusal(Reason.HALTED)


async def test_rows_are_sound(store, place):
    await granted(store, "three", at=NOW + timedelta(minutes=1))
    await store.close()
    connection = place.connect()

    assert checking.findings(connection) == []
    connection.close()
    await store.open()
