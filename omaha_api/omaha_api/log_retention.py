"""How far back can a watch go on? As long as the log of changes is kept: what is older is pruned, a little at a time.

A client that was away for longer is told so, and lists again.
"""

from datetime import timedelta

from omaha_api import rounds
from omaha_api.clock import Clock
from update_core.fleet.reading import FleetReader

LONGEST_INTERVAL_SECONDS = 30.0
SHORTEST_INTERVAL_SECONDS = 1.0


class LogRetention:
    """Prunes the log of a store."""

    def __init__(self, store: FleetReader, clock: Clock, *, retention_seconds: int) -> None:
        self._store = store
        self._clock = clock
        self._retention = timedelta(seconds=retention_seconds)
        # A tenth, so that the log is hardly longer than promised; rarely enough to cost nothing.
        self._interval_seconds = min(max(retention_seconds / 10, SHORTEST_INTERVAL_SECONDS), LONGEST_INTERVAL_SECONDS)

    async def run(self) -> None:
        """Prune until cancelled."""
        await rounds.go(
            self._prune, every_seconds=self._interval_seconds, without_store="the log of changes can't be pruned"
        )

    async def _prune(self) -> None:
        await self._store.prune(self._clock() - self._retention)
