"""Replicas of the Omaha service inside a test, on one PostgreSQL database: each with its own memory, its own connections, its own tasks."""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from omaha_api.store.postgres.store import PostgresStore
from omaha_api.store.postgres.timekeeping import OwnClock, Timekeeping
from support.omaha_service import OmahaService, TestClock
from support.sqlite_stores import StoreClock
from update_core.fleet.following import Followed, InFlight
from update_core.fleet.store import StoreUnavailable


class Monotonic:
    """The monotonic clock, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Ear:
    """A replica's FleetFollower, which a test may hold shut: rounds then wait. `away`: they fail."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.away = False
        self.open = asyncio.Event()
        self.open.set()

    def database_time(self, then: datetime) -> datetime:
        return self._store.database_time(then)

    async def in_flight(self) -> InFlight:
        return await self._store.in_flight()

    async def wait_beyond(self, revision: int) -> None:
        await self._store.wait_beyond(revision)

    async def followed(self, after: int, limit: int) -> Followed:
        await self.open.wait()
        if self.away:
            raise StoreUnavailable("the test took the store away")
        return await self._store.followed(after, limit)


class CountingStore(PostgresStore):
    """A store that counts its grant transactions."""

    attempts = 0

    async def grant(self, *arguments: Any) -> Any:
        self.attempts += 1
        return await super().grant(*arguments)


class Replica:
    """One replica. It hears of the others' commits from `start` on."""

    def __init__(
        self,
        url: str,
        clock: TestClock,
        time_keeping: Timekeeping | None = None,
        store: type[CountingStore] = CountingStore,
    ) -> None:
        self.store = store(url, time_keeping=time_keeping or OwnClock(StoreClock()))
        self.ear = Ear(self.store)
        self.monotonic = Monotonic()
        self.omaha = OmahaService(self.store, clock, follower=self.ear, monotonic=self.monotonic)
        self._task: asyncio.Task[None] | None = None

    async def start(self, resources: Iterable[Any]) -> "Replica":
        await self.omaha.start(resources)
        following = self.omaha.service.following
        assert following is not None
        self._task = asyncio.create_task(following.run())
        return self

    async def stop(self) -> None:
        """End it without a last word."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
            await self.store.close()

    async def hear(self) -> None:
        """Have everything in memory that was committed so far."""
        following = self.omaha.service.following
        assert following is not None
        await following.confirm()

    def lag(self) -> None:
        """Hear nothing from now on, and know that it has been so for too long."""
        self.ear.open.clear()
        self.monotonic.ahead += 5

    async def ask(self, body: bytes) -> str:
        """The only answer: a version, or noupdate."""
        return (await self.omaha.post(body)).answer

    def answers(self, reason: str) -> int:
        """How often it has given this answer."""
        return self.omaha.service.tally.answers[reason]
