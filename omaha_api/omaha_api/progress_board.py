"""How far is each group, for whoever asks what changed since? The store's counts, with a revision for each group.

Counts are taken at most once a second while something moves, and every few seconds anyway, because activity ages. The wait grows with
what a count costs, so that a large fleet isn't counted without a pause.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable

from omaha_api.clock import Clock
from omaha_api.fleet_memory import GroupKey
from update_core import catalog
from update_core.fleet.progress import GroupProgress, ProgressReport
from update_core.fleet.store import FleetStore, StoreUnavailable

logger = logging.getLogger(__name__)

RECOUNT_SECONDS = 10.0

_PAUSE_PER_COUNT = 10
"""Seconds of rest per second of counting."""


class ProgressBoard:
    """The latest counts."""

    def __init__(
        self,
        store: FleetStore,
        groups: Callable[[], catalog.Catalog],
        clock: Clock,
        *,
        interval_seconds: float,
        epoch: str | None = None,
    ) -> None:
        self._store = store
        self._catalog = groups
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._epoch = epoch or uuid.uuid4().hex
        self._revision = 0
        self._groups: dict[GroupKey, tuple[int, GroupProgress]] = {}
        self._moved = asyncio.Event()
        self.ready = False

    def moved(self, _what: object = None) -> None:
        """Something that is counted may have changed."""
        self._moved.set()

    def report(self, epoch: str, revision: int) -> ProgressReport:
        """What changed since a revision of this epoch; everything for another epoch."""
        full = epoch != self._epoch or revision > self._revision
        since = 0 if full else revision
        changed = tuple(progress for changed_at, progress in self._groups.values() if changed_at > since)
        return ProgressReport(self._epoch, self._revision, full, changed)

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            started = time.monotonic()
            self._moved.clear()
            try:
                await self.count()
            except StoreUnavailable as error:
                logger.warning("groups can't be counted: %s", error)
            took = time.monotonic() - started
            await asyncio.sleep(max(self._interval_seconds, took * _PAUSE_PER_COUNT))
            try:
                async with asyncio.timeout(max(0.0, RECOUNT_SECONDS - self._interval_seconds)):
                    await self._moved.wait()
            except TimeoutError:
                pass

    async def count(self) -> None:
        """Count once.

        Raises:
            StoreUnavailable: the earlier counts stay.
        """
        counted = await self._store.progress(list(self._catalog().groups()), self._clock())
        changed = [(key, progress) for key, progress in counted.items() if self._held(key) != progress]
        if changed or not self.ready:
            self._revision += 1
        for key, progress in changed:
            self._groups[key] = (self._revision, progress)
        self.ready = True

    def _held(self, key: GroupKey) -> GroupProgress | None:
        held = self._groups.get(key)
        return held[1] if held else None
