"""The store in memory keeps the contract of those who write to the fleet store, as the stores on databases do."""

import contextlib
from datetime import timedelta

import pytest

from support.fleet_store_contract import FleetStoreContract
from support.fleet_values import NOW
from update_core.fleet.memory.store import MemoryStore


@pytest.fixture
def store():
    return MemoryStore(NOW - timedelta(hours=1))


@pytest.fixture
def fresh_store():
    @contextlib.asynccontextmanager
    async def fresh():
        yield MemoryStore(NOW - timedelta(hours=1))

    return fresh


class TestMemoryStore(FleetStoreContract):
    pass
