"""The database file: who may open it, which ones are refused and in which words, and what is found in it again."""

import asyncio
import os
import sqlite3
import subprocess
import sys

import pytest

from omaha_api.store import rows, schema
from omaha_api.store.sqlite.store import SqliteStore
from support.fleet_store_actions import ask, granted, weigh
from support.fleet_values import APP_ID, NEW, NOW, group, sighting, stamp
from support.sqlite_stores import made
from update_core.fleet.evidence import Event
from update_core.fleet.store import StoreUnavailable

HOLD_OPEN = """
import asyncio, pathlib, sys
from omaha_api.store.sqlite.store import SqliteStore
async def main():
    store = SqliteStore(pathlib.Path(sys.argv[1]))
    await store.open()
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()
asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "fleet.db"


async def refusal(path) -> str:
    """Why the store can't be opened."""
    with pytest.raises(StoreUnavailable) as refused:
        await SqliteStore(path).open()
    return str(refused.value)


def change(path, statement: str) -> None:
    """Write to a database file as another program would."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


async def test_everything_is_there_after_closing_and_opening_again(path):
    store = made(path)
    await store.open()
    await store.record_rollout(group(), stamp(), completed=True, now=NOW)
    await granted(store, "one")
    await granted(store, "two")
    await weigh(store, "two", Event(3, 1, boot_id="b1"))
    before = (
        await store.live_grants(),
        await store.ledgers(),
        await store.progress([], NOW),
        await store.instance(APP_ID, "one"),
        await store.position(),
        await store.changes(0, 10),
    )
    await store.close()

    again = SqliteStore(path)
    await again.open()
    after = (
        await again.live_grants(),
        await again.ledgers(),
        await again.progress([], NOW),
        await again.instance(APP_ID, "one"),
        await again.position(),
        await again.changes(0, 10),
    )
    await again.close()

    assert after == before


@pytest.fixture
def holder(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_OPEN, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


async def test_second_process_is_told_who_has_the_file_and_gets_it_once_that_one_is_gone(path, holder):
    assert f"in use by another process (pid {holder.pid})" in await refusal(path)

    holder.kill()
    holder.wait()
    store = SqliteStore(path)
    await store.open()
    await store.close()


async def test_second_store_in_one_process_is_refused_too(path):
    store = SqliteStore(path)
    await store.open()

    assert f"(pid {os.getpid()})" in await refusal(path)
    await store.close()


async def test_refused_opening_leaves_the_file_free(path):
    path.parent.mkdir()
    path.write_text("not a database, but long enough to be looked at as one " * 40)
    await refusal(path)
    path.unlink()

    store = SqliteStore(path)
    await store.open()
    await store.close()


async def test_file_of_a_newer_version_is_refused(path):
    store = SqliteStore(path)
    await store.open()
    await store.close()
    change(path, f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")

    assert "written by a newer version" in await refusal(path)


async def test_database_of_another_program_is_refused_and_left_as_it_is(path):
    path.parent.mkdir()
    change(path, "CREATE TABLE diary (day TEXT)")

    assert "a database of another program" in await refusal(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("diary",)]
    connection.close()


async def test_file_that_is_no_database_is_refused(path):
    path.parent.mkdir()
    path.write_text("not a database, but long enough to be looked at as one " * 40)

    assert "file is not a database" in await refusal(path)


async def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    assert str(tmp_path / "file" / "fleet.db") in await refusal(tmp_path / "file" / "fleet.db")


async def test_store_that_was_closed_is_unavailable(path):
    store = SqliteStore(path)
    await store.open()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await ask(store, "one")
    with pytest.raises(StoreUnavailable):
        await store.instance(APP_ID, "one")


async def test_store_that_was_never_opened_is_unavailable(path):
    with pytest.raises(StoreUnavailable):
        await ask(SqliteStore(path), "one")


async def test_who_waits_for_changes_is_told_that_there_will_be_none(path):
    store = SqliteStore(path)
    with pytest.raises(StoreUnavailable):
        await store.wait_beyond(0)
    await store.open()
    waiting = asyncio.create_task(store.wait_beyond(0))
    await asyncio.sleep(0)

    await store.close()

    with pytest.raises(StoreUnavailable):
        await waiting


async def test_one_live_grant_per_instance_holds_in_the_database_itself(path):
    store = made(path)
    await store.open()
    await granted(store, "one")
    await store.close()

    with pytest.raises(sqlite3.IntegrityError):
        change(
            path,
            f"INSERT INTO grants ({rows.GRANT_COLUMNS}) SELECT app_id, track, 2, sequence, version, instance_id, 'Installed', "
            "granted_at, moved_at, deadline, boot_id, error_code, detail, wave, epoch, established FROM grants",
        )


async def test_each_move_leaves_a_line_of_history(path):
    store = made(path)
    await store.open()
    await granted(store, "one")
    await weigh(store, "one", Event(14, 1), Event(13, 1), Event(3, 1))
    await store.observe(sighting("one", NEW), None)
    await store.close()

    connection = sqlite3.connect(path)
    moves = connection.execute("SELECT from_state, to_state FROM history ORDER BY id").fetchall()
    connection.close()
    assert moves == [("", "Granted"), ("Granted", "Downloaded"), ("Downloaded", "Installed"), ("Installed", "Complete")]
