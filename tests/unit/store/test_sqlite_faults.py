"""A full disk, a locked file, a process killed: the store says so, loses nothing that it acknowledged, and comes back by itself."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from omaha_api.store import checking
from omaha_api.store.sqlite import connections
from omaha_api.store.sqlite.store import SqliteStore
from support.fleet_store_actions import ask, assert_in_flight_agrees, granted
from support.fleet_values import APP_ID, NOW, group, sighting
from support.sqlite_stores import made
from update_core.fleet.store import Moved, StoreUnavailable

TESTS = Path(__file__).parents[2]
GRANT_UNTIL_KILLED = """
import asyncio, pathlib, sys
from support.fleet_store_actions import granted
from support.sqlite_stores import made
async def client(store, name):
    for number in range(1_000_000):
        grant = await granted(store, f"{name}-{number}")
        print(grant.number, grant.instance_id, flush=True)
async def main():
    store = made(pathlib.Path(sys.argv[1]))
    await store.open()
    await asyncio.gather(*(client(store, f"client-{number}") for number in range(16)))
asyncio.run(main())
"""
FAIL_UNTIL_KILLED = """
import asyncio, pathlib, sys
from support.fleet_store_actions import known
from support.fleet_store_outcomes import judged, outcome
from support.sqlite_stores import made
from update_core.rollout.plan import HaltOn
async def client(store, name):
    for number in range(1_000_000):
        of_group = judged(HaltOn(consecutive_failures=100), track=name)
        await known(store, f"{name}-{number}", track=name)
        moved = await outcome(store, f"{name}-{number}", of_group)
        print(name, number + 1, len(moved.halted), flush=True)
        if moved.halted:
            return
async def main():
    store = made(pathlib.Path(sys.argv[1]))
    await store.open()
    await asyncio.gather(*(client(store, f"client-{number}") for number in range(8)))
    await asyncio.Event().wait()
asyncio.run(main())
"""
GRANT_WITH_NO_ROOM = """
import asyncio, pathlib, resource, sys
from support.fleet_store_actions import granted
from support.sqlite_stores import made
from update_core.fleet.store import StoreUnavailable
def largest_file(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
async def main():
    store = made(pathlib.Path(sys.argv[1]))
    await store.open()
    largest_file(300_000)
    number = 0
    try:
        while True:
            grant = await granted(store, f"before-{number}")
            number += 1
    except StoreUnavailable as error:
        print(number, error)
    largest_file(resource.RLIM_INFINITY)
    print((await granted(store, "after")).instance_id)
    print(len(await store.live_grants()))
    await store.close()
asyncio.run(main())
"""


class Disk:
    """A disk on which the database may have so many pages."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def connect(self, path: Path) -> sqlite3.Connection:
        connection = connections.connect(path)
        connection.execute(f"PRAGMA max_page_count = {self.pages}")
        return connection


@pytest.fixture
def disk():
    return Disk(pages=40)


@pytest.fixture
async def store(tmp_path, disk):
    store = made(tmp_path / "fleet.db", disk.connect)
    await store.open()
    yield store
    await store.close()


async def fill(store: SqliteStore) -> tuple[list[str], str]:
    """Grant until the disk is full; returns who has a grant, and what the store says."""
    names: list[str] = []
    try:
        while True:
            await granted(store, f"i{len(names)}")
            names.append(f"i{len(names)}")
    except StoreUnavailable as error:
        return names, str(error)


def run(script: str, path: Path, **options) -> subprocess.Popen:
    """A Python process of its own on the database file."""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    return subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True, env=environment, **options
    )


async def test_full_database_makes_the_store_unavailable_and_keeps_what_was_granted(store):
    names, message = await fill(store)

    assert "full" in message
    assert {grant.instance_id for grant in await store.live_grants()} == set(names)
    assert await store.instance(APP_ID, names[0]) is not None
    await assert_in_flight_agrees(store)


