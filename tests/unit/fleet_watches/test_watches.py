"""Watches on a real store: what they tell at first, and what of each change."""

import asyncio
from dataclasses import replace

import pytest

from omaha_api.fleet_api import kinds, negotiation
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.placements import Placements
from support.eventually import eventually
from support.fleet_store_actions import ask
from support.fleet_values import APP_ID, NEW, NOW, OLD
from support.watched_fleet import applications, placement
from support.watchers import Watcher
from update_core.fleet.attributes import Attributes


def ids(found):
    return sorted(obj["spec"]["instanceId"] for obj in found.cache.values())


class SlowNames:
    """The store, which writes placements at once, and can be slow to read them."""

    def __init__(self, store):
        self._store = store
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def placements(self):
        self.asked = not self.gate.is_set()
        await self.gate.wait()
        return await self._store.placements()


class BusyReader:
    """The store, where something happens whenever instances are about to be read."""

    def __init__(self, store, meanwhile):
        self._store = store
        self._meanwhile = meanwhile

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def instances(self, query):
        await self._meanwhile()
        return await self._store.instances(query)


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["unset", "zero"])
async def test_a_watch_from_nowhere_begins_with_what_is_there_and_goes_on(fleet, watcher, query):
    await fleet.see("one")
    await fleet.see("two")
    watch = await watcher().start(**query)
    await watch.caught_up()
    assert ids(watch) == ["one", "two"]

    await fleet.see("three")
    await fleet.see("one", NEW)
    await watch.caught_up()

    assert [type_ for type_, _ in watch.told()] == ["ADDED", "ADDED", "ADDED", "MODIFIED"]
    assert ids(watch) == ["one", "three", "two"]


async def test_a_watch_from_a_version_tells_what_came_after_and_nothing_else(fleet, watcher):
    await fleet.see("one")
    since = await fleet.version()
    await fleet.see("two")
    await fleet.store.forget(APP_ID, "one", fleet.now)

    watch = await watcher().start(resourceVersion=str(since))
    await watch.caught_up()

    assert [(type_, obj["spec"]["instanceId"]) for type_, obj in watch.events if "spec" in obj] == [
        ("ADDED", "two"),
        ("DELETED", "one"),
    ]
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in watch.events]
    assert versions == sorted(versions)
    assert versions[0] > since


