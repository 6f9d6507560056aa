"""Whatever happens to a fleet, and whenever watches begin, break off and go on: in the end each client has what a list would show."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omaha_api.fleet_api import kinds, objects
from omaha_api.fleet_api.kinds import Kind
from support import watched_fleet
from support.fleet_store_actions import ask
from support.fleet_values import APP_ID, NEW, OLD, TIMEOUTS, group, sighting
from support.properties import examples
from support.watched_fleet import WatchedFleet, placement
from support.watchers import Watcher
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Event
from update_core.fleet.reading import InstanceQuery

OTHER_APP = "other.app"
APPS = (APP_ID, OTHER_APP)
IDS = ("one", "two", "three")
TRACKS = ("stable", "edge")
OEM = "fleet.updateservice.dev/oem"

Wanted = Callable[[dict[str, Any]], bool]

PROGRESS: dict[str, tuple[dict[str, Any], Wanted]] = {
    "all progress": ({}, lambda _: True),
    "a namespace's progress": ({"namespace": "team"}, lambda obj: obj["metadata"]["namespace"] == "team"),
    "a group's progress": ({"fields": "metadata.name=app-stable"}, lambda obj: obj["metadata"]["name"] == "app-stable"),
}
INSTANCES: dict[str, tuple[dict[str, Any], Wanted]] = {
    "everything": ({}, lambda _: True),
    "a namespace": ({"namespace": "team"}, lambda obj: obj["metadata"]["namespace"] == "team"),
    "a version": ({"fields": f"status.version={NEW}"}, lambda obj: obj["status"]["version"] == NEW),
    "not a state": ({"fields": "status.state!=Idle"}, lambda obj: obj["status"]["state"] != "Idle"),
    "a group": ({"fields": "spec.group=app-stable"}, lambda obj: obj["spec"]["group"] == "app-stable"),
    "an instance": ({"fields": "spec.instanceId=one"}, lambda obj: obj["spec"]["instanceId"] == "one"),
    "a label": ({"labels": f"{OEM}=ami"}, lambda obj: obj["metadata"].get("labels", {}).get(OEM) == "ami"),
    "no label": ({"labels": f"!{OEM}"}, lambda obj: OEM not in obj["metadata"].get("labels", {})),
    "two of them": (
        {"namespace": "team", "fields": f"status.version={OLD}", "labels": f"{OEM}!=gce"},
        lambda obj: (
            obj["metadata"]["namespace"] == "team"
            and obj["status"]["version"] == OLD
            and obj["metadata"].get("labels", {}).get(OEM) != "gce"
        ),
    ),
}

SELECTIONS = INSTANCES | PROGRESS

instance = {"app_id": st.sampled_from(APPS), "instance_id": st.sampled_from(IDS)}


@dataclass
class Run:
    """A fleet, and the clients that watch it."""

    fleet: WatchedFleet
    clients: list[tuple[Watcher, Wanted]] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """An instance is heard; merely heard again where it says nothing new."""

    app_id: str
    instance_id: str
    track: str
    version: str
    oem: str

    async def happen(self, run: Run) -> None:
        await run.fleet.see(
            self.instance_id,
            self.version,
            app_id=self.app_id,
            track=self.track,
            attributes=Attributes(oem=self.oem),
        )


@dataclass(frozen=True)
class Touched:
    """Instances are heard again after a while, in a batch."""

    seconds: int
    refusal: str

    async def happen(self, run: Run) -> None:
        at = run.fleet.advance(self.seconds)
        await run.fleet.store.touch([sighting(each, at=at, refusal=self.refusal) for each in IDS])


@dataclass(frozen=True)
class Granted:
    """An instance gets an update, if it is its turn."""

    app_id: str
    instance_id: str

    async def happen(self, run: Run) -> None:
        await ask(run.fleet.store, self.instance_id, group(app_id=self.app_id), at=run.fleet.now)


@dataclass(frozen=True)
class Reported:
    """An instance tells how its update goes."""

    app_id: str
    instance_id: str
    event: Event

    async def happen(self, run: Run) -> None:
        await run.fleet.store.weigh(self.app_id, self.instance_id, [self.event], TIMEOUTS, run.fleet.now)


@dataclass(frozen=True)
class Swept:
    """Time passes, and updates time out."""

    seconds: int

    async def happen(self, run: Run) -> None:
        await run.fleet.store.sweep(run.fleet.advance(self.seconds))


@dataclass(frozen=True)
class Ended:
    """A person resets or forgets an instance."""

    app_id: str
    instance_id: str
    forgotten: bool

    async def happen(self, run: Run) -> None:
        end = run.fleet.store.forget if self.forgotten else run.fleet.store.reset
        await end(self.app_id, self.instance_id, run.fleet.now)


@dataclass(frozen=True)
class Placed:
    """Somebody renames resources, or moves an application."""

    app_id: str
    namespace: str
    stable: str
    edge: str

    async def happen(self, run: Run) -> None:
        groups = {"stable": f"{self.app_id}-{self.stable}", "edge": f"{self.app_id}-{self.edge}-edge"}
        if self.app_id == APP_ID:
            groups["stable"] = f"app-{self.stable}"
        await run.fleet.place(placement(self.app_id, namespace=self.namespace, application=self.app_id, **groups))


@dataclass(frozen=True)
class Counted:
    """A group is counted."""

    app_id: str
    track: str
    total: int

    async def happen(self, run: Run) -> None:
        await run.fleet.count(self.total, app_id=self.app_id, track=self.track)


@dataclass(frozen=True)
class Pruned:
    """What is old is pruned."""

    seconds: int

    async def happen(self, run: Run) -> None:
        await run.fleet.store.prune(run.fleet.advance(self.seconds))


@dataclass(frozen=True)
class Begun:
    """A client begins to watch."""

    selection: str
    streaming: bool
    trusting: bool = False

    async def happen(self, run: Run) -> None:
        wanted, belongs = SELECTIONS[self.selection]
        query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"} if self.streaming else {}
        kind = kinds.GROUPPROGRESSES if self.selection in PROGRESS else kinds.INSTANCES
        client = Watcher(run.fleet.api, kind, trusting=self.trusting, **wanted)
        run.clients.append((await client.start(**query), belongs))


@dataclass(frozen=True)
class Disturbed:
    """A client's connection breaks, or it has caught up by then; it comes back at once or later."""

    which: int
    caught_up: bool
    back: bool

    async def happen(self, run: Run) -> None:
        if not run.clients:
            return
        client, _ = run.clients[self.which % len(run.clients)]
        if self.caught_up:
            await caught_up(client)
        await client.stop()
        if self.back:
            await client.go_on()


