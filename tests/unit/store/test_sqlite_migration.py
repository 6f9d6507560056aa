"""A file of an earlier version is opened with everything that was in it."""

import sqlite3
from datetime import timedelta

import pytest

from omaha_api.store import epochs, rows, schema
from omaha_api.store.sqlite import migrating
from omaha_api.store.sqlite.store import SqliteStore
from support.fleet_store_actions import HOUR, counts, granted
from support.fleet_store_listing import ALIKE
from support.fleet_store_log import everything
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, grant, sighting
from support.sqlite_stores import StoreClock, made
from update_core import names
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import GrantState
from update_core.fleet.reading import InstanceQuery, Position

FAILED = grant(GrantState.FAILED, number=1, instance_id="two", error_code=9)
COMPLETE = grant(GrantState.COMPLETE, number=2, instance_id="two", granted_at=NOW + HOUR, moved_at=NOW + HOUR)
LIVE = grant(GrantState.DOWNLOADED, number=3, instance_id="one")
LATER_LAPSED = grant(GrantState.LAPSED, number=4, instance_id="four", granted_at=NOW + HOUR)
SEEN = ("one", "two", "three", "four", *ALIKE)


@pytest.fixture
def path(tmp_path):
    """A file as the first released version left it."""
    path = tmp_path / "fleet.db"
    with sqlite3.connect(path) as connection:
        for statement in schema.MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO store (id, created_at) VALUES (1, ?)", (rows.micros(NOW - HOUR),))
        connection.execute("INSERT INTO groups VALUES (?, ?, 1, 5, 1, ?, NULL)", (APP_ID, TRACK, rows.micros(NOW)))
        connection.execute(
            "INSERT INTO rollouts VALUES (?, ?, 1, ?, 'Update', 'salt', ?, NULL)",
            (APP_ID, TRACK, NEW, rows.micros(NOW)),
        )
        connection.executemany(
            "INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, 'Paused', ?, 'b1')",
            [
                (APP_ID, name, TRACK, OLD, rows.micros(NOW - HOUR), rows.micros(NOW), "qemu" if name == "one" else "")
                for name in SEEN
            ],
        )
        connection.executemany(
            "INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [rows.from_grant(each)[:13] for each in (FAILED, COMPLETE, LIVE, LATER_LAPSED)],
        )
        connection.executemany(
            "INSERT INTO history (app_id, instance_id, track, number, at, from_state, to_state, version, sequence, error_code, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
            [
                (APP_ID, "one", TRACK, 3, rows.micros(NOW), "", "Granted", NEW, 1, None),
                (APP_ID, "two", TRACK, 1, rows.micros(NOW), "Granted", "Failed", NEW, 1, 9),
            ],
        )
        connection.execute(f"PRAGMA application_id = {migrating.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    return path


@pytest.fixture
async def store(path):
    store = made(path)
    await store.open()
    yield store
    await store.close()


async def test_every_instance_is_shown_with_its_latest_grant(store):
    found = {row.record.instance_id: row for row in await everything(store)}

    assert {name: (row.state, row.grant) for name, row in found.items() if row.grant} == {
        "one": ("Downloaded", LIVE),
        "two": ("Complete", COMPLETE),
        "four": ("Lapsed", LATER_LAPSED),
    }
    assert set(found) == set(SEEN)
    assert found["three"].state == "Idle"


async def test_what_was_known_of_an_instance_is_kept(store):
    record = await store.instance(APP_ID, "one")

    assert (record.track, record.version, record.boot_id, record.last_refusal) == (TRACK, OLD, "b1", "Paused")
    assert (record.first_seen, record.last_seen) == (NOW - HOUR, NOW)
    assert (record.attributes, record.alias) == (Attributes(oem="qemu"), "")
    assert (await store.instance(APP_ID, "two")).attributes == Attributes()


async def test_names_are_those_of_a_new_file_also_where_two_would_be_equal(store):
    slugs = {row.record.instance_id: row.slug for row in await everything(store)}

    assert slugs["one"] == names.instance_slug(APP_ID, "one")
    short = names.instance_slug(APP_ID, ALIKE[0])
    long = {name: names.instance_slug(APP_ID, name, long=True) for name in ALIKE}
    assert sum(slugs[name] == short for name in ALIKE) == 1
    assert sum(slugs[name] == long[name] for name in ALIKE) == 1


async def test_grants_limits_and_counts_go_on(store):
    assert list(await store.live_grants()) == [LIVE]
    assert (await counts(store)).total == len(SEEN)
    assert (await counts(store)).in_progress == 1
    assert (await granted(store, "three")).number == 5
    (moved,) = (await store.observe(sighting("one", NEW), TIMEOUTS)).grants
    assert moved.state is GrantState.COMPLETE
    assert [row.record.instance_id for row in await store.instances(InstanceQuery(APP_ID, state="Granted"))] == [
        "three"
    ]


async def test_history_is_told(store):
    assert [entry.to_state for entry in await store.history(APP_ID, "two", 9)] == ["Failed"]


async def test_log_begins_with_the_migration(store):
    clock = StoreClock()
    assert await store.position() == Position(epochs.epoch(clock.now), 0, 0)
    await store.observe(sighting("one", NEW), TIMEOUTS)

    (change,) = await store.changes(0, 10)
    assert (change.before.state, change.before.version, change.row.state) == ("Downloaded", OLD, "Complete")


async def test_migration_that_breaks_off_leaves_the_file_as_it_was(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE placements (day TEXT)")
    connection.close()

    with pytest.raises(Exception, match="placements"):
        await made(path).open()

    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM instances WHERE oem = 'qemu'").fetchone() == (1,)
    connection.close()


async def test_file_that_is_made_anew_has_a_greater_epoch(tmp_path):
    epoch = []
    for days in range(2):
        clock = StoreClock()
        clock.now += timedelta(days=days)
        store = SqliteStore(tmp_path / f"{days}.db", clock=clock)
        await store.open()
        epoch.append((await store.position()).epoch)
        await store.close()

    assert epoch[0] < epoch[1] < 1 << epochs.BITS
