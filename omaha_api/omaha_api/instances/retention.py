"""How long is an instance kept that isn't heard any more? As long as its Application says; most say nothing, and keep it for good."""

import logging
from collections.abc import Callable

from omaha_api import rounds
from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory
from update_core import catalog
from update_core.fleet.keeping import FleetKeeper

logger = logging.getLogger(__name__)

TOGETHER = 5000
"""Instances that are looked for at a time."""


class Retention:
    """Removes the instances of a store that are gone for good."""

    def __init__(
        self,
        store: FleetKeeper,
        memory: FleetMemory,
        current: Callable[[], catalog.Catalog],
        clock: Clock,
        *,
        interval_seconds: float,
        moved: Callable[[], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._current = current
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._moved = moved

    async def run(self) -> None:
        """Remove until cancelled."""
        await rounds.go(
            self.retire, every_seconds=self._interval_seconds, without_store="instances that are gone can't be removed"
        )

    async def retire(self) -> int:
        """Remove once those that are gone by now; returns how many there were.

        Raises:
            StoreUnavailable: some of them stay.
        """
        removed = 0
        for application in self._current().applications.values():
            seconds = application.instance_retention_seconds
            if seconds is not None:
                removed += await self._retire(application.app_id, seconds)
        if removed:
            logger.info("%d instances that weren't heard any more were removed", removed)
            self._moved()
        return removed

    async def _retire(self, app_id: str, seconds: int) -> int:
        removed = 0
        while True:
            gone = await self._store.retire(app_id, seconds, self._clock(), TOGETHER)
            for instance_id in gone:
                # What is remembered of it has no row to be written to any more: heard again, it is a new one.
                self._memory.forget((app_id, instance_id))
            removed += len(gone)
            if len(gone) < TOGETHER:
                return removed
