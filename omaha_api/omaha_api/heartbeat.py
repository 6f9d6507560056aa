"""How does the store know that somebody serves? A beat every few seconds; after a gap what times out has later deadlines.

The first beat comes before anything is read from the store, so that what was in flight over an outage is loaded as it is after it.
"""

import asyncio
import logging
from collections.abc import Callable

from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory
from update_core.fleet.keeping import FleetKeeper
from update_core.fleet.store import StoreUnavailable

logger = logging.getLogger(__name__)


class Heartbeat:
    """Beats while the service runs."""

    def __init__(
        self,
        store: FleetKeeper,
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
        """Beat until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            await self.beat()

    async def beat(self) -> None:
        """Beat once; one that can't be written is none, and too many of these are an outage."""
        try:
            moved = await self._store.beat(self._clock())
        except StoreUnavailable as error:
            if not self._away:
                logger.warning("the store can't be told that it is served: %s", error)
            self._away = True
            return
        self._away = False
        if not moved:
            return
        logger.warning("the service was away for a while: %d updates in flight have later deadlines", len(moved))
        for grant in moved:
            self._memory.apply(grant)
        self._moved()
