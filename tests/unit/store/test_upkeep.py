"""What an administrator does with a store: it is checked, copied while it is in use, and restored as a store of its own."""

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from omaha_api import __main__ as program
from omaha_api import store_commands
from omaha_api.clock import utc_now
from omaha_api.store import stores
from omaha_api.store.postgres.connections import SCHEMA
from support import postgres_stores, sqlite_stores
from support.fleet_store_actions import ask, granted, known, weigh
from support.fleet_store_log import everything
from support.fleet_values import APP_ID, NEW, NOW, TIMEOUTS, group, sighting, stamp
from update_core.fleet.evidence import Event
from update_core.rollout.model import Limits, Offer, Reason


class SqlitePlace:
    """Where an SQLite store is, and where another may be made."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.elsewhere = f"sqlite:///{path.with_name('elsewhere.db')}"
        self._path = path

    def store(self):
        return sqlite_stores.made(self._path)

    def change(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(statement)


class PostgresPlace:
    """The same of PostgreSQL."""

    def __init__(self, url: str, elsewhere: str) -> None:
        self.url = url
        self.elsewhere = elsewhere

    def store(self):
        return postgres_stores.made(self.url)

    def change(self, statement: str) -> None:
        with psycopg.connect(self.url, options=f"-c search_path={SCHEMA}") as connection:
            connection.execute(statement)


@pytest.fixture
def sqlite_place(tmp_path):
    return SqlitePlace(tmp_path / "fleet.db")


@pytest.fixture
def postgres_place(postgres):
    """Of its own: tests break its tables."""
    names = [postgres.create() for _ in range(2)]
    yield PostgresPlace(*map(postgres.url, names))
    for name in names:
        postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request):
    return request.getfixturevalue(f"{request.param}_place")


@pytest.fixture
async def store(place):
    store = place.store()
    await store.open()
    await store.record_rollout(group(), stamp(), completed=False, now=NOW)
    await known(store, "two")
    for name in ("one", "two", "three"):
        await granted(store, name)
    await weigh(store, "two", Event(3, 0))
    await store.observe(sighting("three", NEW), TIMEOUTS)
    yield store
    await store.close()


def run(*arguments: str):
    """`omaha-api store …`."""
    return CliRunner().invoke(program.app, ["store", *map(str, arguments)])


async def in_thread(*arguments: str):
    return await asyncio.to_thread(run, *arguments)


async def test_sound_store_has_nothing_wrong_while_it_is_in_use(store, place):
    ended = await in_thread("check", "--database", place.url)

    assert (ended.exit_code, ended.output) == (0, "nothing is wrong\n")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param("UPDATE groups SET in_flight = 7", "counts other than its live grants", id="counter"),
        pytest.param("UPDATE groups SET newcomers_in_flight = 7", "newcomers' live grants", id="newcomers"),
        pytest.param("UPDATE groups SET next_newcomer = 9", "newcomers aren't numbered", id="next newcomer"),
        pytest.param("UPDATE tallies SET failed = failed + 1", "tally isn't what", id="tally"),
        pytest.param("UPDATE groups SET next_number = 9", "aren't numbered without gaps", id="next number"),
        pytest.param("DELETE FROM grants WHERE number = 2", "aren't numbered without gaps", id="gap"),
        pytest.param("UPDATE groups SET highest_sequence = 0", "later rollout than its group has seen", id="sequence"),
        pytest.param("UPDATE instances SET grant_number = NULL", "isn't its instance's latest", id="pointer"),
        pytest.param("UPDATE instances SET state = 'Failed'", "an instance's state isn't", id="state"),
        pytest.param("DELETE FROM groups", "a grant belongs to no group", id="group"),
        pytest.param("UPDATE store SET revision = 1", "has an entry that was never numbered", id="log"),
        pytest.param("UPDATE instances SET revision = 99", "revision that was never given", id="revision"),
        pytest.param(
            "DROP INDEX one_live_grant; UPDATE grants SET instance_id = 'one', state = 'Granted'",
            "several live grants",
            id="live grants",
        ),
    ],
)
async def test_rule_that_is_broken_is_named_with_an_example(store, place, statement, said):
    for part in statement.split("; "):
        await asyncio.to_thread(place.change, part)

    ended = await in_thread("check", "--database", place.url)

    assert ended.exit_code == store_commands.UNSOUND
    assert said in ended.stdout
    assert APP_ID in ended.stdout or "never numbered" in ended.stdout


async def test_copy_that_is_made_while_the_store_is_written_to_is_sound_and_of_one_state(store, place, tmp_path):
    copy = tmp_path / "copy"
    writing = asyncio.create_task(grant_until_cancelled(store))

    made = await in_thread("backup", copy, "--database", place.url)
    writing.cancel()
    restored = await in_thread("restore", copy, "--database", place.elsewhere)
    checked = await in_thread("check", "--database", place.elsewhere)

    assert made.exit_code == restored.exit_code == 0, made.output + restored.output
    assert checked.output == "nothing is wrong\n"


async def grant_until_cancelled(store) -> None:
    for number in range(1_000_000):
        await granted(store, f"busy-{number}")


async def test_restored_store_has_everything_and_a_greater_epoch(store, place, tmp_path):
    before, position = await everything(store), await store.position()
    await in_thread("backup", tmp_path / "copy", "--database", place.url)
    await in_thread("restore", tmp_path / "copy", "--database", place.elsewhere)

    again = stores.on(store_commands._chosen(place.elsewhere))
    await again.open()
    after, later = await everything(again), await again.position()
    await again.close()

    assert after == before
    assert later.epoch > position.epoch
    assert later.latest == position.latest


@pytest.mark.parametrize(("flags", "quiet"), [([], True), (["--quiet-seconds", "0"], False)], ids=["default", "zero"])
async def test_restored_store_grants_nothing_until_what_it_does_not_know_of_is_over(
    store, place, tmp_path, flags, quiet
):
    await in_thread("backup", tmp_path / "copy", "--database", place.url)
    await in_thread("restore", tmp_path / "copy", "--database", place.elsewhere, *flags)

    again = stores.on(store_commands._chosen(place.elsewhere))
    await again.open()
    limited = group(limits=Limits(max_updates=100, period_seconds=60))
    newer = group(track="newer", limits=limited.limits)
    answers = [(await ask(again, "four", each, at=utc_now())).decision for each in (limited, newer)]
    await again.close()

    for answer in answers:
        if quiet:
            assert answer.reason is Reason.RATE_LIMITED
            assert timedelta(minutes=59) < answer.until - utc_now() <= timedelta(hours=1)
        else:
            assert isinstance(answer, Offer)


async def test_file_that_nobody_has_open_is_left_as_it_was(sqlite_place, tmp_path):
    store = sqlite_place.store()
    await store.open()
    await granted(store, "one")
    await store.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert (await in_thread("check", "--database", sqlite_place.url)).exit_code == 0
    assert (await in_thread("backup", tmp_path / "copy", "--database", sqlite_place.url)).exit_code == 0

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "copy"} == before


async def test_nothing_is_written_over(store, place, tmp_path):
    copy = tmp_path / "copy"
    await in_thread("backup", copy, "--database", place.url)

    again = await in_thread("backup", copy, "--database", place.url)
    over = await in_thread("restore", copy, "--database", place.url)

    assert again.exit_code == over.exit_code == 1
    assert "is there already" in again.stderr
    assert "another process" in over.stderr or "already" in over.stderr
    assert (await granted(store, "four")).number == 4


async def test_restore_that_fails_leaves_nothing_behind(place, tmp_path):
    copy = tmp_path / "copy"
    copy.write_text("not a copy of anything " * 100)

    for _ in range(2):
        ended = await in_thread("restore", copy, "--database", place.elsewhere)
        assert ended.exit_code == 1
        assert ended.stderr.startswith("omaha-api: ")
        assert "already" not in ended.stderr


@pytest.mark.parametrize("command", [["check"], ["backup", "copy"]], ids=["check", "backup"])
async def test_store_that_is_not_there_is_said_to_be_missing(place, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    ended = await in_thread(*command, "--database", place.elsewhere)

    assert ended.exit_code == 1
    assert "isn't there" in ended.stderr or "no fleet store" in ended.stderr or "no matching" in ended.stderr
    assert not (tmp_path / "copy").exists()


def test_url_that_no_database_has_is_a_usage_error():
    assert run("check", "--database", "mysql://x").exit_code == 2
