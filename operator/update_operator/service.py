"""How do the parts run together? Stand by until the Lease is ours, list everything, then watch, reconcile and write until told to stop.

Losing the Lease ends the process: whoever has it now decides, and a process that begins anew knows nothing stale.
"""

import asyncio
import enum
import logging
import random
import time
from datetime import UTC, datetime

from update_core.resources.conditions import Reason
from update_core.resources.group import Group
from update_kube import client, configuration, errors
from update_kube.client import Client
from update_kube.configuration import ClientConfig
from update_kube.events import Recorder
from update_kube.leases import Elector
from update_kube.resources import LEASES
from update_operator import dependents, task_groups
from update_operator.cache import Cache
from update_operator.claims import Claims
from update_operator.contact import Trouble
from update_operator.controller import Controller
from update_operator.health import HealthServer
from update_operator.keys import Key
from update_operator.metrics import Metrics
from update_operator.pacing import Pacer
from update_operator.progress import FleetFollower
from update_operator.reconcile.outcome import Contact, Severity
from update_operator.resync import Synchroniser
from update_operator.settings import Settings
from update_operator.status_writer import StatusWriter
from update_operator.watch_audit import WatchAudit
from update_operator.watches import Watches
from update_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

_EVENTS_SECONDS = 1.0
"""How long the last Events may take at the end."""


class Ending(enum.Enum):
    """Why the operator ended."""

    STOPPED = "stopped"
    LEASE_LOST = "lease lost"


