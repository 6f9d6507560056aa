"""The real service, on a store that writes down how often it was asked what: a check that needs it shows.

Takes the ports, public and private, and the folder with the catalog's snapshot, a kubeconfig and CUP keys. The counts are in the folder's
store_calls.json.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import uvloop

from omaha_api import clock, service, settings
from omaha_api.store.sqlite.store import SqliteStore
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.store import Granted, InstanceRecord, Sighting
from update_core.rollout.model import Instance, ResolvedGroup
from update_kube import configuration

CALLS_FILE = "store_calls.json"
CUP_KEYS_FOLDER = "cup"


class CountedStore(SqliteStore):
    """Counts what checks can ask of a store, and the last-seen times that are written behind them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "fleet.db")
        self._file = folder / CALLS_FILE
        self._counts: Counter[str] = Counter(instance=0, observe=0, weigh=0, grant=0, touch=0)
        self._count("touch", 0)

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        self._count("instance")
        return await super().instance(app_id, instance_id)

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Sequence[Grant]:
        self._count("observe")
        return await super().observe(sighting, timeouts)

    async def weigh(
        self, app_id: str, instance_id: str, claims: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Sequence[Grant]:
        self._count("weigh")
        return await super().weigh(app_id, instance_id, claims, timeouts, now)

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        self._count("grant")
        return await super().grant(group, instance, sighting, now)

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        self._count("touch", len(sightings))
        await super().touch(sightings)

    def _count(self, call: str, times: int = 1) -> None:
        self._counts[call] += times
        # Whole or not at all: it is read while this goes on.
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps(self._counts))
        unfinished.rename(self._file)


def main(port: int, private_port: int, folder: Path) -> None:
    """Serve until ended by a signal."""
    listen = settings.Address("127.0.0.1", port)
    chosen = settings.Settings(
        listen=listen,
        private_listen=settings.Address("127.0.0.1", private_port),
        database=folder / "fleet.db",
        package_base_url=settings.package_base_url(None, listen),
        snapshot=folder / "catalog.json",
        cup_keys_dir=folder / CUP_KEYS_FOLDER,
    )
    kube = configuration.load(folder / "kubeconfig", None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(service.serve(chosen, CountedStore(folder), kube, clock.utc_now))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
