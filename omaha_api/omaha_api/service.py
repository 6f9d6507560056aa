"""The Omaha service as a whole: what it is made of, in which order it starts, and in which it ends.

Start: ports, store and what it holds, snapshot, then the watches. End: no new connections, requests finish, what waits is written, the
store is closed, the snapshot saved.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys

from omaha_api import (
    asgi,
    bodies,
    catalog_source,
    checks,
    fleet_memory,
    granting,
    hearing,
    metrics,
    private_api,
    progress_board,
    rollout_mirror,
    serving,
    sightings,
    snapshot,
    sweeper,
)
from omaha_api.clock import Clock
from omaha_api.settings import Settings
from update_core.fleet.store import FleetStore, StoreUnavailable
from update_kube import client, configuration

logger = logging.getLogger(__name__)

_GARBAGE_THRESHOLD = 20_000
"""Objects between two collections: a request leaves some fifty and no cycles, so the usual 700 would look again after every dozen."""

_SWITCH_SECONDS = 0.0005
"""How long a thread waits for another to hand over. With the usual 5 ms the store's writer waits that long at each call while the event
loop is busy: a saturated service grants almost twice as many with this."""


class Service:
    """One process of the service."""

    def __init__(self, settings: Settings, store: FleetStore, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._loaded = False
        self.tally = metrics.Tally()
        self.memory = fleet_memory.FleetMemory()
        self.source = catalog_source.CatalogSource(
            package_base_url=settings.package_base_url, snapshot_file=settings.snapshot
        )
        self.sightings = sightings.Sightings(store, self.memory, flush_interval_seconds=settings.flush_interval_seconds)
        self.mirror = rollout_mirror.RolloutMirror(store, self.memory, clock)
        self.granting = granting.Granting(store, self.memory, self.mirror, clock)
        self.board = progress_board.ProgressBoard(
            store, lambda: self.source.current, clock, interval_seconds=settings.progress_interval_seconds
        )
        self.sweeper = sweeper.Sweeper(
            store, self.memory, clock, interval_seconds=settings.sweep_interval_seconds, moved=self.board.moved
        )
        self.checks = checks.Checks(
            current=lambda: self.source.current,
            memory=self.memory,
            heard=hearing.Hearing(store, self.memory, self.sightings, self.tally, moved=self.board.moved),
            granting=self.granting,
            tally=self.tally,
            clock=clock,
            moved=self.board.moved,
        )
        self.bodies = bodies.Bodies(timeout_seconds=settings.body_timeout_seconds)
        self.public = asgi.PublicApp(self.checks, ready=self.ready, tally=self.tally, received=self.bodies)
        self.private = private_api.create(
            reasons=self.reasons,
            source=self.source,
            board=self.board,
            registry=metrics.registry(self.tally, self._gauges),
        )
        self.source.subscribe(self.mirror.follow)
        self.source.subscribe(self.board.moved)

    def ready(self) -> bool:
        """Whether checks can be answered."""
        return self._loaded and self.source.loaded

    def reasons(self) -> list[str]:
        """Why checks can't be answered; empty when they can."""
        reasons = []
        if not self._loaded:
            reasons.append("the live grants haven't been loaded from the store")
        if not self.source.loaded:
            errors = sorted(
                {watch.last_error for watch in self.source.watches() if watch.last_error and not watch.synced}
            )
            reasons.append("no catalog: the Kubernetes API hasn't been listed, and there is no snapshot")
            reasons.extend(errors)
        return reasons

    async def load(self) -> None:
        """Load what a restart needs: grants in flight, ledgers, the snapshot.

        Raises:
            StoreUnavailable: the store can't be opened or read.
        """
        await self._store.open()
        self.memory.load(await self._store.live_grants(), await self._store.ledgers())
        self._loaded = True
        self.source.load_snapshot()

    async def run(self, kube: configuration.ClientConfig) -> None:
        """Keep the catalog current and the store written, until cancelled.

        Raises:
            KubeError: the credentials can't be used.
        """
        async with await client.connect(kube, user_agent="omaha-api") as api, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.source.run(api), name="catalog")
            tasks.create_task(self.mirror.run(), name="rollout mirror")
            tasks.create_task(self.sightings.run(), name="sightings")
            tasks.create_task(self.bodies.run(), name="slow bodies")
            tasks.create_task(self.sweeper.run(), name="sweeper")
            tasks.create_task(self.board.run(), name="progress")

    async def finish(self) -> None:
        """Write what waits, close the store, save the snapshot."""
        try:
            await self.sightings.flush()
        except StoreUnavailable as error:
            logger.warning("%d sightings are lost: %s", self.sightings.queued, error)
        await self._store.close()
        self.source.save()

    def _gauges(self) -> metrics.Gauges:
        return metrics.Gauges(
            ready=self.ready(),
            catalog_live=self.source.live,
            applications=len(self.source.current.applications),
            live_grants=self.memory.live_grants,
            remembered_instances=self.memory.instances,
            queued_sightings=self.sightings.queued,
            dropped_sightings=self.sightings.dropped,
            grants=self.granting.granted,
            watches=tuple(
                metrics.WatchGauges(watch.kind, watch.silence_seconds, watch.counters.relists, watch.counters.failures)
                for watch in self.source.watches()
            ),
        )


async def serve(settings: Settings, store: FleetStore, kube: configuration.ClientConfig, clock: Clock) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        PortError: a port can't be listened on.
        SnapshotError: the snapshot's folder can't be written.
        StoreUnavailable: the store can't be opened; the message says why.
        KubeError: the credentials can't be used.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with (
        serving.listen(settings.listen, "--listen") as public_socket,
        serving.listen(settings.private_listen, "--private-listen") as private_socket,
    ):
        if settings.snapshot is not None:
            snapshot.check_writable(settings.snapshot)
        service = Service(settings, store, clock)
        await service.load()
        # What is there now stays; collections then look at what requests leave, not at every imported module.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            await _serve_until(stop, service, settings, kube, public_socket, private_socket)
        finally:
            await service.finish()


async def _serve_until(
    stop: asyncio.Event,
    service: Service,
    settings: Settings,
    kube: configuration.ClientConfig,
    public_socket: socket.socket,
    private_socket: socket.socket,
) -> None:
    public = serving.server(service.public, shutdown_timeout_seconds=settings.shutdown_timeout_seconds)
    private = serving.server(service.private, shutdown_timeout_seconds=1)
    work = asyncio.create_task(service.run(kube), name="work")
    ports = [
        asyncio.create_task(public.serve(sockets=[public_socket]), name="public port"),
        asyncio.create_task(private.serve(sockets=[private_socket]), name="private port"),
    ]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    logger.info(
        "serving Omaha on %s, health and metrics on %s",
        public_socket.getsockname()[:2],
        private_socket.getsockname()[:2],
    )
    await asyncio.wait([work, stopping, *ports], return_when=asyncio.FIRST_COMPLETED)
    logger.info("stopping")
    public.should_exit = private.should_exit = True
    # Requests finish while the store is still written to.
    await asyncio.gather(*ports)
    stopping.cancel()
    work.cancel()
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()
