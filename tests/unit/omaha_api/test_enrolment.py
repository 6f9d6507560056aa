"""Ids that somebody makes up leave no more than their bound, neither in the store nor in memory, and keep nobody out who is known."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from omaha_api.instances.enrolment import LOOK_AGAIN, Bound, Enrolment, nowhere
from omaha_api.rollouts import crowding
from support import omaha_fleet, sqlite_stores
from support.eventually import eventually
from support.omaha_service import OmahaService, TestClock
from support.scripted_store import ScriptedStore
from update_core.fleet.enrolment import BASELINE_LASTS, Growth
from update_core.fleet.reading import InstanceQuery
from update_core.fleet.store import Source
from update_core.rollout.model import Reason

APP = omaha_fleet.APP_ID
ROOM = 300
FLOOD = 8000
HERE, THERE = "203.0.113.7", "203.0.113.8"


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def store():
    return ScriptedStore()


@pytest.fixture
async def place(tmp_path, clock):
    """A service on a real store, whose applications have room for ROOM, and which writes what it hears."""
    store = sqlite_stores.made(
        tmp_path / "fleet.db", sqlite_stores.connect_carelessly, clock, Growth(factor=2, extra=ROOM)
    )
    omaha = await OmahaService(store, clock, new_ids_per_minute=0).start(omaha_fleet.fleet(APP))
    writing = asyncio.create_task(omaha.service.sightings.run())
    yield omaha, store
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    await store.close()


async def rows(store) -> int:
    return await store.count([APP], 10 * FLOOD)


async def fill(omaha, store) -> None:
    await asyncio.gather(*(check(omaha, f"first{number}", "1.1.0") for number in range(ROOM + 50)))
    await eventually(lambda: omaha.service.sightings.queued == 0)
    assert await rows(store) == ROOM
    # Those beyond were remembered as well, until the store had said no.
    await eventually(lambda: omaha.service.memory.instances <= ROOM)


async def check(omaha, machine, version="1.0.0", **how):
    return (await omaha.post(omaha_fleet.check(APP, machine, version=version), shown=False, **how)).answer


@pytest.mark.parametrize(
    ("version", "flood"),
    [pytest.param("1.0.0", 4000, id="offered"), pytest.param("1.1.0", FLOOD, id="up to date")],
)
async def test_a_flood_of_ids_leaves_what_there_is_room_for(place, version, flood):
    omaha, store = place
    for start in range(0, flood, 500):
        await asyncio.gather(*(check(omaha, f"i{number}", version) for number in range(start, start + 500)))
    await eventually(lambda: omaha.service.sightings.queued == 0)
    await omaha.service.sightings.flush()

    assert await rows(store) == ROOM
    assert omaha.service.memory.instances <= ROOM
    assert (omaha.service.memory.due, omaha.service.memory.hurried) == (0, 0)
    assert len(await store.live_grants()) == (ROOM if version == "1.0.0" else 0)


async def test_whoever_is_known_is_served_while_the_application_is_full(place):
    omaha, store = place
    await fill(omaha, store)

    assert await check(omaha, "first0", "1.0.0") == "1.1.0"
    assert await check(omaha, "nobody") == "noupdate"
    assert omaha.service.tally.answers[Reason.ENROLMENT_LIMITED] == 1


async def test_whoever_is_known_is_served_after_a_restart_too(place, clock):
    omaha, store = place
    await fill(omaha, store)
    again = OmahaService(store, clock)
    again.service.memory.load(await store.live_grants(), await store.ledgers())
    again.service._loaded = True
    again.put(*omaha_fleet.fleet(APP))

    assert await check(again, "nobody") == "noupdate"
    assert [await check(again, f"first{number}", "1.0.0") for number in range(3)] == ["1.1.0"] * 3


async def test_events_of_those_who_arent_taken_in_are_acknowledged_and_counted(place):
    omaha, store = place
    await fill(omaha, store)
    position = await store.position()

    reply = await omaha.post(omaha_fleet.event(APP, "nobody", 3, 1))

    (app,) = reply.apps()
    assert (reply.status, app.find("event").get("status")) == (200, "ok")
    assert omaha.service.tally.events[3, 1, False] == 1
    assert await store.position() == position
    assert omaha.service.memory.known((APP, "nobody")) is None


async def test_refusing_asks_the_store_for_nothing_but_whether_the_id_is_known(store):
    omaha = await OmahaService(store).start(omaha_fleet.fleet(APP))
    omaha.service.enrolment.close(APP, omaha.clock.now + BASELINE_LASTS, omaha.clock.now)
    store.calls.clear()

    for number in range(20):
        assert await check(omaha, f"i{number}") == "noupdate"

    assert store.calls == ["instance"] * 20
    assert omaha.service.memory.instances == 0


async def test_a_place_that_was_left_is_found_within_a_minute(place, clock):
    omaha, store = place
    await fill(omaha, store)
    assert await check(omaha, "nobody") == "noupdate"
    gone = (await store.instances(InstanceQuery(APP)))[0].record.instance_id
    await store.forget(APP, gone, clock.now)

    clock.advance(LOOK_AGAIN.total_seconds())

    assert await check(omaha, "somebody") == "1.1.0"


async def test_an_id_that_the_service_made_up_is_not_taken_in_either(place):
    omaha, store = place
    await fill(omaha, store)
    await check(omaha, "nobody")

    assert await check(omaha, "") == "noupdate"

    assert await rows(store) == ROOM
    assert list(await store.live_grants()) == []


async def test_an_id_that_the_service_makes_up_asks_the_store_for_nothing(store):
    omaha = await OmahaService(store).start(omaha_fleet.fleet(APP))
    omaha.service.enrolment.close(APP, omaha.clock.now + BASELINE_LASTS, omaha.clock.now)
    store.calls.clear()

    assert await check(omaha, "") == "noupdate"

    assert store.calls == []
    assert omaha.service.tally.answers[Reason.ENROLMENT_LIMITED] == 1


async def test_refused_ids_are_counted_by_what_refused_them(place):
    omaha, store = place
    await fill(omaha, store)
    refused = omaha.service.enrolment.refused[Bound.APPLICATION]
    await check(omaha, "nobody")

    metrics = (await omaha.private("/metrics")).body.decode()

    assert f'omaha_new_instances_refused_total{{bound="Application"}} {refused + 1}.0' in metrics
    assert 'omaha_new_instances_refused_total{bound="Network"} 0.0' in metrics


# Networks


async def test_a_network_has_so_many_new_ids_a_minute(store):
    omaha = await OmahaService(store, new_ids_per_minute=3).start(omaha_fleet.fleet(APP))

    assert [await check(omaha, f"a{number}", client=HERE) for number in range(5)] == ["1.1.0"] * 3 + ["noupdate"] * 2
    assert await check(omaha, "b", client=THERE) == "1.1.0"
    assert await check(omaha, "a0", client=HERE) == "1.1.0", "who is known is offered its update again"
    assert ("a4" in {machine for _, machine in store.instances}, omaha.service.memory.known((APP, "a4"))) == (
        False,
        None,
    )
    omaha.clock.advance(20)
    assert [await check(omaha, f"c{number}", client=HERE) for number in range(2)] == ["1.1.0", "noupdate"]


async def test_those_who_are_in_the_store_are_not_new(store):
    omaha = await OmahaService(store, new_ids_per_minute=3).start(omaha_fleet.fleet(APP))
    for number in range(9):
        await check(omaha, f"i{number}", client=f"203.0.113.{number}")
    omaha.service.memory.forget_all()

    assert [await check(omaha, f"i{number}", client=HERE) for number in range(9)] == ["1.1.0"] * 9


async def test_a_flood_from_many_networks_is_remembered_of_the_latest_only(clock):
    enrolment = Enrolment(new_ids_per_minute=1, max_networks=100)

    for number in range(5000):
        assert enrolment.closed_until(APP, lambda number=number: f"n{number}", clock.now) is None

    assert enrolment.networks == 100
    assert enrolment.closed_until(APP, lambda: "n4999", clock.now) == clock.now + timedelta(minutes=1)


async def test_a_clock_that_goes_back_keeps_nobody_out(clock):
    enrolment = Enrolment(new_ids_per_minute=60)
    for _ in range(60):
        assert enrolment.closed_until(APP, lambda: HERE, clock.now) is None
    clock.advance(-3600)
    assert enrolment.closed_until(APP, lambda: HERE, clock.now) is not None
    clock.advance(1)

    assert enrolment.closed_until(APP, lambda: HERE, clock.now) is None


async def test_where_there_is_no_network_there_is_no_bound(clock):
    enrolment = Enrolment(new_ids_per_minute=1)

    assert [enrolment.closed_until(APP, nowhere, clock.now) for _ in range(9)] == [None] * 9


async def test_no_network_is_worked_out_for_those_who_are_known(store):
    omaha = await OmahaService(store, new_ids_per_minute=1).start(omaha_fleet.fleet(APP))
    await check(omaha, "one", client=HERE)

    for version in ("1.0.0", "1.1.0", "1.1.0"):
        await check(omaha, "one", version, client=THERE)

    assert omaha.service.enrolment.networks == 1


@pytest.fixture
async def crowded(tmp_path, clock):
    """A service on a real store, where a network may have two updates in flight."""
    store = sqlite_stores.made(tmp_path / "crowded.db", sqlite_stores.connect_carelessly, clock)
    yield await OmahaService(store, clock, live_grants_per_network=2).start(omaha_fleet.fleet(APP))
    await store.close()


async def test_a_network_has_so_many_updates_in_flight(crowded):
    answers = [await check(crowded, f"i{number}", client=HERE) for number in range(4)]

    assert answers == ["1.1.0", "1.1.0", "noupdate", "noupdate"]
    assert crowded.service.tally.answers[Reason.TOO_MANY_IN_FLIGHT] == 2
    assert await check(crowded, "i2", client=THERE) == "1.1.0"
    assert await check(crowded, "i0", client=HERE) == "1.1.0", "its own is offered again"


async def test_when_an_update_has_ended_the_next_of_the_network_gets_its_own(crowded, clock):
    for number in range(3):
        await check(crowded, f"i{number}", client=HERE)
    assert await check(crowded, "i0", "1.1.0", client=HERE) == "noupdate"
    clock.advance(crowding.LOOK_AGAIN.total_seconds())

    assert await check(crowded, "i2", client=HERE) == "1.1.0"


async def test_while_a_network_is_full_the_store_isnt_asked_for_each_of_its_checks(crowded, store, clock):
    omaha = await OmahaService(store, clock, live_grants_per_network=2).start(omaha_fleet.fleet(APP))
    source = Source(HERE, 2)
    omaha.service.granting._crowding.fill(APP, source, clock.now)

    assert [await check(omaha, f"i{number}", client=HERE) for number in range(5)] == ["noupdate"] * 5
    assert "grant" not in store.calls


async def test_full_networks_are_remembered_within_bounds(clock):
    known = crowding.Crowding(1, max_networks=10)
    for number in range(100):
        known.fill(APP, Source(f"n{number}", 1), clock.now)

    assert [number for number in range(100) if known.full(APP, Source(f"n{number}", 1), clock.now)] == [*range(90, 100)]
