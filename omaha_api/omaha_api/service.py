"""The Omaha service as a whole: what it is made of, in which order it starts, and in which it ends.

Start: ports, store and what it holds, snapshot, then the watches. End: no new connections, requests finish, what waits is written, the
store is closed, the snapshot saved.
"""

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from omaha_api import heartbeat, log_retention, metrics, patience, placements, private_api, serving
from omaha_api.answers import asgi, bodies, checks, networks, steady_checks
from omaha_api.catalog import catalog_source, snapshot
from omaha_api.clock import Clock
from omaha_api.cup import signing, signing_answers
from omaha_api.fleet_api.front.serving_certificate import ServingCertificate
from omaha_api.fleet_api.requests import RequestTally
from omaha_api.fleet_api.service import FleetService
from omaha_api.instances import enrolment, fleet_memory, hearing, identities, replays, retention, sightings
from omaha_api.rollouts import crowding, following, granting, progress_board, rollout_mirror, sweeper
from omaha_api.rollouts.progress_board import CountingStore
from omaha_api.settings import Settings
from update_core.fleet.following import FleetFollower
from update_core.fleet.store import StoreUnavailable
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS
from update_kube import client, configuration

logger = logging.getLogger(__name__)

_GARBAGE_THRESHOLD = 20_000
"""Objects between two collections: a request leaves some fifty and no cycles, so the usual 700 would look again after every dozen."""

_SWITCH_SECONDS = 0.0005
"""How long a thread waits for another to hand over. With the usual 5 ms the store's writer waits that long at each call while the event
loop is busy: a saturated service grants almost twice as many with this."""


def _sixteen_digits() -> str:
    return secrets.token_hex(8)


