"""How does the store know that somebody serves? A beat every few seconds; after a gap what times out has later deadlines.

The first beat comes before anything is read from the store, so that what was in flight over an outage is loaded as it is after it.
"""

import logging
from collections.abc import Callable

from omaha_api import rounds
from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory
from update_core.fleet.keeping import FleetKeeper

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

    async def run(self) -> None:
        """Beat until cancelled. Too many beats that can't be written are an outage."""
        await rounds.go(
            self.beat, every_seconds=self._interval_seconds, without_store="the store can't be told that it is served"
        )

    async def beat(self) -> None:
        """Beat once.

        Raises:
            StoreUnavailable: it wasn't written, and is no beat.
        """
        moved = await self._store.beat(self._clock())
        if not moved:
            return
        logger.warning("the service was away for a while: %d updates in flight have later deadlines", len(moved))
        for grant in moved:
            self._memory.apply(grant)
        self._moved()
