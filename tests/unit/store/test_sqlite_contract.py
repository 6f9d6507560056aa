"""The SQLite store keeps the contracts of those who write to the fleet store, of those who read it or follow it, and of time."""

import contextlib

import pytest

from support.fleet_keeper_contract import FleetKeeperContract
from support.fleet_reader_contract import FleetReaderContract
from support.fleet_store_contract import FleetStoreContract
from support.fleet_store_enrolling import SMALL, Crowding, Enrolling
from support.fleet_store_following import Following
from support.sqlite_stores import StoreClock, connect_carelessly, made


@pytest.fixture
def clock():
    return StoreClock()


@pytest.fixture
async def store(tmp_path, clock):
    store = made(tmp_path / "fleet.db", connect_carelessly, clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def fresh_store(tmp_path):
    numbers = iter(range(1_000_000))

    @contextlib.asynccontextmanager
    async def fresh():
        path = tmp_path / f"{next(numbers)}.db"
        store = made(path, connect_carelessly)
        await store.open()
        try:
            yield store
        finally:
            await store.close()
            path.unlink()

    return fresh


class TestSqliteStore(FleetStoreContract):
    pass


class TestSqliteStoreAsItIsRead(FleetReaderContract):
    pass


class TestSqliteStoreAsItIsFollowed(Following):
    pass


class TestSqliteStoreAsTimePasses(FleetKeeperContract):
    pass


class TestSqliteStoreAsNetworksCrowd(Crowding):
    pass


class TestSqliteStoreThatFills(Enrolling):
    @pytest.fixture
    async def store(self, tmp_path, clock):
        store = made(tmp_path / "fleet.db", connect_carelessly, clock, SMALL)
        await store.open()
        yield store
        await store.close()
