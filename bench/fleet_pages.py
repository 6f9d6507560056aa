"""What does a page of the fleet cost, and how long does `kubectl get instances` take?

Pages of 500 out of a million instances are asked of the real application in this process: milliseconds from a request to its last byte,
and of CPU. kubectl then gets a smaller fleet, at once and page by page, through a real API server.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleet_file
import served
import spread
import uvloop
from starlette.types import ASGIApp

from omaha_api.clock import utc_now
from omaha_api.fleet_api import app
from omaha_api.fleet_api.actions import Actions
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.decisions import Decisions
from omaha_api.fleet_api.feed import Feed
from omaha_api.fleet_api.front.request_headers import User
from omaha_api.instances import fleet_memory, sightings
from omaha_api.placements import Placements
from omaha_api.rollouts import rollout_mirror
from omaha_api.store.sqlite.store import SqliteStore
from update_core import catalog
from update_core.fleet.reading import Placement
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS

NAMESPACE = "bench"
PLACEMENT = Placement(fleet_file.APP_ID, NAMESPACE, "app", {track: f"app-{track}" for track in fleet_file.TRACKS})
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
JSON = "application/json"
LIMIT = 500
PAGES: dict[str, tuple[str, str]] = {
    "plain": (JSON, ""),
    "table": (TABLE, ""),
    "table_of_a_group": (TABLE, "&fieldSelector=spec.group%3Dapp-alpha"),
    "table_of_a_version": (TABLE, "&fieldSelector=status.version%3D1.1.0"),
    "table_of_a_label": (TABLE, "&labelSelector=fleet.updateservice.dev/oem%3Dbare"),
    "table_of_nobody": (TABLE, "&labelSelector=fleet.updateservice.dev/oem%3Dnobody"),
}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    instances: int
    pages: int
    """Of each kind."""
    kubectl_instances: int
    """0: without an API server."""


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """Pages of a large fleet, and kubectl with a small one."""
    say(f"fleet_pages: making {extent.instances} instances")
    fleet_file.fill(folder / "large.db", extent.instances)
    say("fleet_pages: reading pages")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        read = runner.run(read_pages(folder / "large.db", extent.pages))
    result: dict[str, Any] = {"instances": extent.instances, "page": LIMIT, "pages": read}
    if extent.kubectl_instances:
        say("fleet_pages: starting a control plane for kubectl")
        result["kubectl_get"] = kubectl_get(folder, extent.kubectl_instances)
    return result


async def read_pages(database: Path, count: int) -> dict[str, Any]:
    """Every kind of page, read one after another from the beginning."""
    store = SqliteStore(database)
    await store.open()
    try:
        with ThreadPoolExecutor(1) as workers:
            application = app.create(await fleet_api(store, workers))
            return {name: await pages(application, count, *kind) for name, kind in PAGES.items()}
    finally:
        await store.close()


async def fleet_api(store: SqliteStore, workers: ThreadPoolExecutor) -> FleetApi:
    """The fleet API as the service makes it, without a cluster."""
    await store.place([PLACEMENT])
    placements = Placements(store)
    await placements.load()
    memory = fleet_memory.FleetMemory()
    mirror = rollout_mirror.RolloutMirror(store, memory, utc_now)
    waiting = sightings.Sightings(
        store, memory, flush_interval_seconds=2.0, shortest_active_seconds=lambda: DEFAULT_ACTIVE_SECONDS
    )
    return FleetApi(
        reader=store,
        placements=placements,
        feed=Feed(store),
        decisions=Decisions(reader=store, memory=memory, mirror=mirror, current=lambda: catalog.EMPTY, clock=utc_now),
        actions=Actions(
            reader=store, memory=memory, sightings=waiting, events=Nobody(), moved=lambda: None, clock=utc_now
        ),
        clock=utc_now,
        workers=workers,
    )


class Nobody:
    """Hears of no Event."""

    def record(self, *_: Any) -> None:
        """Nothing is done to an instance here."""


async def pages(application: ASGIApp, count: int, accept: str, query: str) -> dict[str, Any]:
    """Milliseconds per page, and how many objects were on one."""
    took: list[float] = []
    cpu: list[float] = []
    objects: list[float] = []
    token = ""
    while len(took) < count:
        asked = f"limit={LIMIT}{query}" + (f"&continue={urllib.parse.quote(token)}" if token else "")
        began, spent = time.perf_counter(), time.process_time()
        body = await get(application, asked, accept)
        took.append((time.perf_counter() - began) * 1e3)
        cpu.append((time.process_time() - spent) * 1e3)
        page = json.loads(body)
        objects.append(len(page.get("rows", page.get("items", ()))))
        token = page["metadata"].get("continue", "")
    return {
        "milliseconds": spread.quartiles(took) | {"p99": round(spread.percentile(took, 99), 2)},
        "cpu_milliseconds": spread.quartiles(cpu),
        "objects": spread.quartiles(objects),
    }


async def get(application: ASGIApp, query: str, accept: str) -> bytes:
    """One request, as the front proxy lets it through; the body of its answer."""
    sent: list[Any] = []
    requests: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        # After its request the client says nothing, and doesn't hang up.
        return requests.pop() if requests else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    path = f"/apis/fleet.updateservice.dev/v1alpha1/namespaces/{NAMESPACE}/instances"
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(b"accept", accept.encode())], "http_version": "1.1", "scheme": "https", "state": {"user": User("bench")},
    }  # fmt: skip
    await application(scope, receive, send)
    if sent[0]["status"] != 200:
        sys.exit(f"{query}: {sent[1]['body']!r}")
    return b"".join(message.get("body", b"") for message in sent[1:])


def kubectl_get(folder: Path, instances: int) -> dict[str, Any]:
    """Seconds of `kubectl get instances`, which is answered at once for up to 10,000; of one whose pages are a little smaller than
    kubectl's own and therefore kept, which throttles itself after its tenth request; and of one that selects none: what kubectl takes."""
    fleet_file.fill(folder / "small.db", instances)
    asyncio.run(place(folder / "small.db"))
    with served.kubectl(folder, folder / "small.db") as command:
        everything = [*command, "get", "instances", "--namespace", NAMESPACE, "--no-headers"]
        none = [*everything, "--field-selector=spec.instanceId=nobody"]
        shown = len(run(everything).splitlines())
        if shown != instances:
            sys.exit(f"kubectl shows {shown} of {instances} instances")
        return {
            "instances": instances,
            "seconds": spread.quartiles([seconds(everything) for _ in range(5)]),
            "seconds_in_pages": spread.quartiles(
                [seconds([*everything, f"--chunk-size={LIMIT - 1}"]) for _ in range(5)]
            ),
            "seconds_for_none": spread.quartiles([seconds(none) for _ in range(5)]),
        }


async def place(database: Path) -> None:
    """Show the fleet in the namespace, without an Application."""
    store = SqliteStore(database)
    await store.open()
    await store.place([PLACEMENT])
    await store.close()


def seconds(command: Sequence[str]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    run(command)
    return time.perf_counter() - began


def run(command: Sequence[str]) -> str:
    """What it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout
