"""The service after an outage of its own, or of its database; and how instances go that aren't heard any more."""

import contextlib

import pytest

from support import omaha_fleet as fleet
from support.omaha_fleet import APP_ID as APP
from support.omaha_service import OmahaService, TestClock
from support.sqlite_stores import connect_carelessly, made
from update_core.fleet.store import StoreUnavailable

DAY = 86400
LIMITED = {"maxInFlight": 1, "updateTimeoutSeconds": 900, "activeSeconds": 7200, "pollIntervalSeconds": 300}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fleet.db"


@pytest.fixture
def clock():
    return TestClock()


@contextlib.asynccontextmanager
async def serving(path, clock, resources, store=None):
    """A service on the file; it ends as one that is stopped."""
    omaha = OmahaService(store or made(path, connect_carelessly, clock), clock)
    await omaha.start(resources)
    try:
        yield omaha
    finally:
        await omaha.service.finish()


async def test_after_an_outage_an_update_in_flight_has_the_time_that_it_had_before(path, clock):
    resources = fleet.fleet(APP, **LIMITED)
    async with serving(path, clock, resources) as omaha:
        assert (await omaha.post(fleet.check(APP, "one"))).answer == "1.1.0"
    clock.advance(DAY)

    async with serving(path, clock, resources) as omaha:
        await omaha.service.sweeper.sweep()
        assert (await omaha.post(fleet.check(APP, "two"))).answer == "noupdate"
        assert (await omaha.post(fleet.check(APP, "one"))).answer == "1.1.0"
        await omaha.serve_for(899)
        await omaha.service.sweeper.sweep()
        assert (await omaha.post(fleet.check(APP, "two"))).answer == "noupdate"
        await omaha.serve_for(1)
        await omaha.service.sweeper.sweep()
        assert (await omaha.post(fleet.check(APP, "two"))).answer == "1.1.0"


async def test_after_an_outage_counts_are_not_settled_until_everybody_had_a_chance_to_be_heard(path, clock):
    resources = fleet.fleet(APP, **LIMITED)
    async with serving(path, clock, resources) as omaha:
        await omaha.post(fleet.check(APP, "one"))
    clock.advance(DAY)

    store = made(path, connect_carelessly, clock)
    async with serving(path, clock, resources, store) as omaha:
        found = []
        for seconds in (0, 599, 1):
            await omaha.serve_for(seconds)
            progress = await store.progress(list(omaha.service.source.current.groups()), clock())
            found.append([(each.settled, each.active) for each in progress.values()])

    assert found == [[(False, 1)], [(False, 1)], [(True, 1)]]


async def test_a_database_that_was_away_while_the_service_ran_is_an_outage_too(path, clock):
    store = Away(made(path, connect_carelessly, clock))
    async with serving(path, clock, fleet.fleet(APP, **LIMITED), store) as omaha:
        await omaha.post(fleet.check(APP, "one"))
        store.away = True
        await omaha.serve_for(3600)
        store.away = False
        await omaha.service.sweeper.sweep()

        assert (await omaha.post(fleet.check(APP, "two"))).answer == "noupdate"
        deadline = omaha.service.memory.live_grant((APP, "one")).deadline
        assert (deadline - clock()).total_seconds() == 900


async def test_instance_that_is_kept_for_a_day_is_gone_after_it_and_new_when_it_comes_back(path, clock):
    resources = [*fleet.fleet(APP, paused=True), fleet.application(APP, instanceRetentionSeconds=DAY)]
    store = made(path, connect_carelessly, clock)
    async with serving(path, clock, resources, store) as omaha:
        for machine in ("silent", "heard"):
            await omaha.post(fleet.check(APP, machine))
        await omaha.service.sightings.flush()
        await omaha.serve_for(DAY)
        await omaha.post(fleet.check(APP, "heard"))
        await omaha.service.sightings.flush()
        kept = await omaha.service.instance_retention.retire()
        await omaha.serve_for(1)

        assert (kept, await omaha.service.instance_retention.retire()) == (0, 1)
        assert await store.instance(APP, "silent") is None
        await omaha.post(fleet.check(APP, "silent"))
        await omaha.service.sightings.flush()
        assert (await store.instance(APP, "silent")).first_seen == clock()
        assert (await store.instance(APP, "heard")) is not None


async def test_without_retention_instances_are_kept_for_good(path, clock):
    store = made(path, connect_carelessly, clock)
    async with serving(path, clock, fleet.fleet(APP, paused=True), store) as omaha:
        await omaha.post(fleet.check(APP, "one"))
        await omaha.service.sightings.flush()
        await omaha.serve_for(3 * DAY)

        assert await omaha.service.instance_retention.retire() == 0
        assert await store.instance(APP, "one") is not None


class Away:
    """A store whose database may be away."""

    def __init__(self, store) -> None:
        self._store = store
        self.away = False

    def __getattr__(self, name):
        if self.away:
            raise StoreUnavailable("the database is away")
        return getattr(self._store, name)
