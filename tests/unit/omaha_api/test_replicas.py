"""Two services on one PostgreSQL are right together: whoever is asked, it is as if there were one."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from omaha_api.clock import utc_now
from omaha_api.store.postgres.timekeeping import DatabaseClock
from support import omaha_fleet as fleet
from support.omaha_service import TestClock
from support.replicas import Replica
from update_core.fleet.grants import GrantState

APP = fleet.APP_ID
FIRST, SECOND, THIRD = "m1", "m2", "m3"


async def test_grant_of_one_is_offered_again_by_the_other_from_memory(replicas, rows):
    one, other = await replicas()
    assert await one.ask(fleet.check(APP, FIRST)) == "1.1.0"
    await other.hear()

    assert await other.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert other.store.attempts == 0
    assert rows("SELECT instance_id, number FROM grants") == [(FIRST, 1)]


async def test_replica_that_refuses_the_others_does_not_refuse_the_holder(replicas):
    one, other = await replicas(maxInFlight=1)
    assert await one.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert await other.ask(fleet.check(APP, SECOND)) == "noupdate"
    await other.hear()

    assert await other.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert other.answers("TooManyInFlight") == 1


async def test_update_granted_by_one_goes_its_whole_way_at_the_other(replicas, rows):
    """Its first event may come before the other has heard of the grant: it waits for that, and isn't lost."""
    one, other = await replicas(maxInFlight=1)
    other.ear.open.clear()
    assert await one.ask(fleet.check(APP, FIRST)) == "1.1.0"

    first = asyncio.create_task(other.omaha.post(fleet.event(APP, FIRST, 13)))
    await asyncio.sleep(0)
    other.ear.open.set()
    assert (await first).status == 200
    for eventtype in (14, 3):
        await other.omaha.post(fleet.event(APP, FIRST, eventtype))
    assert await other.ask(fleet.check(APP, FIRST, "1.1.0")) == "noupdate"

    moves = rows("SELECT to_state FROM history ORDER BY number, at, id")
    assert [state for (state,) in moves] == ["Granted", "Downloading", "Downloaded", "Installed", "Complete"]
    await one.hear()
    assert await one.ask(fleet.check(APP, SECOND)) == "1.1.0"


async def test_event_that_comes_with_a_check_waits_for_what_the_other_granted(replicas, rows):
    one, other = await replicas()
    failed = '<updatecheck/><event eventtype="3" eventresult="0" errorcode="9"/>'
    # So that the other knows the instance and the form, and takes such a check for a steady one.
    other.omaha.put(fleet.channel("1.0.1"))
    for _ in range(3):
        await other.ask(fleet.check(APP, SECOND, "1.0.1", inner=failed))
    await other.ask(fleet.check(APP, FIRST, "1.0.1"))
    await other.omaha.service.sightings.flush()
    await other.hear()
    other.ear.open.clear()
    await one.ask(fleet.check(APP, FIRST, "1.0.1"))

    telling = asyncio.create_task(other.omaha.post(fleet.check(APP, FIRST, "1.0.1", inner=failed)))
    await asyncio.sleep(0)
    other.ear.open.set()
    await telling

    assert rows("SELECT state FROM grants") == [("Failed",)]


async def test_event_is_not_acknowledged_while_nobody_knows_what_the_others_granted(replicas):
    _, other = await replicas()
    other.ear.away = True

    refused = await other.omaha.post(fleet.event(APP, FIRST, 14))
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    assert (await other.omaha.post(fleet.event(APP, FIRST, 54))).status == 200


@pytest.mark.parametrize(
    ("told", "column"),
    [
        pytest.param(lambda word: fleet.check(APP, FIRST, f"1.1.{word}"), "version", id="version"),
        pytest.param(
            lambda word: fleet.check(APP, FIRST, "1.2.0").replace(b" machineid", f' machinealias="{word}" machineid'.encode()),
            "alias",
            id="alias",
        ),
        pytest.param(
            lambda word: fleet.check(APP, FIRST, "1.2.0").replace(b" machineid", f' oem="{word}" machineid'.encode()),
            "attributes",
            id="attributes",
        ),
    ],
)  # fmt: skip
async def test_change_back_is_seen_by_a_replica_that_missed_the_change_between(replicas, rows, told, column):
    one, other = await replicas()
    seen = []
    for replica, word in ((one, "0"), (other, "1"), (one, "0"), (other, "1")):
        await replica.hear()
        await replica.ask(told(word))
        await replica.omaha.service.sightings.flush()
        seen += rows(f"SELECT {column} FROM instances")

    assert seen[0] == seen[2]
    assert seen[1] == seen[3]
    assert seen[0] != seen[1]


