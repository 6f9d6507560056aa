"""The real service on any store, where last-seen times may be written so seldom that they aren't measured with the checks.

Takes the ports, public and private, the folder with the catalog's snapshot and a kubeconfig, the database as `--database` names it, and
the seconds between two batches of last-seen times; 0: as ever.
"""

import asyncio
import dataclasses
import sys
from pathlib import Path

import uvloop

from omaha_api import clock, service, settings
from omaha_api.store import stores
from update_kube import configuration


def main(port: int, private_port: int, folder: Path, database: str, flush_interval_seconds: float) -> None:
    """Serve until ended by a signal."""
    listen = settings.Address("127.0.0.1", port)
    chosen = settings.Settings(
        listen=listen,
        private_listen=settings.Address("127.0.0.1", private_port),
        database=settings.database(database),
        package_base_url=settings.package_base_url(None, listen),
        snapshot=folder / "catalog.json",
        # All come from one network.
        new_ids_per_minute=0,
    )
    if flush_interval_seconds:
        chosen = dataclasses.replace(chosen, flush_interval_seconds=flush_interval_seconds)
    kube = configuration.load(folder / "kubeconfig", None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        store = stores.on(chosen.database)
        follower = store if store.shared else None
        runner.run(service.serve(chosen, store, kube, clock.utc_now, follower=follower))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], float(sys.argv[5]))