async def test_store_works_again_once_there_is_room(store, disk):
    names, _ = await fill(store)
    with pytest.raises(StoreUnavailable):
        await asyncio.gather(*(ask(store, f"again-{number}") for number in range(200)))

    disk.pages = 10_000
    grant = await granted(store, "after")

    assert grant.number > len(names)
    assert "after" in {live.instance_id for live in await store.live_grants()}
    await assert_in_flight_agrees(store)


def test_file_that_may_not_grow_makes_the_store_unavailable_until_it_may(tmp_path):
    with run(GRANT_WITH_NO_ROOM, tmp_path / "fleet.db") as process:
        printed, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    failed, after, live = printed.splitlines()
    number, message = failed.split(maxsplit=1)
    assert int(number) > 0
    assert "the database failed" in message
    assert (after, int(live)) == ("after", int(number) + 1)


async def test_writer_that_is_locked_out_is_unavailable_and_reads_go_on(tmp_path):
    def connect(path: Path) -> sqlite3.Connection:
        connection = connections.connect(path)
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    store = made(tmp_path / "fleet.db", connect)
    await store.open()
    await granted(store, "one")
    shell = connections.connect(tmp_path / "fleet.db")
    shell.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked"):
        await granted(store, "two")
    assert await store.instance(APP_ID, "one") is not None
    assert not (await store.fleet(group(), "two", NOW)).available

    shell.close()
    await granted(store, "two")
    assert (await store.fleet(group(), "two", NOW)).available
    await store.close()


async def test_transaction_that_fails_leaves_no_gap_in_the_log_and_no_entry(tmp_path):
    store = made(tmp_path / "fleet.db")
    await store.open()
    sightings = [sighting("one"), sighting("bad", alias="\ud800"), sighting("two")]

    results = await asyncio.gather(*(store.observe(seen, None) for seen in sightings), return_exceptions=True)
    changes = await store.changes(0, 10)
    await store.close()

    assert [type(result) for result in results] == [Moved, UnicodeEncodeError, Moved]
    assert [(change.revision, change.row.record.instance_id) for change in changes] == [(1, "one"), (2, "two")]


async def test_killed_process_has_lost_no_grant_that_it_acknowledged(tmp_path):
    with run(GRANT_UNTIL_KILLED, tmp_path / "fleet.db") as process:
        acknowledged = [process.stdout.readline() for _ in range(300)]
        process.kill()
        acknowledged += process.stdout.readlines()

    store = made(tmp_path / "fleet.db")
    await store.open()
    grants = await store.live_grants()
    await assert_in_flight_agrees(store)
    await store.close()

    kept = {f"{grant.number} {grant.instance_id}\n" for grant in grants}
    assert {line for line in acknowledged if line.endswith("\n")} <= kept
    assert sorted(grant.number for grant in grants) == list(range(1, len(grants) + 1))
    connection = sqlite3.connect(tmp_path / "fleet.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("said", [60, 500, 800], ids=["early", "in the middle", "when all are halted"])
async def test_outcomes_that_were_answered_count_after_a_kill_and_halts_stay(tmp_path, said):
    process = run(FAIL_UNTIL_KILLED, tmp_path / "fleet.db")
    answered = [next(process.stdout).split() for _ in range(said)]
    process.kill()
    answered += [line.split() for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()

    store = made(tmp_path / "fleet.db")
    await store.open()
    latched = {ledger.track for ledger in await store.ledgers() if ledger.latch is not None}
    await store.close()

    connection = sqlite3.connect(tmp_path / "fleet.db")
    counted = dict(connection.execute("SELECT track, failed FROM tallies").fetchall())
    found = checking.findings(connection)
    connection.close()
    assert found == []
    assert latched >= {name for name, _, halted in answered if halted == "1"}
    assert latched == {name for name, failed in counted.items() if failed == 100}
    assert all(counted[name] >= int(number) for name, number, _ in answered)
