"""How many updates can be given out in a second, and what does one cost?

Twice on each database: the store alone, asked for a grant by many at once, and the whole service over a real socket, where instances that
it has heard before are all offered their update. Each grant is on disk before it is answered; those that come together share a commit, so
the disk decides how many there are in a second, and CPU-µs (user and system, of the process that serves and of the database's own) say
what the program needs.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
import load
import servers
import spread
import uvloop
import waiting_fleet

from omaha_api import settings
from omaha_api.answers import questions
from omaha_api.catalog import catalog_objects
from omaha_api.store import stores
from update_core.fleet.store import FleetStore, Sighting
from update_core.rollout.model import Offer, ResolvedGroup

TOGETHER = 64
"""Who ask at once."""

_PATH = "/v1/update/"


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    runs: int
    granted: int
    """Instances that are given their update in each run of the store."""
    seconds: int
    """That each run of the service takes."""
    waiting: int
    """Instances that wait when the service is asked; they must be enough for all runs."""


@dataclass(slots=True)
class _Costs:
    """What was measured, a number for each run."""

    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    database_cpu_us: list[float] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            "grants_per_second": spread.quartiles(self.per_second, 0),
            "cpu_us_per_grant": spread.quartiles(self.cpu_us),
            "database_cpu_us_per_grant": spread.quartiles(self.database_cpu_us),
        }


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """On each database; None for one that isn't there."""
    result: dict[str, Any] = {"together": TOGETHER}
    for kind in databases.KINDS:
        with databases.running(kind, folder, say) as made:
            if made is None:
                result[kind] = None
                continue
            say(f"grants, {kind}: asking the store")
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                store = runner.run(_of_store(made, extent))
            say(f"grants, {kind}: {store['grants_per_second']['median']:.0f} grants/s; asking the service")
            result[kind] = {"store": store, "service": _of_service(folder / kind, made, extent)}
            say(f"grants, {kind}: {result[kind]['service']['grants_per_second']['median']:.0f} grants/s")
    return result


async def _of_store(made: databases.Databases, extent: Extent) -> dict[str, Any]:
    now = datetime.now(UTC)
    database = made.make(waiting_fleet.fleet(extent.runs * extent.granted, now), now)
    loaded = catalog_objects.load(_resources(now), package_base_url="http://127.0.0.1/").build()
    group = loaded.group(waiting_fleet.APP_ID, waiting_fleet.TRACK)
    if group is None or group.stamp is None:
        sys.exit("the group isn't stamped")
    store = stores.on(settings.database(database))
    await store.open()
    try:
        await store.record_rollout(group, group.stamp, completed=False, now=datetime.now(UTC))
        costs = _Costs()
        for run in range(extent.runs):
            numbers = range(run * extent.granted, (run + 1) * extent.granted)
            before = time.perf_counter(), time.process_time(), made.cpu_seconds()
            await _grant(store, group, numbers)
            _add(costs, extent.granted, before, (time.perf_counter(), time.process_time(), made.cpu_seconds()))
        return costs.told()
    finally:
        await store.close()


async def _grant(store: FleetStore, group: ResolvedGroup, numbers: Sequence[int]) -> None:
    """To each, so many at once."""
    waiting = iter(numbers)

    async def ask() -> None:
        for number in waiting:
            instance_id, now = waiting_fleet.instance_id(number), datetime.now(UTC)
            asked = questions.remembered(instance_id, waiting_fleet.OLD, waiting_fleet.MACHINE, updates_disabled=False)
            sighting = Sighting(
                waiting_fleet.APP_ID, instance_id, waiting_fleet.TRACK, waiting_fleet.OLD, now,
                attributes=waiting_fleet.MACHINE,
            )  # fmt: skip
            granted = await store.grant(group, asked, sighting, now)
            if not isinstance(granted.decision, Offer):
                sys.exit(f"an instance was refused: {granted.decision.reason}")

    await asyncio.gather(*(ask() for _ in range(TOGETHER)))


def _of_service(folder: Path, made: databases.Databases, extent: Extent) -> dict[str, Any]:
    now = datetime.now(UTC)
    database = made.make(waiting_fleet.fleet(extent.waiting, now), now)
    with servers.rollout_service(folder, database, _resources(now)) as server:
        pings, checks = folder / "pings", folder / "checks"
        load.write_requests(pings, [load.post(_PATH, waiting_fleet.ping(number)) for number in range(extent.waiting)])
        load.write_requests(checks, [load.post(_PATH, waiting_fleet.check(number)) for number in range(extent.waiting)])
        servers.introduce_all(server, pings, extent.waiting)
        costs, asked = _Costs(), 0
        for _ in range(extent.runs):
            granted = server.metric("omaha_grants_total")
            before = 0.0, server.cpu_seconds(), made.cpu_seconds()
            answered = load.closed_loop(server.port, checks, seconds=extent.seconds, first=asked, connections=TOGETHER)
            took = answered.count / answered.per_second
            after = took, server.cpu_seconds(), made.cpu_seconds()
            asked += answered.count
            if asked > extent.waiting:
                sys.exit(f"all {extent.waiting} instances have their update; more must wait")
            # Those that were on their way as wrk hung up are granted and not answered.
            _add(costs, int(server.metric("omaha_grants_total") - granted), before, after)
        return costs.told()


_Spent = tuple[float, float, float]
"""Seconds that have passed, and of CPU: of the process that serves, and of the database's own."""


def _add(costs: _Costs, granted: int, before: _Spent, after: _Spent) -> None:
    took, cpu, database_cpu = (late - early for early, late in zip(before, after, strict=True))
    costs.per_second.append(granted / took)
    costs.cpu_us.append(cpu / granted * 1e6)
    costs.database_cpu_us.append(database_cpu / granted * 1e6)


def _resources(now: datetime) -> list[dict[str, Any]]:
    """A group without limits, whose rollout was begun when the store was there already: one that is younger takes itself for lost."""
    return waiting_fleet.resources(now + timedelta(seconds=1), {}, {})