class Operator:
    """One process of the operator."""

    def __init__(self, settings: Settings, kube: Client, metrics: Metrics) -> None:
        self._elector = Elector(
            kube,
            namespace=settings.namespace,
            name=settings.lease_name,
            identity=settings.identity,
            times=settings.lease,
        )
        self._lease = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"namespace": settings.namespace, "name": settings.lease_name},
        }
        self._fleet_troubled = False
        self._workers = settings.workers
        self._cache = Cache()
        self._queue: WorkQueue[Key] = WorkQueue(random.random)
        self._recorder = Recorder(kube, controller="updateservice.dev/operator", instance=settings.identity)
        self._audit = WatchAudit()
        claims = Claims(kube, settings.namespace)
        self._fleet = FleetFollower(
            kube,
            on_change=self._fleet_changed,
            on_turn=self._fleet_turned,
            clock=time.monotonic,
            jitter=random.random,
            times=settings.fleet,
        )
        self._pacer = Pacer(settings.pace, time.monotonic)
        self._controller = Controller(
            cache=self._cache,
            queue=self._queue,
            claims=claims,
            fleet=self._fleet,
            writer=StatusWriter(kube, self._pacer),
            recorder=self._recorder,
            metrics=metrics,
            leading=lambda: self._elector.is_leader,
            now=lambda: datetime.now(UTC),
        )
        self._synchroniser = Synchroniser(
            kube,
            cache=self._cache,
            queue=self._queue,
            claims=claims,
            audit=self._audit,
            metrics=metrics,
            changed=self._controller.changed,
            restart_watches=lambda: self._watches.restart(),
            times=settings.resync,
        )
        self._metrics = metrics
        self._watches = Watches(
            kube.config,
            self._synchroniser.event,
            on_restart=self._watches_restarted,
            jitter=random.random,
            times=settings.watch,
        )
        metrics.observe(
            leading=lambda: self._elector.is_leader,
            queue=lambda: len(self._queue),
            objects=lambda: len(self._cache),
            answering=lambda: self._fleet.contact is Contact.ANSWERING,
            progresses=lambda: len(self._fleet),
        )

    def alive(self) -> str:
        """What only a new process can mend, empty where nothing is wrong."""
        return "" if self._audit.alive else "the watches are deaf, and beginning them anew didn't help"

    def ready(self) -> str:
        """What is wrong now, empty where nothing is. A stand-by is ready: it knows of a leader."""
        if not self._elector.acquired.is_set():
            return (
                ""
                if self._elector.holder
                else "no Lease has been seen yet: the API server can't be asked, or a right is missing"
            )
        if not self._synchroniser.synced:
            return self._synchroniser.trouble or "not every kind has been listed yet"
        if not self._audit.hearing:
            return "the watches miss changes"
        return self._synchroniser.trouble or self._watches.trouble

    async def run(self, stop: asyncio.Event) -> Ending:
        """Work until `stop` is set or the Lease is lost.

        Raises:
            Exception: a part failed that should never fail.
        """
        async with task_groups.together() as tasks:
            election = tasks.start("election", self._elector.run())
            acquired = tasks.start("acquired", self._elector.acquired.wait())
            stopped = tasks.start("stopped", stop.wait())
            await tasks.first_of({election, acquired, stopped})
            if acquired.done() and not stop.is_set():
                logger.info("leading as %s", self._elector.identity)
                leader = tasks.start("leader", self._lead())
                try:
                    await tasks.first_of({election, stopped, leader})
                finally:
                    # Before the Lease is given back, so that its next holder is alone.
                    await tasks.end(leader)
            return Ending.STOPPED if stop.is_set() and not self._elector.lost.is_set() else Ending.LEASE_LOST

    async def _lead(self) -> None:
        async with task_groups.together() as tasks:
            events = tasks.start("events", self._recorder.run())
            tasks.start("fleet", self._fleet.run())
            try:
                await self._synchroniser.first()
                for number in range(self._workers):
                    tasks.start(f"worker {number}", self._controller.work())
                tasks.start("watches", self._watches.run())
                tasks.start("resync", self._synchroniser.run())
                await tasks.first_of(tasks.all)
            finally:
                self._queue.close()
                if not events.done():
                    await self._recorder.drain(_EVENTS_SECONDS)

    def _fleet_changed(self, group: tuple[str, str]) -> None:
        for key in dependents.of_progress(self._cache, *group):
            self._queue.add(key, background=True)

    def _fleet_turned(self, trouble: Trouble | None) -> None:
        """It concerns every Group, but is one story: it is told once, where the operator's own affairs are told."""
        if trouble is not None:
            self._metrics.fleet_away(trouble.cause)
            note = f"No rollout begins, and counts are old: {trouble.text}."
            self._tell_of_fleet(Severity.WARNING, Reason.FLEET_UNAVAILABLE, note)
        elif self._fleet_troubled:
            self._tell_of_fleet(Severity.NORMAL, Reason.FLEET_ANSWERED, "The fleet API answers.")
        self._fleet_troubled = trouble is not None
        # At ten thousand Groups those that were still to be told of the last turn would have minutes reserved.
        self._pacer.restart()
        for key in self._cache.all_keys():
            if key.kind == Group.kind:
                self._queue.add(key, background=True)

    def _tell_of_fleet(self, severity: Severity, reason: Reason, note: str) -> None:
        self._recorder.record(self._lease, severity.value, reason.value, "FollowFleet", note)

    def _watches_restarted(self) -> None:
        self._metrics.watches_restarted()
        self._audit.restarted()


async def run(settings: Settings, stop: asyncio.Event) -> Ending:
    """Run an operator with its health server.

    Raises:
        update_kube.errors.CredentialsError: there is nothing to talk to the API server with.
        OSError: the health server's address can't be had.
    """
    metrics = Metrics()
    async with await client.connect(client_config(settings), user_agent="update-operator") as kube:
        operator = Operator(settings, kube, metrics)
        async with HealthServer(
            settings.metrics_host, settings.metrics_port, alive=operator.alive, ready=operator.ready, metrics=metrics
        ):
            return await operator.run(stop)


def client_config(settings: Settings) -> ClientConfig:
    """Where the API server is, and as whom to talk to it.

    Raises:
        update_kube.errors.CredentialsError: it can't be told, and the text says what to do.
    """
    if settings.service_account_dir is not None:
        if settings.kube_server is None:
            raise errors.CredentialsError("--service-account-dir needs --kube-server too")
        return configuration.from_service_account_dir(settings.service_account_dir, settings.kube_server)
    return configuration.load(settings.kubeconfig, settings.context)
