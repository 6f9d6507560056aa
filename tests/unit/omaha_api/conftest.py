"""The Omaha service on a store that does as it is told: it serves APP_ID, whose group moves from 1.0.0 to 1.1.0."""

import pytest

from support import omaha_fleet
from support.known_fleet import KnownFleet
from support.omaha_service import OmahaService
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
