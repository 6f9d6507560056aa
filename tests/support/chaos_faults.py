"""What can go wrong for a fleet and its replicas: a store that breaks, clocks that are off, and the dice that say when."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from omaha_api.store.postgres.store import PostgresStore
from omaha_api.store.postgres.timekeeping import DatabaseClock
from support.omaha_service import TestClock
from support.replicas import CountingStore
from update_core.fleet.store import StoreUnavailable

OPERATIONS = ("grant", "weigh", "observe", "sweep", "record_rollout", "touch", "beat")
"""What replicas have the store write."""


class Dice:
    """What goes wrong, and how often it did: by chance, and in any case the third time that it could. `calm`: nothing does."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.calm = True
        self.did: Counter[str] = Counter()
        self._could: Counter[str] = Counter()

    def happens(self, what: str, chance: float) -> bool:
        """Whether it goes wrong now."""
        if self.calm:
            return False
        self._could[what] += 1
        if self._could[what] != 3 and self.random.random() >= chance:
            return False
        self.did[what] += 1
        return True


class CrashingStore(CountingStore):
    """A store whose every writing operation may fail before anything was done, or after it was committed and before the answer."""

    dice: Dice

    async def grant(self, *arguments: Any) -> Any:
        return await self._dared("grant", *arguments)

    async def weigh(self, *arguments: Any) -> Any:
        return await self._dared("weigh", *arguments)

    async def observe(self, *arguments: Any) -> Any:
        return await self._dared("observe", *arguments)

    async def sweep(self, *arguments: Any) -> Any:
        return await self._dared("sweep", *arguments)

    async def record_rollout(self, *arguments: Any, **more: Any) -> Any:
        return await self._dared("record_rollout", *arguments, **more)

    async def touch(self, *arguments: Any) -> Any:
        return await self._dared("touch", *arguments)

    async def beat(self, *arguments: Any) -> Any:
        return await self._dared("beat", *arguments)

    async def _dared(self, what: str, *arguments: Any, **more: Any) -> Any:
        chance = 0.02
        if self.dice.happens(f"{what} failed before", chance):
            raise StoreUnavailable("the test broke the connection")
        answer = await getattr(PostgresStore, what)(self, *arguments, **more)
        if self.dice.happens(f"{what} failed after", chance):
            raise StoreUnavailable("the test broke the connection behind the commit")
        return answer


class Sky:
    """The database's time."""

    def __init__(self, now: datetime) -> None:
        self.now = now


class WrongClock(TestClock):
    """A replica's clock, so far off."""

    def __init__(self, sky: Sky) -> None:
        self._sky = sky
        self.off = timedelta(0)

    def __call__(self) -> datetime:
        return self._sky.now + self.off


class DatabasesTime(DatabaseClock):
    """The database tells the sky's time."""

    def __init__(self, sky: Sky, clock: WrongClock) -> None:
        super().__init__(clock)
        self._sky = sky

    def moment(self, told: datetime) -> Any:
        return super().moment(self._sky.now)
