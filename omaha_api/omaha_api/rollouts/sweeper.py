"""When does an update that makes no progress end? The store says so, asked about once a second: late by seconds, never early."""

from collections.abc import Callable

from omaha_api import rounds
from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory
from update_core.fleet.store import FleetStore


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

    async def run(self) -> None:
        """Sweep until cancelled."""
        await rounds.go(self.sweep, every_seconds=self._interval_seconds, without_store="time-outs wait for the store")

    async def sweep(self) -> None:
        """Sweep once.

        Raises:
            StoreUnavailable: the grants stay in flight.
        """
        ended = await self._store.sweep(self._clock())
        self._memory.take(ended)
        if ended.grants:
            self._moved()
