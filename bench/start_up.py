"""How much memory does an instance take, and how soon is the service ready when the store has a million of them?

Memory: a process reads instances from a store's file into the service's memory as their first checks do, and tells by how much it has
grown. Start: seconds from the beginning of the process to its first "ready", with ten thousand updates in flight, which it has to
know before it may answer; and how much memory it has then.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
import processes
import remembered
import servers
import spread
import waiting_fleet


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    starts: int
    instances: int
    """In the store."""
    in_flight: int
    """Of them."""
    remembered: Sequence[int]
    """Records in memory, of each process that is looked at."""


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """On each database; None for one that isn't there. The memory is the same on both."""
    result: dict[str, Any] = {"instances": extent.instances, "in_flight": extent.in_flight, "ready": {}}
    for kind in databases.KINDS:
        with databases.running(kind, folder, say) as made:
            if made is None:
                result["ready"][kind] = None
                continue
            say(f"start_up, {kind}: making {extent.instances} instances")
            now = datetime.now(UTC)
            database = made.make(waiting_fleet.fleet(extent.instances, now, in_flight=extent.in_flight), now)
            result["ready"][kind] = _start(folder / kind, database, now, extent, say)
            if kind == databases.SQLITE:
                result["memory"] = {
                    str(count): _remember(Path(database.removeprefix("sqlite:///")), count, say)
                    for count in extent.remembered
                }
    return result


def _start(folder: Path, database: str, now: datetime, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    took: list[float] = []
    megabytes: list[float] = []
    for number in range(extent.starts):
        resources = waiting_fleet.resources(now + timedelta(seconds=1), {}, {})
        began = time.monotonic()
        with servers.rollout_service(folder / str(number), database, resources) as server:
            took.append(time.monotonic() - began)
            megabytes.append(processes.resident_bytes(server.process.pid) / 1e6)
            if server.metric("omaha_live_grants") != extent.in_flight:
                sys.exit("the service doesn't know what is in flight")
        say(f"start_up, {folder.name}: ready after {took[-1]:.1f} s")
    return {"seconds": spread.quartiles(took), "megabytes": spread.quartiles(megabytes, 0)}


def _remember(file: Path, count: int, say: Callable[[str], None]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, remembered.__file__, str(file), str(count)], check=True, stdout=subprocess.PIPE, text=True
    )
    grown: dict[str, Any] = json.loads(done.stdout)
    say(f"start_up: {grown['bytes_per_instance']} bytes for each of {count} instances")
    return grown
