"""When does an update that makes no progress end? The store says so, asked about once a second: late by seconds, never early."""

import asyncio
import logging
from collections.abc import Callable

from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory
from update_core.fleet.store import FleetStore, StoreUnavailable

logger = logging.getLogger(__name__)


class Sweeper:
    """Ends the grants whose deadline has passed."""

    def __init__(
        self,
        store: FleetStore,
        memory: FleetMemory,
        clock: Clock,
        *,
        interval_seconds: float,
        moved: Callable[[], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._moved = moved
        self._away = False

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            await self.sweep()

    async def sweep(self) -> None:
        """Sweep once; without the store the grants stay in flight."""
        try:
            ended = await self._store.sweep(self._clock())
        except StoreUnavailable as error:
            if not self._away:
                logger.warning("time-outs wait for the store: %s", error)
            self._away = True
            return
        self._away = False
        self._memory.take(ended)
        if ended.grants:
            self._moved()
