"""The Omaha service on a store that does as it is told, on a real one, or twice on one PostgreSQL; its group moves from 1.0.0 to 1.1.0."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from support import omaha_fleet
from support.known_fleet import KnownFleet
from support.omaha_service import OmahaService, TestClock
from support.replicas import Replica
from support.scripted_store import ScriptedStore


@pytest.fixture
def store():
    return ScriptedStore()


@pytest.fixture
async def omaha(store):
    return await OmahaService(store).start(omaha_fleet.fleet(omaha_fleet.APP_ID))


@pytest.fixture
async def known_fleet(tmp_path):
    """Instances that were known before, on a real store."""
    desk = await KnownFleet(tmp_path / "fleet.db").start()
    yield desk
    await desk.close()


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
async def replicas(postgres_url, clock):
    """Makes the two, serving a group with these fields."""
    made = [Replica(postgres_url, clock) for _ in range(2)]

    async def start(**group_spec):
        return [await replica.start(omaha_fleet.fleet(omaha_fleet.APP_ID, **group_spec)) for replica in made]

    yield start
    for replica in made:
        await replica.stop()


@pytest.fixture
def rows(postgres, postgres_url):
    """What the database itself says."""
    database = conninfo_to_dict(postgres_url)["dbname"]
    return lambda statement: postgres.execute(statement.replace(" FROM ", " FROM update_service."), database)
