"""The PostgreSQL store keeps the contracts of those who write to the fleet store, of those who read it or follow it, and of time."""

import contextlib

import pytest

from support import postgres_stores
from support.fleet_keeper_contract import FleetKeeperContract
from support.fleet_reader_contract import FleetReaderContract
from support.fleet_store_contract import FleetStoreContract
from support.fleet_store_enrolling import SMALL, Crowding, Enrolling
from support.fleet_store_following import Following
from support.sqlite_stores import StoreClock


@pytest.fixture
def clock():
    return StoreClock()


@pytest.fixture
async def store(postgres_url, clock):
    store = postgres_stores.made(postgres_url, clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def fresh_store(postgres_databases):
    @contextlib.asynccontextmanager
    async def fresh():
        name = postgres_databases.take()
        store = postgres_stores.made(postgres_databases.server.url(name))
        await store.open()
        try:
            yield store
        finally:
            await store.close()
            postgres_databases.give_back(name)

    return fresh


class TestPostgresStore(FleetStoreContract):
    pass


class TestPostgresStoreAsItIsRead(FleetReaderContract):
    pass


class TestPostgresStoreAsItIsFollowed(Following):
    pass


class TestPostgresStoreAsTimePasses(FleetKeeperContract):
    pass


class TestPostgresStoreAsNetworksCrowd(Crowding):
    pass


class TestPostgresStoreThatFills(Enrolling):
    @pytest.fixture
    async def store(self, postgres_url, clock):
        store = postgres_stores.made(postgres_url, clock, growth=SMALL)
        await store.open()
        yield store
        await store.close()
