"""Resetting and forgetting an instance: what ends, who is told, and that the very next check is decided anew."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from omaha_api.fleet_api.statuses import ApiError
from omaha_api.store.sqlite import connections
from omaha_api.store.sqlite.store import SqliteStore
from support.eventually import eventually
from support.fleet_desk import FleetDesk
from support.fleet_values import NOW, TIMEOUTS, sighting
from update_core.fleet.store import StoreUnavailable

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
ONE, OTHER = "{machine-one}", "{machine-other}"
KEY = (APP, ONE)
RESET = {"apiVersion": "fleet.updateservice.dev/v1alpha1", "kind": "InstanceReset"}
ACTIONS = pytest.mark.parametrize("action", ["reset", "forget"])


@pytest.fixture
async def desk(tmp_path):
    desk = FleetDesk(tmp_path / "fleet.db", APP)
    yield desk
    await desk.close()


def locked(path: Path) -> contextlib.closing:
    """Somebody else writes to the database, until this is closed."""
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    return contextlib.closing(shell)


async def begun(desk, *awaitables):
    """Tasks whose transactions wait for the database in this order."""
    tasks = []
    for awaitable in awaitables:
        before = submitted(desk)
        tasks.append(asyncio.create_task(awaitable))
        await eventually(lambda before=before: submitted(desk) > before)
    return tasks


def submitted(desk) -> int:
    return desk.store.submitted


class CountingStore(SqliteStore):
    """Says how many transactions of instances were handed to the writer."""

    submitted = 0

    async def grant(self, *args):
        self.submitted += 1
        return await super().grant(*args)

    async def reset(self, *args):
        self.submitted += 1
        return await super().reset(*args)

    async def forget(self, *args):
        self.submitted += 1
        return await super().forget(*args)


async def in_flight(desk) -> dict[str, set[tuple[str, int]]]:
    """The live grants that the store has, and those that memory believes in."""
    stored = {(grant.instance_id, grant.number) for grant in await desk.store.live_grants()}
    remembered = {(grant.instance_id, grant.number) for grant in desk.memory._live.values()}
    return {"store": stored, "memory": remembered}


async def test_a_reset_frees_the_place_in_flight_at_once(desk):
    await desk.start(maxInFlight=1)
    assert [await desk.check(ONE), await desk.check(OTHER)] == ["1.1.0", "noupdate"]

    done = await desk.create(ONE, "reset")

    assert done["status"] == {"user": "alice", "endedVersion": "1.1.0"}
    assert await desk.check(OTHER) == "1.1.0"
    assert (await desk.instance(ONE))["status"]["state"] == "Idle"


async def test_the_very_next_check_after_a_reset_is_decided_anew(desk):
    await desk.start(rateLimit={"maxUpdates": 1, "periodSeconds": 3600})
    assert [await desk.check(ONE), await desk.check(ONE)] == ["1.1.0", "1.1.0"]

    await desk.create(ONE, "reset")

    # Nothing is given back: its slot is used up.
    assert await desk.check(ONE) == "noupdate"
    assert (await desk.decision(ONE))["reason"] == "RateLimited"
    desk.clock.advance(3600)
    assert await desk.check(ONE) == "1.1.0"


async def test_a_reset_ends_as_forgotten_in_the_history(desk):
    await desk.start()
    await desk.check(ONE)
    desk.clock.advance(60)

    await desk.create(ONE, "reset")

    history = await desk.get(ONE, "history")
    assert history["kind"] == "InstanceHistory"
    assert [(move["fromState"], move["toState"], move["time"]) for move in history["moves"]] == [
        ("", "Granted", "2026-03-01T12:00:00Z"),
        ("Granted", "Forgotten", "2026-03-01T12:01:00Z"),
    ]


async def test_a_failure_is_forgotten_by_a_reset_which_ends_nothing(desk):
    await desk.start()
    await desk.check(ONE)
    await desk.check(
        ONE, inner='<event eventtype="3" eventresult="0" errorcode="9"/><updatecheck updatedisabled="true"/>'
    )
    assert (await desk.instance(ONE))["status"]["state"] == "Failed"

    done = await desk.create(ONE, "reset")

    assert done["status"] == {"user": "alice"}
    assert (await desk.instance(ONE))["status"]["state"] == "Idle"


async def test_who_is_forgotten_is_gone_and_new_when_it_comes_again(desk):
    await desk.start()
    await desk.check(ONE)
    await desk.flush()

    done = await desk.create(ONE, "forget")

    assert done["status"]["endedVersion"] == "1.1.0"
    with pytest.raises(ApiError) as gone:
        await desk.get(ONE, "decision")
    assert gone.value.code == 404
    desk.clock.advance(60)
    await desk.check(ONE, "1.1.0")
    await desk.flush()
    assert (await desk.instance(ONE))["metadata"]["creationTimestamp"] == "2026-03-01T12:01:00Z"
    assert (await desk.get(ONE, "history"))["moves"] == []


async def test_what_waits_to_be_written_does_not_bring_back_who_is_forgotten(desk):
    await desk.start(paused=True)
    await desk.check(ONE)
    await desk.flush()
    await desk.check(ONE)
    desk.omaha.service.sightings.queue(sighting(ONE, app_id=APP), TIMEOUTS)

    await desk.create(ONE, "forget")
    await desk.flush()

    assert await desk.store.instance(*KEY) is None


async def test_what_is_written_meanwhile_does_not_bring_back_who_is_forgotten(tmp_path):
    desk = await FleetDesk(tmp_path / "fleet.db", APP, store=CountingStore).start(paused=True)
    await desk.check(ONE)
    await desk.flush()
    desk.omaha.service.sightings.queue(sighting(ONE, app_id=APP), TIMEOUTS)
    with locked(desk.path):
        (forgetting,) = await begun(desk, desk.create(ONE, "forget"))
        writing = asyncio.create_task(desk.flush())
        await eventually(lambda: desk.omaha.service.sightings.queued == 0)
    await asyncio.gather(forgetting, writing)

    assert await desk.store.instance(*KEY) is None
    await desk.close()


class SlowReads(SqliteStore):
    """Reads of one instance wait, with what they have read, until the test lets them go."""

    def hold(self) -> None:
        self.reading, self.let_go = asyncio.Event(), asyncio.Event()

    async def instance(self, app_id, instance_id):
        record = await super().instance(app_id, instance_id)
        if hasattr(self, "let_go"):
            self.reading.set()
            await self.let_go.wait()
        return record


async def test_a_check_that_looked_before_the_forgetting_is_a_first_sight(tmp_path):
    path = tmp_path / "fleet.db"
    before = await FleetDesk(path, APP).start(paused=True)
    await before.check(ONE)
    await before.flush()
    await before.close()
    desk = await FleetDesk(path, APP, store=SlowReads).start(paused=True)
    desk.store.hold()
    check = asyncio.create_task(desk.check(ONE))
    await desk.store.reading.wait()

    await desk.create(ONE, "forget")
    desk.store.let_go.set()
    await check
    await desk.flush()

    assert (await desk.instance(ONE))["metadata"]["creationTimestamp"]
    await desk.close()


# Who is told


async def test_an_event_names_the_user_the_reason_and_what_was_ended(desk):
    await desk.start()
    await desk.check(ONE)
    await desk.flush()

    await desk.create(ONE, "reset", RESET | {"spec": {"reason": "stuck since Monday"}}, user="alice@example.com")
    await desk.create(ONE, "forget", user="bob")

    name = desk.name(ONE)
    assert desk.told.events == [
        (
            name,
            "InstanceReset",
            "Reset",
            "alice@example.com reset it (stuck since Monday). Its update to 1.1.0 was ended.",
        ),
        (name, "InstanceForgotten", "Forget", "bob had it forgotten. It had no update in flight."),
    ]


@ACTIONS
async def test_groups_are_counted_again_after(desk, action):
    await desk.start()
    await desk.check(ONE)

    await desk.create(ONE, action)

    assert desk.moves == 1


@ACTIONS
async def test_a_dry_run_answers_the_same_and_does_nothing(desk, action):
    await desk.start()
    await desk.check(ONE)
    before = await desk.instance(ONE), await in_flight(desk)

    tried = await desk.create(ONE, action, dryRun="All")

    assert (await desk.instance(ONE), await in_flight(desk)) == before
    assert (desk.told.events, desk.moves) == ([], 0)
    assert await desk.create(ONE, action) == tried


# What may come in between


async def test_of_two_resets_at_once_one_ends_the_update(desk):
    await desk.start()
    await desk.check(ONE)

    done = await asyncio.gather(desk.create(ONE, "reset"), desk.create(ONE, "reset", user="bob"))

    assert sorted(one["status"].get("endedVersion", "") for one in done) == ["", "1.1.0"]
    assert len(desk.told.events) == 2


async def test_of_two_that_forget_at_once_one_is_told_that_it_is_gone(desk):
    await desk.start()
    await desk.check(ONE)

    done = await asyncio.gather(desk.create(ONE, "forget"), desk.create(ONE, "forget"), return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["ApiError", "dict"]
    assert len(desk.told.events) == 1


@ACTIONS
async def test_an_instance_that_is_not_there_is_not_found(desk, action):
    await desk.start()

    with pytest.raises(ApiError) as refused:
        await desk.create("{nobody}", action)

    assert (refused.value.code, refused.value.reason) == (404, "NotFound")


@ACTIONS
@pytest.mark.parametrize("first", ["check", "action"])
async def test_memory_holds_what_the_store_holds_when_a_grant_and_an_action_meet(tmp_path, action, first):
    desk = await FleetDesk(tmp_path / "fleet.db", APP, store=CountingStore).start(maxInFlight=3)
    await desk.check("{machine-first}")
    await desk.check(ONE, inner='<updatecheck updatedisabled="true"/>')
    await desk.flush()
    check, act = desk.check(ONE), desk.create(ONE, action)
    with locked(desk.path):
        tasks = await begun(desk, *((check, act) if first == "check" else (act, check)))
    results = await asyncio.gather(*tasks)

    assert "1.1.0" in results
    expected = {("{machine-first}", 1)} | (set() if first == "check" else {(ONE, 2)})
    assert await in_flight(desk) == {"store": expected, "memory": expected}
    assert await desk.check(OTHER) == "1.1.0"
    await desk.close()


async def test_checks_and_resets_in_any_order_leave_memory_and_store_the_same(desk):
    await desk.start(maxInFlight=5)
    machines = [f"m{number}" for number in range(12)]
    for machine in machines:
        await desk.check(machine)
    await desk.flush()
    for turn in range(15):
        work = [desk.check(machine) for machine in machines]
        work += [desk.create(machine, "reset") for machine in machines[turn % 3 :: 2]]
        await asyncio.gather(*(work if turn % 2 else reversed(work)))

        now = await in_flight(desk)
        assert now["store"] == now["memory"]
        group = desk.omaha.service.source.current.group(APP, "fake1")
        assert desk.memory.fleet(group, None).in_flight == len(now["store"]) <= 5


@ACTIONS
async def test_who_goes_away_in_the_middle_leaves_no_update_behind_in_memory(tmp_path, action):
    desk = await FleetDesk(tmp_path / "fleet.db", APP, store=CountingStore).start()
    await desk.check(ONE)
    with locked(desk.path):
        (task,) = await begun(desk, desk.create(ONE, action))
        task.cancel()
    await eventually(lambda: desk.told.events)

    assert await in_flight(desk) == {"store": set(), "memory": set()}
    await desk.close()


async def test_a_second_reset_clears_up_after_one_whose_answer_was_lost(desk):
    await desk.start()
    await desk.check(ONE)
    await desk.store.reset(*KEY, NOW)

    await desk.create(ONE, "reset")

    assert await in_flight(desk) == {"store": set(), "memory": set()}
    assert await desk.check(ONE) == "1.1.0"
    assert await in_flight(desk) == {"store": {(ONE, 2)}, "memory": {(ONE, 2)}}


def impatient(path: Path) -> sqlite3.Connection:
    """A connection that doesn't wait for a lock."""
    connection = connections.connect(path)
    connection.execute("PRAGMA busy_timeout = 0")
    return connection


@ACTIONS
async def test_nothing_is_done_or_told_while_the_store_cannot_be_written(tmp_path, action):
    desk = await FleetDesk(tmp_path / "fleet.db", APP, impatient).start()
    await desk.check(ONE)
    before = await in_flight(desk)
    desk.omaha.service.sightings.queue(sighting(ONE, app_id=APP, track="fake1", alias="waits"), TIMEOUTS)
    with locked(desk.path), pytest.raises(StoreUnavailable):
        await desk.create(ONE, action)

    assert await in_flight(desk) == before
    assert (desk.told.events, desk.moves) == ([], 0)
    await desk.flush()
    instance = await desk.instance(ONE)
    assert (instance["status"]["state"], instance["spec"]["alias"]) == ("Granted", "waits")
    assert await desk.check(ONE) == "1.1.0"
    await desk.close()
