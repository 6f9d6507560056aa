"""Two replicas on one PostgreSQL: no limit is exceeded together, nothing is granted twice, and each hears of what the other commits."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from psycopg.conninfo import conninfo_to_dict

from omaha_api.clock import utc_now
from omaha_api.store import grants
from omaha_api.store.postgres.store import PostgresStore
from omaha_api.store.postgres.timekeeping import DatabaseClock
from support import postgres_stores
from support.fleet_store_actions import HOUR, SECOND, ask, assert_in_flight_agrees, granted, known
from support.fleet_store_outcomes import THREE_IN_A_ROW, end, judged
from support.fleet_store_waves import FIRST, waved
from support.fleet_values import APP_ID, NEW, NOW, TIMEOUTS, group, sighting
from update_core.fleet.reading import InstanceQuery
from update_core.rollout.model import Limits, Offer, Reason, Refusal


@pytest.fixture
async def replicas(postgres_url):
    stores = [postgres_stores.made(postgres_url) for _ in range(2)]
    await asyncio.gather(*(store.open() for store in stores))
    yield stores
    await asyncio.gather(*(store.close() for store in stores))


def offered(answers) -> list[Offer]:
    """The offers among answers to checks."""
    return [answer.decision for answer in answers if isinstance(answer.decision, Offer)]


async def test_limits_hold_over_grants_of_both(replicas):
    limited = group(limits=Limits(max_updates=50, period_seconds=60, max_in_flight=70))
    for turn, most in ((0, 50), (1, 20), (2, 0)):
        at = NOW + turn * HOUR / 2
        answers = await asyncio.gather(
            *(
                ask(store, f"{turn}-{number}-{index}", limited, at=at)
                for number in range(150)
                for index, store in enumerate(replicas)
            )
        )
        assert len(offered(answers)) == most
        assert len({offer.grant.number for offer in offered(answers)}) == most
    for store in replicas:
        await assert_in_flight_agrees(store)


async def test_wave_lets_in_no_more_than_its_number_over_both(replicas):
    names = [f"i{number}" for number in range(20)]
    await known(replicas[0], *names)

    answers = await asyncio.gather(*(ask(store, name, waved(FIRST)) for name in names for store in replicas))

    assert {offer.grant.instance_id for offer in offered(answers)} <= set(names)
    assert len({offer.grant.number for offer in offered(answers)}) == FIRST.instances
    assert [ledger.through["first"] for store in replicas for ledger in await store.ledgers()] == [FIRST.instances] * 2


async def test_halt_by_outcomes_at_both_stops_both(replicas):
    names = [f"i{number}" for number in range(6)]
    await known(replicas[0], *names, "next")
    for name in names:
        await granted(replicas[0], name, judged(THREE_IN_A_ROW))

    moved = await asyncio.gather(*(end(replicas[number % 2], name, judged(None)) for number, name in enumerate(names)))

    assert sum(bool(each.halted) for each in moved) == 1
    for store in replicas:
        assert (await ask(store, "next", judged(THREE_IN_A_ROW))).decision == Refusal(Reason.HALTED)


async def test_one_instance_that_asks_both_at_once_has_one_grant(replicas):
    for turn in range(30):
        answers = await asyncio.gather(*(ask(store, f"i{turn}") for store in replicas * 3))
        assert len({offer.grant for offer in offered(answers)}) == 1

    assert len(await replicas[0].live_grants()) == 30
    assert [ledger.next_number for ledger in await replicas[1].ledgers()] == [31]


async def test_numbers_are_dense_and_counters_right_after_a_day_of_both(replicas, postgres, postgres_url):
    """Checks, reports, sweeps and resets of the same few instances, on whichever replica they come to."""
    chance = random.Random(1)
    names = [f"i{number}" for number in range(12)]
    limited = group(limits=Limits(max_updates=3, period_seconds=10, max_in_flight=5))

    async def act(step: int) -> None:
        store, name, at = chance.choice(replicas), chance.choice(names), NOW + step * SECOND
        match chance.randrange(6):
            case 0:
                await store.observe(sighting(name, NEW, at=at), TIMEOUTS)
            case 1:
                await store.observe(sighting(name, track=chance.choice(["stable", "beta"]), at=at), TIMEOUTS)
            case 2:
                await store.sweep(at)
            case 3:
                await store.reset(APP_ID, name, at)
            case _:
                await ask(store, name, limited, at=at)

    for start in range(0, 400, 8):
        await asyncio.gather(*(act(step) for step in range(start, start + 8)))

    await assert_in_flight_agrees(replicas[0])
    database = conninfo_to_dict(postgres_url)["dbname"]
    numbers = postgres.execute(
        "SELECT number FROM update_service.grants WHERE track = 'stable' ORDER BY number", database
    )
    assert len(numbers) > 10
    assert [number for (number,) in numbers] == list(range(1, len(numbers) + 1))
    live = Counter(grant.instance_id for grant in await replicas[1].live_grants())
    assert set(live.values()) == {1}


async def test_reader_that_polls_sees_revisions_in_the_order_of_commits(replicas):
    """What is seen to be the newest has everything before it: no commit comes later with an earlier number."""
    seen: list[int] = []
    done = asyncio.Event()

    async def poll() -> None:
        after = 0
        while not done.is_set() or after < (await replicas[0].position()).latest:
            for change in await replicas[0].changes(after, 50):
                seen.append(change.revision)
                after = change.revision

    polling = asyncio.create_task(poll())
    await asyncio.gather(*(granted(replicas[number % 2], f"i{number}") for number in range(400)))
    done.set()
    await polling

    assert seen == list(range(1, 401))


async def test_what_is_read_together_is_of_one_state(replicas):
    reading, writing = replicas
    loop = asyncio.get_running_loop()

    def read(connection):
        before = grants.all_live(connection)
        asyncio.run_coroutine_threadsafe(granted(writing, "meanwhile"), loop).result(30)
        return before, grants.all_live(connection)

    before, after = await reading._readers.read(read)

    assert before == after == []
    assert len(await reading.live_grants()) == 1


async def test_commit_of_one_wakes_those_who_wait_at_the_other_at_once(replicas, postgres_url):
    writing = replicas[0]
    waiting = PostgresStore(postgres_url, poll_seconds=3600)
    await waiting.open()
    for number in range(5):
        waiter = asyncio.create_task(waiting.wait_beyond((await waiting.position()).latest))
        await asyncio.sleep(0)
        await granted(writing, f"i{number}")

        async with asyncio.timeout(10):
            await waiter
    await waiting.close()


async def test_instance_granted_by_one_goes_on_at_the_other(replicas):
    one, other = replicas
    grant = await granted(one, "wanderer")

    assert (await ask(other, "wanderer", at=NOW + SECOND)).decision.grant == grant
    (moved,) = (await other.observe(sighting("wanderer", NEW), TIMEOUTS)).grants
    assert moved.number == grant.number
    assert await one.live_grants() == []
    (row,) = await one.instances(InstanceQuery(APP_ID))
    assert (row.record.version, row.state) == (NEW, "Complete")


async def test_two_that_start_at_once_on_an_empty_database_make_its_tables_once(postgres):
    name = postgres.create()
    stores = [postgres_stores.made(postgres.url(name)) for _ in range(4)]

    await asyncio.gather(*(store.open() for store in stores))

    positions = {await store.position() for store in stores}
    await asyncio.gather(*(granted(store, f"i{index}") for index, store in enumerate(stores)))
    assert len(await stores[0].live_grants()) == len(stores)
    assert len(positions) == 1
    await asyncio.gather(*(store.close() for store in stores))
    postgres.drop(name)


class WrongClock:
    """A machine's clock that is off by so much."""

    def __init__(self, real, off: timedelta) -> None:
        self.real = real
        self.off = off

    def __call__(self):
        return self.real() + self.off