moves = (
    st.builds(
        Seen,
        **instance,
        track=st.sampled_from(TRACKS),
        version=st.sampled_from((OLD, NEW)),
        oem=st.sampled_from(("", "ami", "gce")),
    ),
    st.builds(Touched, st.sampled_from((1, 100)), st.sampled_from(("", "RateLimited"))),
    st.builds(Granted, **instance),
    st.builds(Reported, **instance, event=st.sampled_from((Event(13, 1, 0), Event(14, 1, 0), Event(3, 0, 5)))),
    st.builds(Swept, st.sampled_from((1, 4000))),
    st.builds(Ended, **instance, forgotten=st.booleans()),
    st.builds(Counted, st.sampled_from(APPS), st.sampled_from(TRACKS), st.integers(0, 3)),
)
watching = (
    st.builds(Begun, st.sampled_from(sorted(SELECTIONS)), st.booleans(), st.booleans()),
    st.builds(Disturbed, st.integers(0, 20), st.booleans(), st.booleans()),
)
upsets = (
    st.builds(
        Placed,
        st.sampled_from(APPS),
        st.sampled_from(("team", "others")),
        st.sampled_from(("stable", "other")),
        st.sampled_from(("a", "b")),
    ),
    st.builds(Pruned, st.sampled_from((0, 1))),
)
windows = st.sampled_from((2, 4096))

quick = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.lists(st.one_of(*moves, *watching), min_size=5, max_size=40), windows)
def test_every_clients_cache_becomes_what_a_list_shows(happening, window):
    clients = asyncio.run(_play(happening, window))
    assert not any(client.expirations for client in clients)


@quick
@given(st.lists(st.one_of(*moves, *watching, *upsets), min_size=5, max_size=40), windows)
def test_names_that_move_and_changes_that_are_pruned_confuse_no_client(happening, window):
    asyncio.run(_play(happening, window))


async def _play(happening: list[Any], window: int) -> list[Watcher]:
    with tempfile.TemporaryDirectory() as folder:
        async with watched_fleet.opened(Path(folder) / "fleet.db", window=window) as fleet:
            run = Run(fleet)
            for app_id in APPS:
                await Placed(app_id, "team" if app_id == APP_ID else "others", "stable", "a").happen(run)
            await Seen(APP_ID, "one", "stable", OLD, "ami").happen(run)
            for selection in SELECTIONS:
                await Begun(selection, streaming=False).happen(run)
            for client, _ in run.clients:
                await client.caught_up()
            for step in happening:
                await step.happen(run)
            try:
                for client, belongs in run.clients:
                    await caught_up(client)
                    assert client.cache == await listed(fleet, client.kind, belongs)
            finally:
                for client, _ in run.clients:
                    await client.stop()
            return [client for client, _ in run.clients]


async def caught_up(client: Watcher) -> None:
    """The client comes back as often as it must, and has heard everything."""
    for _ in range(10):
        if client.expired or not client.running:
            await client.stop()
            await client.go_on()
        if await client.catches_up():
            return
    raise AssertionError("it never catches up")


async def listed(fleet: WatchedFleet, kind: Kind, belongs: Wanted) -> dict[tuple[str, str], Any]:
    """The objects of a selection, found without any of what selects for clients."""
    epoch = (await fleet.store.position()).epoch
    found: list[dict[str, Any] | None] = []
    for placed in await fleet.store.placements():
        if kind is kinds.INSTANCES:
            rows = await fleet.store.instances(InstanceQuery(placed.app_id))
            found += [objects.instance(row, placed, epoch) for row in rows]
        else:
            counted = await fleet.store.progresses()
            found += [objects.progress(row, placed, epoch) for row in counted if row.progress.app_id == placed.app_id]
    return {
        (obj["metadata"]["namespace"], obj["metadata"]["name"]): obj
        for obj in found
        if obj is not None and belongs(obj)
    }