async def test_the_end_of_the_initial_events_is_announced_to_those_who_ask_for_them(fleet, watcher):
    await fleet.see("one")
    watch = await watcher().start(sendInitialEvents="true", resourceVersionMatch="NotOlderThan")

    await eventually(lambda: watch.synced)

    (type_, _), (end, bookmark) = watch.events[:2]
    assert (type_, end) == ("ADDED", "BOOKMARK")
    assert bookmark == {
        "kind": "Instance",
        "apiVersion": "fleet.updateservice.dev/v1alpha1",
        "metadata": {
            "resourceVersion": str(await fleet.version()),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    }


async def test_initial_events_are_there_also_for_a_version_that_was_pruned(fleet, watcher):
    await fleet.see("one")
    await fleet.store.prune(fleet.advance(10))
    old = str(await fleet.version() - 1)

    watch = await watcher().start(sendInitialEvents="true", resourceVersionMatch="NotOlderThan", resourceVersion=old)
    await eventually(lambda: watch.synced)

    assert ids(watch) == ["one"]


async def test_without_initial_events_a_watch_from_nowhere_begins_now(fleet, watcher):
    await fleet.see("one")
    watch = await watcher().start(sendInitialEvents="false", resourceVersionMatch="NotOlderThan")
    await eventually(lambda: fleet.feed.watches)
    await fleet.see("two")
    await watch.caught_up()

    assert ids(watch) == ["two"]


async def test_an_object_is_added_when_it_enters_a_selection_and_deleted_when_it_leaves(fleet, watcher):
    await fleet.see("one")
    watch = await watcher(fields=f"status.version={NEW}").start()
    await watch.caught_up()
    for version, alias in ((NEW, ""), (NEW, "called something"), (OLD, "")):
        await fleet.see("one", version, alias=alias)
        await watch.caught_up()

    assert [type_ for type_, _ in watch.told()] == ["ADDED", "MODIFIED", "DELETED"]
    (_, gone) = next(event for event in watch.events if event[0] == "DELETED")
    assert gone["metadata"]["resourceVersion"] == str(await fleet.version())


async def test_labels_select_as_they_are_after_and_before_a_change(fleet, watcher):
    watch = await watcher(labels="fleet.updateservice.dev/oem=ami").start()
    await watch.caught_up()
    await fleet.see("one", attributes=Attributes(oem="gce"))
    await fleet.see("one", attributes=Attributes(oem="ami"))
    await fleet.see("one", attributes=Attributes(oem="gce"))
    await watch.caught_up()

    assert [type_ for type_, _ in watch.told()] == ["ADDED", "DELETED"]


async def test_one_object_can_be_watched_by_its_name(fleet, watcher):
    await fleet.see("one")
    await fleet.see("two")
    everything = await watcher().start()
    await everything.caught_up()
    ((_, name),) = [key for key, obj in everything.cache.items() if obj["spec"]["instanceId"] == "one"]

    watch = await watcher(namespace="team", fields=f"metadata.name={name}").start()
    await watch.caught_up()
    await fleet.see("two", NEW)
    await ask(fleet.store, "one", at=NOW)
    await watch.caught_up()

    assert watch.told() == [("ADDED", name), ("MODIFIED", name)]
    assert watch.cache["team", name]["status"]["state"] == "Granted"


async def test_another_namespace_is_none_of_a_watchs_business(fleet, watcher):
    await fleet.place(placement("other.app", namespace="elsewhere", application="other", edge="edge"))
    watch = await watcher(namespace="team").start()
    await watch.caught_up()
    await fleet.see("one", app_id="other.app", track="edge")
    await fleet.see("two")
    await watch.caught_up()

    assert ids(watch) == ["two"]


async def test_a_bookmark_moves_on_when_everything_was_left_out(fleet, watcher):
    watch = await watcher(fields="spec.instanceId=none").start()
    await fleet.see("one")
    await watch.caught_up()

    assert watch.told() == []
    assert watch.version == await fleet.version()


async def test_no_bookmarks_for_those_who_do_not_allow_them(fleet, watcher):
    watch = await watcher().start(allowWatchBookmarks="false", timeoutSeconds="1")
    await watch.ended()
    assert watch.events == []


async def test_a_new_groups_first_counts_are_added_without_ado(fleet, watcher):
    await fleet.count(1)
    watch = await watcher(kinds.GROUPPROGRESSES).start()
    await watch.caught_up()

    await fleet.place(placement(stable="app-stable", edge="app-edge"))
    await fleet.count(5, track="edge")
    await fleet.count(2)
    await watch.caught_up()

    assert watch.told() == [("ADDED", "app-stable"), ("ADDED", "app-edge"), ("MODIFIED", "app-stable")]
    assert not watch.expired
    assert {name: obj["status"]["instances"]["total"] for (_, name), obj in watch.cache.items()} == {
        "app-stable": 2,
        "app-edge": 5,
    }


async def test_instances_are_not_told_of_counts_nor_the_other_way_round(fleet, watcher):
    instances = await watcher().start()
    progresses = await watcher(kinds.GROUPPROGRESSES).start()
    await fleet.see("one")
    await fleet.count(1)
    await instances.caught_up()
    await progresses.caught_up()

    assert {obj["kind"] for type_, obj in instances.events} == {"Instance"}
    assert {obj["kind"] for type_, obj in progresses.events} == {"GroupProgress"}


async def test_a_table_has_its_columns_in_the_first_event_only(fleet, watcher):
    table = Negotiated(negotiation.TABLE)
    since = await fleet.version()
    watch = await watcher(negotiated=table).start(allowWatchBookmarks="false", resourceVersion=str(since))
    await fleet.see("one")
    await fleet.see("one", NEW)
    await eventually(lambda: len(watch.events) >= 2)

    (_, first), (_, second) = watch.events
    assert (first["kind"], first["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert first["columnDefinitions"][0]["name"] == "Name"
    assert second["columnDefinitions"] == []
    assert second["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert second["metadata"]["resourceVersion"] == str(await fleet.version())


@pytest.mark.parametrize(
    ("form", "kind"),
    [(negotiation.TABLE, "Table"), (negotiation.PARTIAL, "PartialObjectMetadata")],
    ids=["table", "partial"],
)
async def test_bookmarks_come_in_the_form_of_the_events(fleet, watcher, form, kind):
    watch = await watcher(negotiated=Negotiated(form)).start()
    await fleet.see("one")
    await watch.caught_up()

    assert {(obj["kind"], obj["apiVersion"]) for _, obj in watch.events} == {(kind, "meta.k8s.io/v1")}


async def test_nothing_that_happens_while_the_state_is_read_is_missed_by_who_trusts_every_version(fleet):
    for name in ("a", "b", "c"):
        await fleet.see(name)
    before = await fleet.version()

    async def meanwhile():
        for name in ("c", "b", "a"):
            await fleet.see(name, NEW)

    api = replace(fleet.api, reader=BusyReader(fleet.store, meanwhile))
    watch = Watcher(api, kinds.INSTANCES, trusting=True)
    await watch.start(allowWatchBookmarks="false")
    await eventually(lambda: len(watch.events) >= 3)
    state = watch.events[:3]
    await watch.stop()

    assert [type_ for type_, _ in state] == ["ADDED"] * 3
    assert max(int(obj["metadata"]["resourceVersion"]) for _, obj in state) <= before


async def test_an_object_is_not_named_before_its_names_are_known(fleet):
    """The store has a Group's name a moment before it is remembered here; no later change would tell the right one."""
    store = SlowNames(fleet.store)
    placements = Placements(store)
    await placements.load()
    writing = asyncio.create_task(placements.run())
    watch = await Watcher(replace(fleet.api, placements=placements), kinds.INSTANCES).start()
    await watch.caught_up()

    store.gate.clear()
    placements.follow(applications(placement(stable="app-stable", edge="app-edge")))
    await eventually(lambda: store.asked)
    await fleet.see("one", track="edge")
    await asyncio.wait_for(fleet.feed.after(await fleet.revision() - 1, 10), 10)
    assert watch.told() == []
    store.gate.set()
    await watch.caught_up()

    assert [obj["spec"]["group"] for obj in watch.cache.values()] == ["app-edge"]
    await watch.stop()
    writing.cancel()
    await asyncio.wait([writing])
