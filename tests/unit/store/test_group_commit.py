"""The writer: one commit for many, answers after it, and failures that stay with whom they belong to."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from omaha_api.store.database import Connection, Moment
from omaha_api.store.sqlite import connections
from omaha_api.store.sqlite.database import SqliteDatabase
from omaha_api.store.writer import Writer
from support.sqlite_stores import StoreClock
from update_core.fleet.store import StoreUnavailable


class Table:
    """A table of numbers behind a writer, and the commits that it took."""

    def __init__(self, path) -> None:
        self.path = path
        self.commits = 0
        self.database = SqliteDatabase(path, StoreClock(), self.connect)
        self.writer = Writer(self.database, capacity=200)

    def connect(self, path: Path) -> sqlite3.Connection:
        connection = connections.connect(path)
        connection.set_trace_callback(self.count)
        return connection

    def count(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    def numbers(self) -> list[int]:
        """What is committed."""
        reader = connections.connect_reader(self.path)
        found = [number for (number,) in reader.execute("SELECT number FROM numbers ORDER BY number")]
        reader.close()
        return found

    async def add(self, number: int) -> int:
        def work(connection: Connection, _: Moment) -> int:
            connection.execute("INSERT INTO numbers VALUES (?)", (number,))
            return number

        return await self.writer.submit(work)

    async def hold(self) -> threading.Event:
        """Keep the writer busy, so that what follows waits for one batch; returns what lets it go on."""
        begun, go_on = threading.Event(), threading.Event()

        def work(_connection: Connection, _moment: Moment) -> None:
            begun.set()
            go_on.wait()

        self.holding = asyncio.create_task(self.writer.submit(work))
        await asyncio.to_thread(begun.wait)
        return go_on


@pytest.fixture
async def table(tmp_path):
    table = Table(tmp_path / "numbers.db")
    connection = table.database.open()
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    table.writer.start(connection)
    yield table
    await table.writer.stop()
    table.database.close()


async def submitted(*coroutines) -> list[asyncio.Task]:
    """The coroutines as tasks that have all reached the writer."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await asyncio.sleep(0)
    return tasks


async def test_what_is_answered_is_committed(table):
    await table.add(1)

    assert table.numbers() == [1]


async def test_pieces_that_wait_together_share_a_commit(table):
    go_on = await table.hold()
    tasks = await submitted(*(table.add(number) for number in range(64)))
    before = table.commits
    go_on.set()
    await asyncio.gather(*tasks)

    assert table.numbers() == list(range(64))
    assert table.commits == before + 2


async def test_answers_come_in_the_order_of_asking(table):
    answered: list[int] = []

    async def add(number: int) -> None:
        answered.append(await table.add(number))

    await asyncio.gather(*(add(number) for number in range(150)))

    assert answered == list(range(150))


async def test_piece_that_fails_harms_no_neighbour(table):
    def fail(connection: Connection, _: Moment) -> None:
        connection.execute("INSERT INTO numbers VALUES (100)")
        raise LookupError("nothing there")

    go_on = await table.hold()
    tasks = await submitted(table.add(1), table.writer.submit(fail), table.add(1), table.add(2))
    go_on.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [int, LookupError, sqlite3.IntegrityError, int]
    assert table.numbers() == [1, 2]


async def test_database_that_fails_in_one_piece_fails_the_whole_batch_and_works_again(table):
    def fail(connection: Connection, _: Moment) -> None:
        connection.execute("INSERT INTO missing VALUES (1)")

    go_on = await table.hold()
    tasks = await submitted(table.add(1), table.writer.submit(fail), table.add(2))
    go_on.set()
    results = await asyncio.gather(*tasks, table.holding, return_exceptions=True)

    assert [type(result) for result in results[:3]] == [StoreUnavailable] * 3
    assert table.numbers() == []
    assert await table.add(3) == 3


async def test_queue_that_is_full_refuses_at_once(table):
    go_on = await table.hold()
    tasks = await submitted(*(table.add(number) for number in range(200)))

    with pytest.raises(StoreUnavailable, match="200 transactions are waiting"):
        await table.add(200)

    go_on.set()
    await asyncio.gather(*tasks)
    assert table.numbers() == list(range(200))


async def test_asker_that_went_away_does_not_hold_up_the_others(table):
    go_on = await table.hold()
    gone, stays = await submitted(table.add(1), table.add(2))
    gone.cancel()
    go_on.set()

    assert await stays == 2
    assert table.numbers() == [1, 2]


async def test_stopping_finishes_what_was_accepted(table):
    go_on = await table.hold()
    tasks = await submitted(*(table.add(number) for number in range(100)))
    (stopping,) = await submitted(table.writer.stop())
    go_on.set()
    await stopping

    assert await asyncio.gather(*tasks) == list(range(100))
    assert table.numbers() == list(range(100))
    with pytest.raises(StoreUnavailable, match="being closed"):
        await table.add(100)


async def test_who_lets_answers_come_first_waits_for_what_is_being_committed(table):
    go_on = await table.hold()
    order: list[str] = []

    async def note(name: str, waited_for) -> None:
        await waited_for
        order.append(name)

    noting = [
        asyncio.create_task(note("answer", table.holding)),
        asyncio.create_task(note("settled", table.writer.settled())),
    ]
    await asyncio.sleep(0)
    assert order == []
    go_on.set()
    await asyncio.gather(*noting)
    assert order == ["answer", "settled"]
