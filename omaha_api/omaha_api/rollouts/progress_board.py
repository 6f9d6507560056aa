"""How far is each group? The store's counts, published in its log, where the fleet API's watches hear of them.

Counts are taken at most once a second while something moves, and every few seconds anyway, because activity ages. The wait grows with
what a count costs, so that a large fleet isn't counted without a pause.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from omaha_api.clock import Clock
from omaha_api.instances.ledgers import GroupKey
from omaha_api.placements import Placements
from update_core import catalog
from update_core.fleet.keeping import FleetKeeper
from update_core.fleet.progress import GroupProgress
from update_core.fleet.reading import FleetReader
from update_core.fleet.store import FleetStore, StoreUnavailable

logger = logging.getLogger(__name__)

RECOUNT_SECONDS = 10.0

_PAUSE_PER_COUNT = 10
"""Seconds of rest per second of counting."""

_LONGEST_WAIT_SECONDS = 1.0
"""For the names of new groups, before they are counted."""


class CountingStore(FleetStore, FleetReader, FleetKeeper, Protocol):
    """A store that counts, logs what was counted, and knows when it was served."""


class ProgressBoard:
    """Counts and publishes."""

    def __init__(
        self,
        store: CountingStore,
        placements: Placements,
        groups: Callable[[], catalog.Catalog],
        clock: Clock,
        *,
        interval_seconds: float,
        shared: bool = False,
    ) -> None:
        """`shared`: other replicas publish as well, so that what was published last isn't known here."""
        self._shared = shared
        self._store = store
        self._placements = placements
        self._catalog = groups
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._published: dict[GroupKey, GroupProgress] = {}
        self._moved = asyncio.Event()
        self.ready = False
        """Whether the published counts are of this life of the service."""

    def moved(self, _what: object = None) -> None:
        """Something that is counted may have changed."""
        self._moved.set()

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            self._moved.clear()
            await self._placements.settled(_LONGEST_WAIT_SECONDS)
            started = time.monotonic()
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
        """Count once, and publish what differs from the counts before.

        Raises:
            StoreUnavailable: the earlier counts stay.
        """
        now = self._clock()
        counted = await self._store.progress(list(self._catalog().groups()), now)
        changed = {key: progress for key, progress in counted.items() if self._is_news(key, progress)}
        if changed:
            await self._store.publish(list(changed.values()), now)
            self._published |= changed
        self.ready = True

    def _is_news(self, key: GroupKey, progress: GroupProgress) -> bool:
        # Only what has a name: a group that is named after its counts are logged makes every watch list again.
        if not self._placements.group_name(*key):
            return False
        # Where others publish too, the store compares: it writes nothing that it has already.
        return self._shared or self._published.get(key) != progress