async def test_time_is_the_databases_however_wrong_the_clocks_of_replicas_are(postgres_url, postgres):
    """Neither a clock that is ahead lets grants through early, nor does one that is behind keep them back."""

    clocks = [WrongClock(utc_now, timedelta(hours=hours)) for hours in (5, -3)]
    stores = [PostgresStore(postgres_url, time_keeping=DatabaseClock(clock)) for clock in clocks]
    await asyncio.gather(*(store.open() for store in stores))
    limited = group(limits=Limits(max_updates=1, period_seconds=600))

    begun = utc_now()
    answers = [await ask(stores[index % 2], f"i{index}", limited, at=clocks[index % 2]()) for index in range(4)]
    ended = utc_now()

    (offer,) = offered(answers)
    assert begun - SECOND <= offer.grant.granted_at <= ended + SECOND
    (record,) = [await stores[0].instance(APP_ID, "i0")]
    assert begun - SECOND <= record.last_seen <= ended + SECOND
    assert (await stores[1].sweep(clocks[1]() + timedelta(days=2))).grants == ()
    counted = (await stores[0].progress([limited], clocks[0]()))[APP_ID, "stable"]
    assert counted.active == 1
    await asyncio.gather(*(store.close() for store in stores))


async def test_replica_whose_listener_is_cut_hears_again(replicas, postgres):
    writing, waiting = replicas
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE '%update_service.store'"
    )
    waiter = asyncio.create_task(waiting.wait_beyond(0))

    await granted(writing, "one")

    async with asyncio.timeout(10):
        await waiter
