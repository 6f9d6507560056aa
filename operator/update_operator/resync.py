"""What is there really? Complete lists of every kind: once before anything is reconciled, then every few minutes.

kopf's watch keeps objects that were deleted while it was cut off; a list doesn't. What a list brings that the watch hasn't is taken in at
once, and held against the watch a little later.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from update_kube import errors
from update_kube.client import PAGE_SIZE, Client
from update_operator import dependents, keys
from update_operator.cache import Cache, Change
from update_operator.claims import Claims
from update_operator.keys import Key
from update_operator.metrics import Metrics
from update_operator.watch_audit import WatchAudit
from update_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResyncTimes:
    """Seconds between two complete lists, that a change may come later by watch than by list, and between first attempts."""

    interval_seconds: float = 300.0
    grace_seconds: float = 3.0
    retry_seconds: float = 2.0


class Synchroniser:
    """Keeps the cache complete."""

    def __init__(
        self,
        kube: Client,
        *,
        cache: Cache,
        queue: WorkQueue[Key],
        claims: Claims,
        audit: WatchAudit,
        metrics: Metrics,
        changed: Callable[[Change], None],
        restart_watches: Callable[[], None],
        times: ResyncTimes,
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._queue = queue
        self._claims = claims
        self._audit = audit
        self._metrics = metrics
        self._changed = changed
        self._restart_watches = restart_watches
        self._times = times
        self._wanted = asyncio.Event()
        self.synced = False
        """Whether every kind has been listed completely once."""
        self.trouble = ""
        """Why the last list failed, empty when it didn't."""

    def event(self, type_: str, obj: dict[str, Any]) -> None:
        """Take in an event of the watch."""
        if type_ == "LISTED":
            # kopf has listed anew, and doesn't say what its list no longer held.
            self._wanted.set()
        key = keys.of_object(obj)
        self._audit.delivered(key, int(obj["metadata"]["resourceVersion"]))
        change = self._cache.remove(obj) if type_ == "DELETED" else self._cache.put(obj)
        if change is not None:
            self._changed(change)

    async def first(self) -> None:
        """List everything, as often as it takes; then every object is enqueued."""
        await self._list()
        self.synced = True
        logger.info("synced: %d objects", len(self._cache))
        self.enqueue_all()

    async def run(self) -> None:
        """List everything every so often, and soon after the watches began anew, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._times.interval_seconds):
                    await self._wanted.wait()
                    await asyncio.sleep(self._times.grace_seconds)
            self._wanted.clear()
            await self._list()
            await asyncio.sleep(self._times.grace_seconds)
            self._judge()

    def enqueue_all(self) -> None:
        """Look at every object again. Applications first: what refers to them waits for them."""
        rank = {kind: position for position, kind in enumerate(keys.TYPES)}
        for key in sorted(self._cache.all_keys(), key=lambda key: rank[key.kind]):
            self._queue.add(key, background=True)

    async def _list(self) -> None:
        """List everything, as often as it takes."""
        while True:
            if await self._attempt():
                return
            await asyncio.sleep(self._times.retry_seconds)

    async def _attempt(self) -> bool:
        try:
            for app_id in await self._claims.refresh():
                for key in dependents.of_claim(self._cache, app_id):
                    self._queue.add(key)
            for type_ in keys.TYPES.values():
                objects, version = await self._kube.list_all(type_, page_size=PAGE_SIZE)
                changes = self._cache.synchronise(type_.kind, objects, version)
                if self.synced:
                    self._audit.listed(changes)
                    for change in changes:
                        self._changed(change)
        except errors.KubeError as error:
            self.trouble = _explained(error)
            self._metrics.relisted("error")
            logger.warning("the cluster could not be listed: %s", self.trouble)
            return False
        self.trouble = ""
        self._metrics.relisted("ok")
        return True

    def _judge(self) -> None:
        verdict = self._audit.judge()
        if not verdict.missed:
            return
        for key in verdict.missed:
            self._metrics.missed(key.kind)
        names = ", ".join(str(key) for key in verdict.missed[:5])
        logger.error("the watch missed %d changes (%s); it begins anew", len(verdict.missed), names)
        self._restart_watches()


def _explained(error: errors.KubeError) -> str:
    match error:
        case errors.Forbidden():
            return f"a right is missing in the service account's roles: {error}"
        case errors.NotFound():
            return f"the custom resource definitions are not installed: {error}"
        case _:
            return str(error)