async def test_record_that_changes_while_it_is_loaded_is_loaded_again(replicas, rows):
    one, other = await replicas()
    await one.ask(fleet.check(APP, FIRST, "1.2.0"))
    await one.omaha.service.sightings.flush()
    read = other.store.instance
    was_read, held = asyncio.Event(), asyncio.Event()

    async def slowly(*key):
        record = await read(*key)
        was_read.set()
        await held.wait()
        return record

    other.omaha.service.checks._hearing._store = SlowReads(other.store, slowly)
    asking = asyncio.create_task(other.ask(fleet.check(APP, FIRST, "1.2.0")))
    await was_read.wait()
    await one.ask(fleet.check(APP, FIRST, "1.3.0"))
    await other.hear()
    held.set()
    await asking

    assert rows("SELECT version FROM instances") == [("1.2.0",)]


class SlowReads:
    """A store whose records come as `instance` brings them."""

    def __init__(self, store, instance) -> None:
        self._store = store
        self.instance = instance

    def __getattr__(self, name):
        return getattr(self._store, name)


async def test_limits_hold_under_a_race_for_both(replicas, rows):
    both = await replicas(maxInFlight=25, rateLimit={"maxUpdates": 20, "periodSeconds": 600}, updateTimeoutSeconds=900)
    offered: Counter[str] = Counter()

    async def poll(number: int, turn: int) -> None:
        replica, name = both[(number + turn) % 2], f"m{number}"
        if await replica.ask(fleet.check(APP, name)) == "1.1.0":
            offered[name] += 1
            if number % 3 == 0:
                await both[turn % 2].omaha.post(fleet.event(APP, name, 14))
            if number % 5 == 0:
                await both[(number + turn + 1) % 2].ask(fleet.check(APP, name, "1.1.0"))

    for turn in range(10):
        await asyncio.gather(*(poll(number, turn) for number in range(150)))
        await both[0].omaha.serve_for(150)
        for replica in both:
            await replica.omaha.service.sweeper.sweep()

    moves = rows("SELECT at, number, from_state, to_state FROM history ORDER BY id")
    live, most = set(), 0
    for _, number, _, to_state in moves:
        (live.add if GrantState(to_state).live else live.discard)(number)
        most = max(most, len(live))
    granted = [at for (at,) in rows("SELECT granted_at FROM grants ORDER BY number")]
    assert most == 25
    assert all(later - earlier >= 600_000_000 for earlier, later in zip(granted, granted[20:], strict=False))
    assert len(granted) > 40, "the race was none"
    assert set(offered) == {name for (name,) in rows("SELECT DISTINCT instance_id FROM grants")}


async def test_the_other_goes_on_where_one_was_killed(replicas):
    one, other = await replicas(maxInFlight=2, updateTimeoutSeconds=900)
    for machine in (FIRST, SECOND):
        await one.ask(fleet.check(APP, machine))
    await one.stop()

    assert await other.ask(fleet.check(APP, THIRD)) == "noupdate"
    assert await other.ask(fleet.check(APP, FIRST)) == "1.1.0"
    await other.omaha.post(fleet.event(APP, FIRST, 14))
    await other.omaha.serve_for(899)
    await other.omaha.post(fleet.event(APP, FIRST, 3))
    await other.omaha.serve_for(2)
    await other.omaha.service.sweeper.sweep()
    assert await other.ask(fleet.check(APP, THIRD)) == "1.1.0"


@pytest.mark.parametrize("act", ["reset", "forget"])
async def test_what_a_person_ended_at_one_is_not_offered_again_by_the_other(replicas, rows, clock, act):
    one, other = await replicas(paused=False)
    await one.ask(fleet.check(APP, FIRST))
    await one.hear()
    await getattr(other.store, act)(APP, FIRST, clock())
    await one.hear()

    assert one.omaha.service.memory.live_grants == 0
    assert await one.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert rows("SELECT number, state FROM grants ORDER BY number") == [(1, "Forgotten"), (2, "Granted")]


async def test_replica_that_lags_repeats_no_grant_from_memory(replicas, rows, clock):
    one, other = await replicas()
    await one.ask(fleet.check(APP, FIRST))
    await other.hear()
    other.lag()
    await one.store.reset(APP, FIRST, clock())

    assert await other.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert rows("SELECT number, state FROM grants ORDER BY number") == [(1, "Forgotten"), (2, "Granted")]


async def test_replica_that_lags_refuses_nobody_from_memory(replicas):
    one, other = await replicas(maxInFlight=1)
    await one.ask(fleet.check(APP, FIRST))
    await other.hear()
    assert await other.ask(fleet.check(APP, SECOND)) == "noupdate"
    other.lag()
    await one.ask(fleet.check(APP, FIRST, "1.1.0"))

    assert await other.ask(fleet.check(APP, SECOND)) == "1.1.0"


