"""What was seen reaches the store, in batches, bounded, newest first where an instance was seen twice."""

import asyncio
from datetime import UTC, datetime

import pytest

from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import Known
from omaha_api.instances.sightings import Sightings, turns
from support.eventually import eventually
from support.scripted_store import ScriptedStore
from update_core.fleet.attributes import NONE
from update_core.fleet.grants import Timeouts
from update_core.fleet.store import Sighting, StoreUnavailable

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TIMEOUTS = Timeouts(3600, 3600)


def seen(instance_id="m", version="1.0.0"):
    return Sighting("app", instance_id, "fake1", version, NOW)


def made(store, memory=None, **options):
    chosen = {"flush_interval_seconds": 2, "shortest_active_seconds": lambda: 86400}
    return Sightings(store, memory or FleetMemory(), **chosen | options)


async def test_the_newest_sighting_of_an_instance_is_the_one_that_is_written():
    store = ScriptedStore()
    sightings = made(store)
    sightings.queue(seen(version="1.0.0"), TIMEOUTS)
    sightings.queue(seen(version="1.1.0"), TIMEOUTS)

    await sightings.flush()

    assert store.calls == ["observe"]
    assert store.instances["app", "m"].version == "1.1.0"


async def test_what_is_written_now_overtakes_what_waits():
    store = ScriptedStore()
    sightings = made(store)
    sightings.queue(seen(version="1.0.0"), TIMEOUTS)

    await sightings.record(seen(version="1.1.0"), TIMEOUTS)
    await sightings.flush()

    assert store.instances["app", "m"].version == "1.1.0"


async def test_a_full_queue_refuses_newcomers_and_takes_news_of_those_who_wait():
    sightings = made(ScriptedStore(), max_queued=1)

    assert sightings.queue(seen("first"), TIMEOUTS)
    assert not sightings.queue(seen("second"), TIMEOUTS)
    assert sightings.queue(seen("first", "1.1.0"), TIMEOUTS)
    assert (sightings.queued, sightings.dropped) == (1, 1)


async def test_a_failed_flush_keeps_everything_for_the_next():
    store = ScriptedStore()
    sightings = made(store)
    for number in range(100):
        sightings.queue(seen(f"m{number}"), TIMEOUTS)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await sightings.flush()
    assert sightings.queued == 100

    store.away = False
    await sightings.flush()

    assert (sightings.queued, len(store.instances)) == (0, 100)


async def test_an_instance_is_touched_once_per_batch_however_often_it_checked():
    store, memory = ScriptedStore(), FleetMemory()
    sightings = made(store, memory)
    memory.remember(("app", "m"), Known("fake1", "1.0.0", NONE, "", "", NOW))
    for _ in range(5):
        memory.touch(("app", "m"))

    await sightings.flush()
    await sightings.flush()

    assert store.calls == ["touch"]


def test_memory_is_bounded_and_forgets_who_was_heard_first():
    memory = FleetMemory(max_instances=2)
    for name in ("a", "b", "c"):
        memory.remember(("app", name), Known("fake1", "1.0.0", NONE, "", "", NOW))
        memory.touch(("app", name))

    assert memory.instances == 2
    assert memory.known(("app", "a")) is None
    memory.begin_round()
    assert {sighting.instance_id for sighting in memory.take_touched(3)} == {"b", "c"}


def fleet(*names):
    memory = FleetMemory()
    for name in names:
        memory.remember(("app", name), Known("fake1", "1.0.0", NONE, "", "", NOW))
    return memory


def taken(memory, at_most):
    return [sighting.instance_id for sighting in memory.take_touched(at_most)]


def test_whose_refusal_changed_is_written_before_those_that_were_merely_heard():
    memory = fleet("a", "b", "c")
    for name in ("a", "b", "c"):
        memory.touch(("app", name))
    memory.begin_round()
    memory.hurry(("app", "b"))

    assert taken(memory, 1) == ["b"]
    assert sorted(taken(memory, 3)) == ["a", "c"]


def test_who_is_heard_in_mid_round_is_written_in_the_next():
    memory = fleet("a", "b")
    memory.touch(("app", "a"))
    memory.begin_round()
    memory.touch(("app", "b"))
    assert taken(memory, 2) == ["a"]

    memory.begin_round()

    assert taken(memory, 2) == ["b"]


def test_what_a_round_left_is_written_in_the_next():
    memory = fleet("a", "b")
    memory.touch(("app", "a"))
    memory.begin_round()
    memory.touch(("app", "b"))
    memory.begin_round()

    assert sorted(taken(memory, 2)) == ["a", "b"]


@pytest.mark.parametrize(
    ("active_seconds", "expected"),
    [
        pytest.param(86400, 15, id="by default half a minute"),
        pytest.param(100, 5, id="a tenth of what a group waits for a sign of life"),
        pytest.param(1, 1, id="never less than one"),
    ],
)
def test_last_seen_times_come_early_enough_for_the_group_that_waits_least(active_seconds, expected):
    assert turns(active_seconds, 2) == expected


async def test_a_large_fleet_is_written_a_little_at_a_time():
    names = [f"m{number}" for number in range(1000)]
    store, memory = ScriptedStore(), fleet(*names)
    for name in names:
        memory.touch(("app", name))
    sightings = made(store, memory, flush_interval_seconds=0.02, shortest_active_seconds=lambda: 1)

    writing = asyncio.create_task(sightings.run())
    await eventually(lambda: len(store.instances) == len(names))
    writing.cancel()

    assert store.calls == ["touch"] * 10


async def test_last_seen_times_that_could_not_be_written_wait_for_the_store():
    store, memory = ScriptedStore(), fleet("a")
    sightings = made(store, memory)
    memory.touch(("app", "a"))
    store.away = True
    with pytest.raises(StoreUnavailable):
        await sightings.flush()

    store.away = False
    await sightings.flush()

    assert list(store.instances) == [("app", "a")]
