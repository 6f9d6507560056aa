"""The names under which fleets are shown: the catalog's, as soon as the store has them, and never sooner."""

import asyncio
import contextlib

import pytest

from omaha_api.placements import Placements
from support import watched_fleet
from support.eventually import eventually
from support.fleet_values import APP_ID
from support.watched_fleet import applications, placement
from update_core.fleet.store import StoreUnavailable


class HeldStore:
    """The store, whose writing of placements can be held up, or fail whether it was done or not."""

    def __init__(self, store):
        self._store = store
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = ""
        self.placed = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def place(self, wanted):
        self.placed.append([(each.namespace, dict(each.groups)) for each in wanted])
        await self.gate.wait()
        if self.fails != "before":
            await self._store.place(wanted)
        if self.fails:
            self.fails = ""
            raise StoreUnavailable("for the test")


@pytest.fixture
async def store(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db") as fleet:
        yield HeldStore(fleet.store)


@contextlib.asynccontextmanager
async def following(store, **settings):
    placements = Placements(store, **settings)
    await placements.load()
    writing = asyncio.create_task(placements.run())
    try:
        yield placements
    finally:
        writing.cancel()
        await asyncio.wait([writing])


def shown(placements):
    return [(each.namespace, each.application, dict(each.groups)) for each in placements.in_namespace(None)]


async def test_an_application_is_shown_where_the_catalog_has_it(store):
    async with following(store) as placements:
        placements.follow(applications(placement(stable="app-stable", edge="app-edge")))
        assert await placements.settled(10)

        assert shown(placements) == [("team", "app", {"stable": "app-stable", "edge": "app-edge"})]
        assert placements.group_name(APP_ID, "edge") == "app-edge"
        assert placements.group_name(APP_ID, "other") == ""
        assert placements.track_of("team", "app-edge") == (APP_ID, "edge")
        assert placements.in_namespace("elsewhere") == ()


async def test_names_outlive_their_resources_and_the_process(store):
    async with following(store) as placements:
        placements.follow(applications(placement(stable="app-stable", edge="app-edge")))
        assert await placements.settled(10)
        placements.follow(applications(placement(stable="app-stable")))
        assert await placements.settled(10)
        placements.follow(applications())
        assert await placements.settled(10)
        before = shown(placements)

    async with following(store) as placements:
        assert shown(placements) == before == [("team", "app", {"stable": "app-stable", "edge": "app-edge"})]


async def test_nothing_is_shown_before_the_store_has_it_and_who_asks_waits(store):
    async with following(store) as placements:
        store.gate.clear()
        placements.follow(applications(placement()))
        await eventually(lambda: store.placed)
        asking = asyncio.create_task(placements.current())
        assert not await placements.settled(0.05)
        assert shown(placements) == []
        assert not asking.done()

        store.gate.set()
        await asking

        assert shown(placements) == [("team", "app", {"stable": "app-stable"})]


async def test_the_newest_catalog_wins_also_where_it_takes_back_what_is_being_written(store):
    async with following(store) as placements:
        placements.follow(applications(placement()))
        assert await placements.settled(10)
        store.gate.clear()
        placements.follow(applications(placement(namespace="moved")))
        await eventually(lambda: len(store.placed) == 2)
        placements.follow(applications(placement()))
        store.gate.set()
        assert await placements.settled(10)

        assert [each.namespace for each in await store.placements()] == ["team"]
        assert shown(placements) == [("team", "app", {"stable": "app-stable"})]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_write_that_fails_is_tried_again_whether_it_was_done_or_not(store, when):
    confirmed = []
    async with following(store, moved=lambda: confirmed.append(1), retry_seconds=0.01) as placements:
        store.fails = when
        placements.follow(applications(placement()))
        assert await placements.settled(10)

        assert shown(placements) == [("team", "app", {"stable": "app-stable"})]
    assert confirmed


async def test_what_the_store_has_already_is_not_written_again(store):
    async with following(store) as placements:
        placements.follow(applications(placement()))
        assert await placements.settled(10)
        placements.follow(applications(placement()))
        assert await placements.settled(10)

    assert len(store.placed) == 1
