"""The real service, on a store that writes down how often it was asked what: a check that needs it shows.

Takes the ports, public and private, and the folder with the catalog's snapshot, a kubeconfig and CUP keys. On SIGUSR1 it writes the counts
to the folder's store_calls.json: asked for, because writing them as they come would be measured with the rest.
"""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import uvloop

from omaha_api import clock, service, settings
from omaha_api.store.sqlite.store import SqliteStore
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import Timeouts
from update_core.fleet.store import Granted, InstanceRecord, Moved, Sighting
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

    def write_counts(self) -> None:
        """Write the counts, whole or not at all."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps(self._counts))
        unfinished.rename(self._file)

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        self._counts["instance"] += 1
        return await super().instance(app_id, instance_id)

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Moved:
        self._counts["observe"] += 1
        return await super().observe(sighting, timeouts)

    async def weigh(
        self, app_id: str, instance_id: str, claims: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Moved:
        self._counts["weigh"] += 1
        return await super().weigh(app_id, instance_id, claims, timeouts, now)

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        self._counts["grant"] += 1
        return await super().grant(group, instance, sighting, now)

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        self._counts["touch"] += len(sightings)
        await super().touch(sightings)


def main(port: int, private_port: int, folder: Path) -> None:
    """Serve until ended by a signal."""
    listen = settings.Address("127.0.0.1", port)
    chosen = settings.Settings(
        listen=listen,
        private_listen=settings.Address("127.0.0.1", private_port),
        database=folder / "fleet.db",
        package_base_url=settings.package_base_url(None, listen),
        snapshot=folder / "catalog.json",
        new_ids_per_minute=0,
        cup_keys_dir=folder / CUP_KEYS_FOLDER,
    )
    kube = configuration.load(folder / "kubeconfig", None)
    store = CountedStore(folder)

    async def serve() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, store.write_counts)
        await service.serve(chosen, store, kube, clock.utc_now)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
