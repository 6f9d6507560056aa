"""A fleet on a real store with its feed, and clients that watch it."""

import pytest

from omaha_api.fleet_api import kinds
from support import watched_fleet
from support.watched_fleet import placement
from support.watchers import Watcher


@pytest.fixture
async def fleet(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db") as fleet:
        await fleet.place(placement())
        yield fleet


@pytest.fixture
async def watcher(fleet):
    made = []

    def make(kind=kinds.INSTANCES, **wanted):
        made.append(Watcher(fleet.api, kind, **wanted))
        return made[-1]

    yield make
    for each in made:
        await each.stop()
