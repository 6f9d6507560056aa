"""One tail of the log for all watches: nothing is lost between memory and store, and nobody waits for anybody."""

import asyncio
import contextlib
import json
from collections import Counter

from omaha_api.fleet_api import kinds, watching
from omaha_api.fleet_api.changes import Selection
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.options import ListOptions
from omaha_api.fleet_api.selectors import Selector
from support import watched_fleet
from support.eventually import eventually
from support.watched_fleet import placement
from support.watchers import Watcher


async def test_a_watch_far_behind_reads_from_the_store_until_it_meets_the_window(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db", window=10) as fleet:
        await fleet.place(placement())
        since = await fleet.version()
        tail = await Watcher(fleet.api, kinds.INSTANCES).start()
        await tail.caught_up()
        for number in range(200):
            await fleet.see(f"i{number}")
        await tail.caught_up()

        late = await Watcher(fleet.api, kinds.INSTANCES).start(resourceVersion=str(since))
        await late.caught_up()

        assert len(late.told()) == 200
        assert late.cache == tail.cache
        await late.stop()
        await tail.stop()


async def test_the_window_and_the_store_leave_no_gap_between_them(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db", window=5) as fleet:
        await fleet.place(placement())
        first = (await fleet.store.position()).latest
        with fleet.feed.joined():
            await eventually(lambda: fleet.feed.following)
            for number in range(50):
                await fleet.see(f"i{number}")
                await fleet.feed.after(first + number, 10)

            for revision in range(first, first + 50):
                batch = await fleet.feed.after(revision, 0)
                assert batch.entries[0].revision == revision + 1
                assert batch.until == batch.entries[-1].revision
            assert not (await fleet.feed.after(first + 50, 0)).entries


async def test_nothing_is_followed_while_nobody_watches(fleet, watcher):
    watch = await watcher().start()
    await watch.caught_up()
    assert fleet.feed.watches == 1
    await watch.stop()

    await fleet.see("one")
    await eventually(lambda: not fleet.feed.following)

    assert fleet.feed.watches == 0


async def test_fifty_watches_leave_the_event_loop_to_others_between_any_two_batches(fleet):
    turns, batches = 0, []
    position = await fleet.store.position()
    since = position.resource_version(position.latest)

    async def take_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def follow(number):
        options = ListOptions(watch=True, resource_version=since)
        selection = Selection(kinds.INSTANCES, None, Selector(), fleet.placements)
        watch = watching.Watch(fleet.api, selection, options, Negotiated(), position)
        told = 0
        async with contextlib.aclosing(watch.chunks()) as chunks:
            async for chunk in chunks:
                told += chunk.count(b"\n")
                batches.append((turns, number, chunk.count(b"\n")))
                if told == 2000:
                    return

    async with asyncio.timeout(60):
        following = [asyncio.create_task(follow(number)) for number in range(50)]
        await eventually(lambda: fleet.feed.watches == 50)
        turning = asyncio.create_task(take_turns())
        for start in range(0, 2000, 50):
            await asyncio.gather(*(fleet.see(f"i{number}") for number in range(start, start + 50)))
        await asyncio.gather(*following)
        turning.cancel()

    assert sum(count for _, _, count in batches) == 50 * 2000
    assert max(count for _, _, count in batches) <= 50
    in_one_turn = Counter(turn for turn, _, _ in batches)
    assert max(in_one_turn.values()) <= 2


async def test_a_client_that_stops_reading_for_a_while_holds_up_nobody_and_misses_nothing(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db", window=10) as fleet:
        await fleet.place(placement())
        prompt = await Watcher(fleet.api, kinds.INSTANCES).start()
        position = await fleet.store.position()
        options = ListOptions(watch=True, resource_version=position.resource_version(position.latest))
        selection = Selection(kinds.INSTANCES, None, Selector(), fleet.placements)
        slow = watching.Watch(fleet.api, selection, options, Negotiated(), position).chunks()
        first = asyncio.create_task(anext(slow))
        await eventually(lambda: fleet.feed.watches == 2)
        await fleet.see("i0")
        told = [await first]
        for number in range(1, 200):
            await fleet.see(f"i{number}")
        await prompt.caught_up()
        assert len(prompt.cache) == 200

        async with contextlib.aclosing(slow):
            while sum(chunk.count(b"\n") for chunk in told) < 200:
                told.append(await anext(slow))

        assert sorted(
            json.loads(line)["object"]["spec"]["instanceId"] for line in b"".join(told).splitlines()
        ) == sorted(f"i{number}" for number in range(200))
        await prompt.stop()