class Service:
    """One process of the service."""

    def __init__(
        self,
        settings: Settings,
        store: CountingStore,
        clock: Clock,
        *,
        follower: FleetFollower | None = None,
        mint: Callable[[], str] = _sixteen_digits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`follower`: the store once more, where other replicas write to it as well. `mint` makes up the digits of ids for instances that
        send none."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._loaded = False
        self.tally = metrics.Tally()
        self.fleet_tally = RequestTally()
        self.memory = fleet_memory.FleetMemory(
            shared=follower is not None,
            groups=lambda app_id, track: self.source.current.group(app_id, track),
            monotonic=monotonic,
        )
        self.source = catalog_source.CatalogSource(
            package_base_url=settings.package_base_url, snapshot_file=settings.snapshot
        )
        self.enrolment = enrolment.Enrolment(new_ids_per_minute=settings.new_ids_per_minute)
        self.sightings = sightings.Sightings(
            store,
            self.memory,
            flush_interval_seconds=settings.flush_interval_seconds,
            shortest_active_seconds=self._shortest_active_seconds,
            enrolment=self.enrolment,
        )
        self.mirror = rollout_mirror.RolloutMirror(store, self.memory, clock)
        self.granting = granting.Granting(store, self.memory, self.mirror, clock, self.enrolment, self._crowding())
        self.placements = placements.Placements(store, moved=lambda: self.board.moved())
        self.board = progress_board.ProgressBoard(
            store,
            self.placements,
            lambda: self.source.current,
            clock,
            interval_seconds=settings.progress_interval_seconds,
            shared=follower is not None,
        )
        self.following = (
            following.Following(follower, self.memory, clock, moved=self.board.moved, monotonic=monotonic)
            if follower is not None
            else None
        )
        self.retention = log_retention.LogRetention(store, clock, retention_seconds=settings.log_retention_seconds)
        self.sweeper = sweeper.Sweeper(
            store, self.memory, clock, interval_seconds=settings.sweep_interval_seconds, moved=self.board.moved
        )
        self.heartbeat = heartbeat.Heartbeat(
            store, self.memory, clock, interval_seconds=settings.heartbeat_interval_seconds, moved=self.board.moved
        )
        self.instance_retention = retention.Retention(
            store,
            self.memory,
            lambda: self.source.current,
            clock,
            interval_seconds=settings.retention_interval_seconds,
            moved=self.board.moved,
        )
        heard = hearing.Hearing(
            store,
            store,
            self.memory,
            self.sightings,
            self.tally,
            self.enrolment,
            moved=self.board.moved,
            confirm=self._confirm,
        )
        replayed = replays.Replays()
        self.checks = checks.Checks(
            current=lambda: self.source.current,
            memory=self.memory,
            heard=heard,
            granting=self.granting,
            who=identities.Identities(self.tally, mint),
            replayed=replayed,
            tally=self.tally,
            clock=clock,
            moved=self.board.moved,
        )
        self.bodies = bodies.Bodies(timeout_seconds=settings.body_timeout_seconds)
        self.signer = signing.Signer(settings.cup_keys_dir)
        self.steady = steady_checks.SteadyChecks(self.checks, self.memory, heard, replayed, self.tally, clock)
        answering = asgi.PublicApp(
            self.checks,
            ready=self.ready,
            tally=self.tally,
            received=self.bodies,
            steady=self.steady,
            networks=networks.Networks(settings.trusted_proxies),
            secret_path=settings.secret_path,
            max_requests=settings.max_requests,
            overload_retry_seconds=settings.overload_retry_seconds,
        )
        self.public = signing_answers.SignedApp(answering, signer=self.signer, received=self.bodies, tally=self.tally)
        self.private = private_api.create(
            reasons=self.reasons,
            source=self.source,
            registry=metrics.registry(self.tally, self.fleet_tally, self._gauges),
        )
        self.source.subscribe(self.mirror.follow)
        self.source.subscribe(self.placements.follow)
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
            instead = "there is no snapshot" if self.source.saved is None else "the snapshot waits for it to fail"
            reasons.append(f"no catalog: the Kubernetes API hasn't been listed, and {instead}")
            reasons.extend(errors)
        return reasons

    async def load(self) -> None:
        """Load what a restart needs: grants in flight, ledgers, where fleets are shown, the snapshot.

        Raises:
            StoreUnavailable: the store can't be opened or read.
        """
        await self._store.open()
        await self.heartbeat.beat()
        if self.following is not None:
            await self.following.begin()
        else:
            self.memory.load(await self._store.live_grants(), await self._store.ledgers())
        await self.placements.load()
        self.source.load_snapshot()
        self._loaded = True

    def fleet(self, kube: client.Client) -> FleetService:
        """The fleet API on this service's parts."""
        return FleetService(
            kube=kube,
            reader=self._store,
            placements=self.placements,
            board=self.board,
            memory=self.memory,
            mirror=self.mirror,
            sightings=self.sightings,
            current=lambda: self.source.current,
            tally=self.fleet_tally,
            clock=self._clock,
        )

    async def run(self, kube: client.Client, fleet: FleetService | None = None) -> None:
        """Keep the catalog current, the store written, and the fleet API fed if there is one, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.source.run(kube), name="catalog")
            tasks.create_task(self.mirror.run(), name="rollout mirror")
            tasks.create_task(self.sightings.run(), name="sightings")
            tasks.create_task(self.bodies.run(), name="slow bodies")
            tasks.create_task(self.signer.run(), name="CUP keys")
            tasks.create_task(self.sweeper.run(), name="sweeper")
            tasks.create_task(self.placements.run(), name="placements")
            tasks.create_task(self.board.run(), name="progress")
            tasks.create_task(self.retention.run(), name="log retention")
            tasks.create_task(self.heartbeat.run(), name="heartbeat")
            tasks.create_task(self.instance_retention.run(), name="instance retention")
            if self.following is not None:
                tasks.create_task(self.following.run(), name="other replicas")
            if fleet is not None:
                tasks.create_task(fleet.run(), name="fleet API")

    async def finish(self) -> None:
        """Write what waits, close the store, save the snapshot."""
        try:
            await self.sightings.flush()
        except StoreUnavailable as error:
            logger.warning("%d sightings are lost: %s", self.sightings.queued, error)
        await self._store.close()
        self.source.save()

    async def _confirm(self) -> None:
        if self.following is not None:
            await self.following.confirm()

    def _crowding(self) -> crowding.Crowding:
        chosen = self._settings
        return crowding.Crowding(chosen.live_grants_per_network, sample_percent=chosen.samples_percent_per_network)

    def _shortest_active_seconds(self) -> int:
        return min((group.active_seconds for group in self.source.current.groups()), default=DEFAULT_ACTIVE_SECONDS)

    def _gauges(self) -> metrics.Gauges:
        return metrics.Gauges(
            ready=self.ready(),
            catalog_live=self.source.live,
            applications=len(self.source.current.applications),
            live_grants=self.memory.live_grants,
            follow_lag_seconds=self.memory.lag_seconds,
            remembered_instances=self.memory.instances,
            queued_sightings=self.sightings.queued,
            dropped_sightings=self.sightings.dropped,
            grants=self.granting.granted,
            newcomers_granted=self.granting.granted_to_newcomers,
            rollouts_halted=self.memory.halted,
            turned_away=self.enrolment.refused,
            altered_requests=self.signer.altered,
            watches=tuple(
                metrics.WatchGauges(watch.kind, watch.silence_seconds, watch.counters.relists, watch.counters.failures)
                for watch in self.source.watches()
            ),
        )


@dataclass(frozen=True, slots=True)
class _Ports:
    """What is listened on. `fleet` is None where the fleet API isn't served."""

    public: socket.socket
    private: socket.socket
    fleet: tuple[socket.socket, ServingCertificate] | None


async def serve(
    settings: Settings,
    store: CountingStore,
    kube: configuration.ClientConfig,
    clock: Clock,
    *,
    follower: FleetFollower | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. `follower`: the store once more, where other replicas write to it as well.

    Raises:
        PortError: a port can't be listened on.
        CertificateFileError: the fleet API's certificate can't be used.
        KeyFolderError: the folder of CUP keys can't be read.
        SnapshotError: the snapshot's folder can't be written.
        StoreUnavailable: the store can't be opened; the message says why.
        KubeError: the credentials can't be used.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with _listening(settings) as ports:
        if settings.snapshot is not None:
            snapshot.check_writable(settings.snapshot)
        service = Service(settings, store, clock, follower=follower)
        await service.load()
        # What is there now stays; collections then look at what requests leave, not at every imported module.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            async with await client.connect(kube, user_agent="omaha-api") as api:
                await _serve_until(stop, service, settings, api, ports)
        finally:
            await service.finish()


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[_Ports]:
    with contextlib.ExitStack() as stack:
        public = stack.enter_context(serving.listen(settings.listen, "--listen"))
        private = stack.enter_context(serving.listen(settings.private_listen, "--private-listen"))
        fleet = None
        if settings.tls is not None:
            listened = stack.enter_context(serving.listen(settings.fleet_listen, "--fleet-listen"))
            fleet = (listened, ServingCertificate(settings.tls.certificate, settings.tls.key))
        yield _Ports(public, private, fleet)


async def _serve_until(
    stop: asyncio.Event, service: Service, settings: Settings, kube: client.Client, ports: _Ports
) -> None:
    limits = patience.Patience(
        head_seconds=settings.head_timeout_seconds, max_connections=serving.affordable(settings.max_connections)
    )
    public = serving.server(service.public, shutdown_timeout_seconds=settings.shutdown_timeout_seconds, limits=limits)
    servers = [
        (public, ports.public),
        (serving.server(service.private, shutdown_timeout_seconds=1), ports.private),
    ]
    fleet = None
    if ports.fleet is not None:
        fleet = service.fleet(kube)
        listened, certificate = ports.fleet
        tls = serving.tls_server(
            fleet.app, certificate=certificate, shutdown_timeout_seconds=settings.shutdown_timeout_seconds
        )
        servers.append((tls, listened))
    work = asyncio.create_task(service.run(kube, fleet), name="work")
    serves = [asyncio.create_task(server.serve(sockets=[listened])) for server, listened in servers]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    logger.info("serving Omaha on %s, health and metrics on %s", _address(ports.public), _address(ports.private))
    if ports.fleet is not None:
        logger.info("serving the fleet API on %s", _address(ports.fleet[0]))
    else:
        logger.info("the fleet API isn't served: it needs --tls-cert-file and --tls-private-key-file")
    await asyncio.wait([work, stopping, *serves], return_when=asyncio.FIRST_COMPLETED)
    logger.info("stopping")
    for server, _ in servers:
        server.should_exit = True
    if fleet is not None:
        fleet.end_watches()
    # Requests finish while the store is still written to.
    await asyncio.gather(*serves)
    if fleet is not None:
        await fleet.finish()
    stopping.cancel()
    work.cancel()
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()


def _address(listened: socket.socket) -> tuple[str, int]:
    host, port = listened.getsockname()[:2]
    return host, port
