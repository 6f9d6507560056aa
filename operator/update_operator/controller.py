"""How does a key become a status? Look it up, compute, write, tell: the same steps for each kind.

Every step starts from what the cluster is now, so it doesn't matter which change brought the key here, or how many were missed.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime

from update_core.resources.application import Application, ApplicationStatus
from update_core.resources.channel import Channel, ChannelStatus
from update_core.resources.group import Group, GroupStatus
from update_core.resources.package import Package, PackageStatus
from update_kube import errors
from update_kube.events import Recorder
from update_operator import dependents, keys, views
from update_operator.cache import Cache, Change, Entry, Unreadable
from update_operator.claims import Claims
from update_operator.keys import Key
from update_operator.metrics import Metrics
from update_operator.progress import FleetFollower
from update_operator.reconcile import application, channel, group, package, unreadable
from update_operator.reconcile.outcome import Notice, Outcome
from update_operator.status_writer import Deferred, Status, StatusWriter, Written
from update_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)

_STATUSES: dict[str, type[Status]] = {
    Application.kind: ApplicationStatus,
    Channel.kind: ChannelStatus,
    Group.kind: GroupStatus,
    Package.kind: PackageStatus,
}

_LOOKED_AT_AGAIN_SECONDS = 3600.0


class Controller:
    """Reconciles one key at a time; several workers may each do so with different keys."""

    def __init__(
        self,
        *,
        cache: Cache,
        queue: WorkQueue[Key],
        claims: Claims,
        fleet: FleetFollower,
        writer: StatusWriter,
        recorder: Recorder,
        metrics: Metrics,
        leading: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._cache = cache
        self._queue = queue
        self._claims = claims
        self._fleet = fleet
        self._writer = writer
        self._recorder = recorder
        self._metrics = metrics
        self._leading = leading
        self._now = now

    def changed(self, change: Change) -> None:
        """Enqueue what a change of the cache concerns."""
        if change.new is None:
            self._writer.forget(change.key)
        for key in dependents.of_change(self._cache, change):
            self._queue.add(key)

    async def work(self) -> None:
        """Reconcile keys until cancelled. A key that fails comes again later; nothing that goes wrong with one ends the worker."""
        while True:
            key = await self._queue.get()
            try:
                await self._attempt(key)
            finally:
                self._queue.done(key)
            # A status that is right already is found so without waiting for anything: between two, it is the watches' turn.
            await asyncio.sleep(0)

    async def _attempt(self, key: Key) -> None:
        try:
            with self._metrics.timed(key.kind):
                await self.reconcile(key)
        except (errors.Conflict, errors.NotFound) as error:
            # Somebody changed or deleted it since we looked; the watch or our own look tells us to what.
            self._metrics.reconciled(key.kind, "conflict")
            logger.debug("%s changed meanwhile: %s", key, error)
            await self._refetch(key)
            self._queue.retry(key)
        except errors.KubeError as error:
            self._metrics.reconciled(key.kind, "error")
            delay = self._queue.retry(key, at_least_seconds=getattr(error, "retry_after", None) or 0.0)
            logger.warning("%s: %s; again in %.1f s", key, error, delay)
        except Exception:
            self._metrics.reconciled(key.kind, "error")
            delay = self._queue.retry(key)
            logger.exception("%s could not be reconciled; again in %.1f s", key, delay)
        else:
            self._metrics.reconciled(key.kind, "ok")
            self._queue.succeeded(key)

    async def reconcile(self, key: Key) -> None:
        """Bring one object's status up to date.

        Raises:
            update_kube.errors.KubeError: it couldn't be written.
        """
        entry = self._cache.entry(key)
        # A process that was stopped for a while may go on before it notices that it no longer leads.
        if entry is None or entry.metadata.deletion_timestamp is not None or not self._leading():
            return
        present, outcome = await self._outcome(key, entry)
        if outcome.again_at is not None:
            # Not more than an hour: this waits on the machine's own clock, and `again_at` is of the one that people set.
            seconds = min((outcome.again_at - self._now()).total_seconds(), _LOOKED_AT_AGAIN_SECONDS)
            self._queue.add_after(key, max(seconds, 0.0), background=False)
        if outcome.status is None:
            return
        result = await self._writer.write(key, entry, present, outcome.status)
        match result:
            case Written(stored):
                self._metrics.wrote(key.kind)
                change = self._cache.put({"kind": key.kind, **stored})
                if change is not None:
                    self.changed(change)
                self._tell(key, entry, outcome.notices)
            case Deferred(seconds):
                self._queue.add_after(key, seconds)
            case _:
                pass

    async def _outcome(self, key: Key, entry: Entry) -> tuple[Status | None, Outcome[Status]]:
        """The status as read, and the one that it should be."""
        now = self._now()
        outcome: Outcome[Status]
        match entry:
            case Application():
                candidates = self._cache.select(Application, "appId", entry.spec.app_id)
                owner = await self._claims.award(entry.spec.app_id, candidates)
                outcome = application.reconcile(views.of_application(self._cache, entry, owner), now)
            case Package():
                outcome = package.reconcile(views.of_package(self._cache, entry), now)
            case Channel():
                outcome = channel.reconcile(views.of_channel(self._cache, entry), now)
            case Group():
                outcome = group.reconcile(views.of_group(self._cache, entry, self._fleet), now, secrets.token_hex(16))
            case Unreadable():
                model = _STATUSES[key.kind]
                read = unreadable.read_status(model, entry.status)
                generation = entry.metadata.generation
                return read, unreadable.reconcile(read or model(), generation, entry.error, now)
        return entry.status, outcome

    def _tell(self, key: Key, entry: Entry, notices: tuple[Notice, ...]) -> None:
        regarding = {
            "apiVersion": keys.TYPES[key.kind].api_version,
            "kind": key.kind,
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": entry.metadata.uid},
        }
        for notice in notices:
            logger.info("%s: %s: %s", key, notice.reason, notice.note)
            self._recorder.record(regarding, notice.severity.value, notice.reason.value, notice.action, notice.note)

    async def _refetch(self, key: Key) -> None:
        """Take in what the object is now, without waiting for the watch to say so."""
        entry = self._cache.entry(key)
        try:
            change = self._cache.put(await self._writer.read(key))
        except errors.NotFound:
            change = self._cache.discard(key, entry.metadata.resource_version) if entry else None
        except errors.KubeError as error:
            logger.debug("%s: could not be read again: %s", key, error)
            return
        if change is not None:
            self.changed(change)
