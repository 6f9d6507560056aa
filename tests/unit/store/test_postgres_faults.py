"""A server that stops, a connection that is cut, a replica that is paused: the store says so, loses nothing that it acknowledged, and comes
back by itself."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from omaha_api.store.postgres import connections
from omaha_api.store.postgres.connections import PostgresConnection
from omaha_api.store.postgres.database import WRITERS_LOCK
from omaha_api.store.postgres.store import READERS
from support import postgres_stores
from support.fleet_store_actions import ask, assert_in_flight_agrees, granted
from support.fleet_values import APP_ID, NOW, group
from support.postgres_server import Server
from update_core.fleet.store import StoreUnavailable

TESTS = Path(__file__).parents[2]
HOLD_THE_LOCK = """
import sys
from datetime import timedelta
from omaha_api.clock import utc_now
from omaha_api.store.postgres.database import PostgresDatabase
from omaha_api.store.postgres.timekeeping import DatabaseClock
database = PostgresDatabase(sys.argv[1], DatabaseClock(utc_now))
connection = database.open()
database.begin(connection)
connection.execute("UPDATE store SET revision = revision + 1000")
print("held", flush=True)
sys.stdin.read()
database.commit(connection)
"""


@pytest.fixture
async def store(postgres_url):
    store = postgres_stores.made(postgres_url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def own_server(pytestconfig, postgres, guarded_folder):
    """A server that the test may stop."""
    server = Server(guarded_folder / "own")
    guarded_folder.chmod(0o711)
    server.start()
    yield server
    server.stop()


async def until_granted(store, instance_id: str):
    """The grant, once the store gives one again."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await granted(store, instance_id)
            except StoreUnavailable:
                await asyncio.sleep(0.05)


def cut(server: Server, url: str) -> None:
    """End every connection of the store."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'omaha-api'"
    )


async def test_connection_that_is_cut_within_a_batch_fails_the_batch_and_the_next_works(store, postgres, postgres_url):
    first = await granted(store, "one")

    def fail(connection, _):
        connection.execute("UPDATE groups SET next_number = 99")
        cut(postgres, postgres_url)

    results = await asyncio.gather(store._writer.submit(fail), granted(store, "two"), return_exceptions=True)

    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]
    assert (await until_granted(store, "three")).number == first.number + 1
    assert {grant.instance_id for grant in await store.live_grants()} == {"one", "three"}
    await assert_in_flight_agrees(store)


async def test_failed_transaction_is_told_where_a_decision_is_asked_about(store, postgres, postgres_url):
    await granted(store, "one")
    cut(postgres, postgres_url)
    with pytest.raises(StoreUnavailable):
        await granted(store, "two")
    await asyncio.gather(*(store.instance(APP_ID, "one") for _ in range(8)), return_exceptions=True)

    assert not (await store.fleet(group(), "two", NOW)).available

    await until_granted(store, "two")
    assert (await store.fleet(group(), "two", NOW)).available


async def test_reads_fail_once_however_many_connections_were_cut(store, postgres, postgres_url):
    await granted(store, "one")
    # As many at a time as there are connections: each has one then.
    together = threading.Barrier(READERS)
    await asyncio.gather(*(store._readers.read(lambda _: together.wait(10)) for _ in range(READERS)))
    cut(postgres, postgres_url)

    with pytest.raises(StoreUnavailable):
        await store.instance(APP_ID, "one")

    for _ in range(2 * READERS):
        assert await store.instance(APP_ID, "one") is not None


async def test_server_that_stops_and_starts_again_is_found_again_with_all_that_was_granted(own_server):
    store = postgres_stores.made(own_server.url(own_server.create()))
    await store.open()
    names = [(await granted(store, f"i{number}")).instance_id for number in range(20)]
    await asyncio.to_thread(own_server.stop)

    results = await asyncio.gather(*(ask(store, f"away-{number}") for number in range(5)), return_exceptions=True)
    with pytest.raises(StoreUnavailable):
        await store.live_grants()
    assert {type(result) for result in results} == {StoreUnavailable}

    await asyncio.to_thread(own_server.start)
    after = await until_granted(store, "after")
    assert after.number == len(names) + 1
    assert {grant.instance_id for grant in await store.live_grants()} == {*names, "after"}
    async with asyncio.timeout(30):
        await store.wait_beyond((await store.position()).latest - 1)
    await store.close()


@pytest.fixture
def holder(postgres_url, store):
    """Another replica, in the middle of a transaction."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, postgres_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


async def test_replica_that_is_paused_in_a_transaction_holds_up_the_others_for_seconds_and_undoes_nothing(
    store, holder
):
    holder.send_signal(signal.SIGSTOP)

    async with asyncio.timeout(connections.LOCK_TIMEOUT_SECONDS + connections.IDLE_TIMEOUT_SECONDS):
        await granted(store, "one")

    holder.send_signal(signal.SIGCONT)
    _, said = await asyncio.to_thread(holder.communicate)
    assert holder.returncode != 0
    assert "idle-in-transaction timeout" in said
    assert (await store.position()).latest == 1


async def test_lock_that_is_not_had_in_time_makes_the_store_unavailable(store, postgres_url):
    await granted(store, "one")
    holder = connections.connect(connections.parameters(postgres_url))
    holder.execute("SET idle_in_transaction_session_timeout = 0")
    holder.execute("BEGIN")
    holder.execute(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")

    try:
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            await granted(store, "two")
        assert len(await store.live_grants()) == 1
    finally:
        holder.close()

    assert (await until_granted(store, "two")).number == 2


class LostAtCommit(PostgresConnection):
    """A connection that is lost after the server was told to commit, and before its answer."""

    def together(self, statements):
        answer = super().together(statements)
        if statements.rstrip().endswith("COMMIT"):
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return answer


async def test_commit_whose_outcome_is_unknown_is_no_offer_and_is_found_again_if_it_happened(postgres_url):
    kinds = iter([PostgresConnection, LostAtCommit, PostgresConnection, PostgresConnection])
    store = postgres_stores.made(postgres_url, connect=lambda given: next(kinds)(connections.connect(given).driver))
    await store.open()

    with pytest.raises(StoreUnavailable):
        await granted(store, "one")

    (happened,) = await store.live_grants()
    assert (await until_granted(store, "one")).number == happened.number == 1
    assert (await granted(store, "two")).number == 2
    await assert_in_flight_agrees(store)
    await store.close()