async def test_replica_that_lags_without_the_store_grants_nothing_and_knows_who_is_up_to_date(replicas):
    one, other = await replicas()
    await one.ask(fleet.check(APP, FIRST))
    await other.ask(fleet.check(APP, SECOND, "1.1.0"))
    await other.hear()
    other.lag()
    await other.store._writer.stop()

    assert await other.ask(fleet.check(APP, FIRST)) == "noupdate"
    assert other.answers("StoreUnavailable") == 1
    assert await other.ask(fleet.check(APP, SECOND, "1.1.0")) == "noupdate"
    assert other.answers("UpToDate") == 2


async def test_lag_is_told_and_ends_when_commits_are_heard_again(replicas):
    _, other = await replicas()
    assert "\nomaha_follow_lag_seconds 0." in (await other.omaha.private("/metrics")).body.decode()
    other.lag()
    assert other.omaha.service.memory.lagging
    assert b"\nomaha_follow_lag_seconds 5." in (await other.omaha.private("/metrics")).body

    other.ear.open.set()
    await other.hear()

    assert not other.omaha.service.memory.lagging


async def test_replica_for_which_the_log_was_pruned_too_soon_begins_anew(replicas, clock):
    one, other = await replicas()
    for machine in (FIRST, SECOND):
        await one.ask(fleet.check(APP, machine))
    await other.hear()
    other.ear.open.clear()
    await one.ask(fleet.check(APP, FIRST, "1.1.0"))
    await one.ask(fleet.check(APP, THIRD))
    await one.store.prune(clock() + timedelta(days=1))
    other.ear.open.set()
    await other.hear()

    live = {grant.instance_id for grant in other.omaha.service.memory.all_live()}
    assert live == {SECOND, THIRD}
    assert other.omaha.service.memory.known((APP, FIRST)) is None


async def test_replica_with_an_older_catalog_cannot_grant(replicas, rows):
    one, other = await replicas()
    assert await one.ask(fleet.check(APP, FIRST)) == "1.1.0"
    payload = fleet.package("1.1.0")
    one.omaha.put(fleet.stamped(fleet.group(), payload, sequence=2))
    assert await one.ask(fleet.check(APP, SECOND)) == "1.1.0"

    assert await other.ask(fleet.check(APP, THIRD)) == "noupdate"
    assert other.answers("StaleCatalog") == 1
    assert rows("SELECT instance_id, sequence FROM grants ORDER BY number") == [(FIRST, 1), (SECOND, 2)]


@pytest.mark.parametrize("hours", [5, -5], ids=["ahead", "behind"])
async def test_clock_of_a_replica_that_is_wrong_neither_frees_a_slot_in_memory_nor_ends_a_grant(
    postgres_url, rows, hours
):
    clock = TestClock()
    clock.now = utc_now() + timedelta(hours=hours)
    limited = fleet.group(rateLimit={"maxUpdates": 1, "periodSeconds": 600}, updateTimeoutSeconds=900)
    payload = fleet.package("1.1.0")
    status = {"status": fleet.status(payload, started=utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"))}
    resources = [fleet.application(APP), fleet.channel("1.1.0"), payload, limited | status]
    replica = await Replica(postgres_url, clock, DatabaseClock(clock)).start(resources)
    assert await replica.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert await replica.ask(fleet.check(APP, SECOND)) == "noupdate"
    attempts = replica.store.attempts

    assert await replica.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert await replica.ask(fleet.check(APP, SECOND)) == "noupdate"
    clock.advance(-hours * 3600 * 2)  # what is measured between two transactions is what holds
    await replica.omaha.service.sweeper.sweep()
    await replica.hear()
    assert await replica.ask(fleet.check(APP, SECOND)) == "noupdate"
    assert replica.store.attempts == attempts
    assert replica.answers("RateLimited") == 3
    await replica.stop()


async def test_clock_of_a_replica_that_is_behind_refuses_nobody_whose_slot_has_come(postgres_url):
    clock = TestClock()
    clock.now = utc_now() - timedelta(hours=5)
    resources = fleet.fleet(APP, rateLimit={"maxUpdates": 1, "periodSeconds": 1}, updateTimeoutSeconds=1)
    resources[-1]["status"]["rollout"]["startedTime"] = utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
    replica = await Replica(postgres_url, clock, DatabaseClock(clock)).start(resources)
    assert await replica.ask(fleet.check(APP, FIRST)) == "1.1.0"
    assert await replica.ask(fleet.check(APP, SECOND)) == "noupdate"

    async with asyncio.timeout(10):
        while await replica.ask(fleet.check(APP, SECOND)) != "1.1.0":
            await asyncio.sleep(0.1)
            clock.advance(0.1)
    await replica.stop()
