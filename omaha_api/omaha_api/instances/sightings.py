"""How does the store learn who was heard, without a check waiting for it?

A first sight is queued and written within moments; a change of version or group is written at once, because it may complete an update;
last-seen and the last refusal are written in batches, spread evenly over time. While the store is away all of them wait, bounded, newest
per instance.
"""

import asyncio
import logging
import math
from collections.abc import Callable

from omaha_api.instances.enrolment import Enrolment
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import InstanceKey
from update_core.fleet.grants import Timeouts
from update_core.fleet.store import FleetStore, Moved, Sighting, StoreUnavailable

logger = logging.getLogger(__name__)

MAX_QUEUED = 100_000
"""Instances whose first sight or change waits for the store. Beyond, the newcomer isn't remembered and tries again at its next check."""

_CHUNK = 64
_TOUCHED_TOGETHER = 100
_TURNS = 15
"""Flush intervals that one round of last-seen times takes at most: they are shown by the minute."""
_SHARE_OF_ACTIVE = 0.1
"""What a round may take of the shortest activeSeconds: a last-seen time that comes late makes an instance seem gone."""
_GATHER_SECONDS = 0.02
_RETRY_SECONDS = 1.0


def turns(shortest_active_seconds: int, flush_interval_seconds: float) -> int:
    """Flush intervals that a round of last-seen times takes where some group thinks an instance gone after so many seconds."""
    return max(1, min(_TURNS, int(shortest_active_seconds * _SHARE_OF_ACTIVE / flush_interval_seconds)))


class Sightings:
    """What has been seen and isn't in the store yet."""

    def __init__(
        self,
        store: FleetStore,
        memory: FleetMemory,
        *,
        flush_interval_seconds: float,
        shortest_active_seconds: Callable[[], int],
        enrolment: Enrolment | None = None,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        """`enrolment` is told of applications that are full."""
        self._store = store
        self._memory = memory
        self._flush_interval_seconds = flush_interval_seconds
        self._shortest_active_seconds = shortest_active_seconds
        self._enrolment = enrolment or Enrolment()
        self._max_queued = max_queued
        self._queued: dict[InstanceKey, tuple[Sighting, Timeouts]] = {}
        self._waiting = asyncio.Event()
        self.dropped = 0
        """Sightings that found the queue full."""

    @property
    def queued(self) -> int:
        """How many wait for the store."""
        return len(self._queued)

    def queue(self, sighting: Sighting, timeouts: Timeouts) -> bool:
        """Have it written soon; False if there is no room."""
        key = (sighting.app_id, sighting.instance_id)
        if key not in self._queued and len(self._queued) >= self._max_queued:
            self.dropped += 1
            return False
        self._queued[key] = (sighting, timeouts)
        self._waiting.set()
        return True

    async def record(self, sighting: Sighting, timeouts: Timeouts) -> bool:
        """Write it now; if the store is away it is queued: that an instance says its version never fails its check. False: no room."""
        # What waits for this instance is older than this.
        self._queued.pop((sighting.app_id, sighting.instance_id), None)
        try:
            self._took(sighting, await self._store.observe(sighting, timeouts))
        except StoreUnavailable:
            return self.queue(sighting, timeouts)
        return True

    def withdraw(self, key: InstanceKey) -> tuple[Sighting, Timeouts] | None:
        """Don't write what waits of this instance; returns it."""
        return self._queued.pop(key, None)

    def put_back(self, withdrawn: tuple[Sighting, Timeouts] | None) -> None:
        """Have it written after all, unless something newer of the instance waits."""
        if withdrawn is not None:
            sighting = withdrawn[0]
            self._queued.setdefault((sighting.app_id, sighting.instance_id), withdrawn)
            self._waiting.set()

    async def run(self) -> None:
        """Write what is queued and touched until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_queue(), name="queued sightings")
            tasks.create_task(self._run_touches(), name="touched instances")

    async def flush(self) -> None:
        """Write everything that waits; StoreUnavailable leaves what couldn't be written in the queue."""
        while self._queued:
            await self._write_chunk()
        self._memory.begin_round()
        while await self._write_touched():
            pass

    async def _run_queue(self) -> None:
        while True:
            await self._waiting.wait()
            # More are on their way when an instance is seen first: a fleet starts together, and one commit takes them all.
            await asyncio.sleep(_GATHER_SECONDS)
            self._waiting.clear()
            try:
                while self._queued:
                    await self._write_chunk()
            except StoreUnavailable as error:
                logger.warning("%d sightings wait for the store: %s", len(self._queued), error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._waiting.set()

    async def _run_touches(self) -> None:
        while True:
            self._memory.begin_round()
            for turns_left in range(turns(self._shortest_active_seconds(), self._flush_interval_seconds), 0, -1):
                await self._write_evenly(turns_left)

    async def _write_evenly(self, turns_left: int) -> None:
        """For one flush interval: its share of the round, a little at a time. In one go, checks would wait for the processor."""
        share = self._memory.hurried + math.ceil(self._memory.due / turns_left)
        steps = max(1, math.ceil(share / _TOUCHED_TOGETHER))
        for _ in range(steps):
            await asyncio.sleep(self._flush_interval_seconds / steps)
            try:
                await self._write_touched()
            except StoreUnavailable as error:
                logger.warning("last-seen times wait for the store: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                return

    async def _write_chunk(self) -> None:
        chunk = [self._queued.pop(key) for key in list(self._queued)[:_CHUNK]]
        results = await asyncio.gather(*(self._store.observe(*queued) for queued in chunk), return_exceptions=True)
        failure: BaseException | None = None
        for (sighting, timeouts), result in zip(chunk, results, strict=True):
            if not isinstance(result, BaseException):
                self._took(sighting, result)
                continue
            failure = result
            # Unless something newer of the same instance has come meanwhile.
            self._queued.setdefault((sighting.app_id, sighting.instance_id), (sighting, timeouts))
        if failure is not None:
            raise failure

    async def _write_touched(self) -> bool:
        """Write some; False if nobody is left."""
        taken = self._memory.take_touched(_TOUCHED_TOGETHER)
        touched = [seen for seen in taken if (seen.app_id, seen.instance_id) not in self._queued]
        if touched:
            try:
                await self._store.touch(touched)
            except StoreUnavailable:
                for seen in touched:
                    self._memory.touch((seen.app_id, seen.instance_id))
                raise
        return bool(taken)

    def _took(self, sighting: Sighting, moved: Moved) -> None:
        self._memory.take(moved)
        key = (sighting.app_id, sighting.instance_id)
        if moved.enrolment_until is not None:
            self._enrolment.close(sighting.app_id, moved.enrolment_until, sighting.at + self._memory.ahead)
            # It was remembered in the hope of a place.
            self._memory.outdate(key)
            return
        known = self._memory.known(key)
        if known is not None and known.first_seen is None:
            # Taken for a newcomer because the store was away; now that can tell.
            self._memory.outdate(key)
