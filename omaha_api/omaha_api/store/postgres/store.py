"""The fleet store on PostgreSQL, which several replicas share."""

import asyncio
import contextlib

from omaha_api.clock import utc_now
from omaha_api.store.fleet_store import DatabaseStore
from omaha_api.store.postgres import connections, listening
from omaha_api.store.postgres.database import PostgresDatabase
from omaha_api.store.postgres.timekeeping import DatabaseClock, Timekeeping
from omaha_api.store.writer import CAPACITY
from update_core.fleet.enrolment import UNBOUNDED, Growth

READERS = 4
"""Connections for reading; two more write and listen."""


class PostgresStore(DatabaseStore):
    """A FleetStore, FleetReader and FleetFollower on the database that `url` names (postgresql://…, as libpq reads it)."""

    shared = True

    def __init__(
        self,
        url: str,
        *,
        time_keeping: Timekeeping | None = None,
        connect: connections.Connect = connections.connect,
        growth: Growth = UNBOUNDED,
        capacity: int = CAPACITY,
        poll_seconds: float = listening.POLL_SECONDS,
    ) -> None:
        database = PostgresDatabase(url, time_keeping or DatabaseClock(utc_now), connect=connect)
        super().__init__(database, growth=growth, capacity=capacity, readers=READERS)
        self._parameters = database.parameters
        self._poll_seconds = poll_seconds
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See FleetStore.open."""
        await super().open()
        self._listening = asyncio.create_task(
            listening.listen(self._parameters, self._waiting.committed, self._poll_seconds)
        )

    async def close(self) -> None:
        """See FleetStore.close."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None
        await super().close()
