"""How watches end: at their time, because of what they can't be told, or with their store. And which never begin."""

import asyncio
import json

import pytest

from omaha_api.fleet_api import kinds, statuses, watching
from omaha_api.fleet_api.changes import Selection
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.options import ListOptions
from omaha_api.fleet_api.selectors import Selector
from omaha_api.fleet_api.watching import Timing
from omaha_api.log_retention import LogRetention
from support.eventually import eventually
from support.watched_fleet import placement


async def test_a_watch_ends_at_its_time_with_a_last_bookmark(fleet, watcher):
    silent = Timing(bookmark_seconds=3600)
    watch = await watcher(timing=silent).start(resourceVersion=str(await fleet.version()), timeoutSeconds="1")
    await fleet.see("one")
    await watch.ended()

    assert [type_ for type_, _ in watch.events] == ["ADDED", "BOOKMARK"]
    assert watch.version == await fleet.version()


async def test_watches_end_when_the_feed_is_closed(fleet, watcher):
    watch = await watcher(timing=Timing(bookmark_seconds=3600)).start()
    await eventually(lambda: fleet.feed.watches)
    fleet.feed.close()
    await watch.ended()

    assert [type_ for type_, _ in watch.events] == ["BOOKMARK", "BOOKMARK"]


@pytest.mark.parametrize("shift", [-1, 1, 1 << 40, -(1 << 40)], ids=["pruned", "future", "later epoch", "lost epoch"])
async def test_a_version_that_the_log_does_not_have_is_expired_in_an_event(fleet, watcher, shift):
    await fleet.see("one")
    await fleet.store.prune(fleet.advance(10))

    watch = await watcher().start(resourceVersion=str(await fleet.version() + shift))
    await watch.ended()

    assert watch.expired
    assert len(watch.events) == 1
    assert watch.events[0][1]["message"].startswith("too old resource version: ")


async def test_what_a_watch_has_yet_to_read_may_be_pruned_meanwhile(fleet):
    since = await fleet.version()
    await fleet.see("one")
    position = await fleet.store.position()
    await fleet.store.prune(fleet.advance(10))
    options = ListOptions(watch=True, resource_version=since)
    selection = Selection(kinds.INSTANCES, None, Selector(), fleet.placements)
    watch = watching.Watch(fleet.api, selection, options, Negotiated(), position)

    (line,) = [chunk async for chunk in watch.chunks()]

    assert json.loads(line)["object"]["reason"] == "Expired"


async def test_names_that_move_expire_the_watches_of_both_namespaces_and_no_others(fleet, watcher):
    await fleet.place(placement("other.app", namespace="elsewhere", application="other", edge="edge"))
    await fleet.see("one")
    watches = {name: await watcher(namespace=name).start() for name in ("team", "new", "elsewhere")}
    watches[""] = await watcher().start()
    for watch in watches.values():
        await watch.caught_up()

    await fleet.place(placement(namespace="new"))
    for name in ("team", "new", ""):
        await watches[name].ended()
    await watches["elsewhere"].caught_up()

    assert {name: watch.expired for name, watch in watches.items()} == {
        "team": True,
        "new": True,
        "elsewhere": False,
        "": True,
    }
    again = await watches["new"].start()
    await again.caught_up()
    assert [obj["spec"]["instanceId"] for obj in again.cache.values()] == ["one"]


async def test_a_store_that_goes_away_ends_the_watch_without_an_event(fleet, watcher):
    watch = await watcher(timing=Timing(bookmark_seconds=3600)).start()
    await fleet.see("one")
    await eventually(lambda: watch.told())
    before = list(watch.events)
    await fleet.store.close()
    await watch.ended()

    assert watch.events == before


class PrunedStore:
    """The store, which tells when it has been pruned."""

    def __init__(self, store):
        self._store = store
        self.pruned = asyncio.Event()

    async def prune(self, before):
        dropped = await self._store.prune(before)
        self.pruned.set()
        return dropped


async def test_what_is_older_than_its_time_is_pruned(fleet):
    await fleet.see("one")
    fleet.advance(100)
    await fleet.see("two")
    before = await fleet.store.position()
    store = PrunedStore(fleet.store)
    pruning = asyncio.create_task(LogRetention(store, lambda: fleet.now, retention_seconds=5).run())
    await asyncio.wait_for(store.pruned.wait(), 10)
    pruning.cancel()

    position = await fleet.store.position()
    assert (position.oldest, position.latest) == (before.latest - 1, before.latest)


@pytest.mark.parametrize(
    "query",
    [
        {"sendInitialEvents": "true"},
        {"sendInitialEvents": "false", "resourceVersionMatch": "Exact"},
        {"resourceVersionMatch": "NotOlderThan", "resourceVersion": "5"},
    ],
    ids=["no match", "Exact", "a match without the option"],
)
def test_options_that_do_not_go_together_are_invalid(query):
    with pytest.raises(statuses.ApiError) as refused:
        watching.validate(ListOptions.parse(query))
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
