"""The fleet store on one SQLite file: which question goes to the writer, which to the readers.

What each does inside its transaction stands in the neighbouring modules; what it promises, in the Protocol that this implements.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from omaha_api.clock import Clock, utc_now
from omaha_api.store import connections, counting, granting, grants, groups, instances, locking, rollouts, schema
from omaha_api.store.readers import Readers
from omaha_api.store.writer import CAPACITY, Writer
from update_core.fleet.evidence import Evidence, Reported
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.progress import GroupProgress
from update_core.fleet.store import Granted, GroupLedger, InstanceRecord, Sighting, StoreUnavailable
from update_core.rollout.model import Instance, Refusal, ResolvedGroup, Stamp

CHUNK = 500
"""Rows that one transaction changes at most, so that a grant waits milliseconds behind a large batch."""

_NO_TIMEOUTS = Timeouts(update_seconds=0, reboot_seconds=0)
"""For evidence that can only end a grant: nothing then runs on."""


class SqliteStore:
    """A FleetStore on the file `path`; its folder is made if need be. `clock` dates the file's birth, nothing else."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = utc_now,
        connect: connections.Connect = connections.connect,
        capacity: int = CAPACITY,
    ) -> None:
        self._path = path
        self._clock = clock
        self._connect = connect
        self._lock: locking.FileLock | None = None
        self._writer = Writer(lambda: connect(path), capacity=capacity)
        self._readers = Readers(path)

    async def open(self) -> None:
        """See FleetStore.open."""
        self._lock, connection = await asyncio.to_thread(self._open)
        self._writer.start(connection)

    async def close(self) -> None:
        """See FleetStore.close."""
        await self._readers.close()
        await self._writer.stop()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def live_grants(self) -> Sequence[Grant]:
        """See FleetStore.live_grants."""
        return await self._readers.read(grants.all_live)

    async def ledgers(self) -> Sequence[GroupLedger]:
        """See FleetStore.ledgers. Without a group's limits its rate slot isn't known; it is None."""
        return await self._readers.read(lambda connection: [row.ledger(None) for row in groups.load_all(connection)])

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        """See FleetStore.instance."""
        return await self._readers.read(lambda connection: instances.load(connection, app_id, instance_id))

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Sequence[Grant]:
        """See FleetStore.observe."""
        return await self._writer.submit(lambda connection: _observe(connection, sighting, timeouts or _NO_TIMEOUTS))

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        """See FleetStore.touch."""
        for start in range(0, len(sightings), CHUNK):
            chunk = sightings[start : start + CHUNK]
            await self._writer.submit(_touching(chunk))

    async def weigh(
        self, app_id: str, instance_id: str, evidence: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Sequence[Grant]:
        """See FleetStore.weigh."""
        return await self._writer.submit(
            lambda connection: grants.weigh(connection, app_id, instance_id, evidence, timeouts, now)
        )

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        """See FleetStore.grant. The sighting is recorded with a new grant; a refusal and a repeated offer record nothing."""
        return await self._writer.submit(lambda connection: granting.grant(connection, group, instance, sighting, now))

    async def record_rollout(
        self, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
    ) -> GroupLedger | Refusal:
        """See FleetStore.record_rollout."""
        return await self._writer.submit(
            lambda connection: rollouts.record(connection, group, stamp, completed=completed, now=now)
        )

    async def sweep(self, now: datetime) -> Sequence[Grant]:
        """See FleetStore.sweep."""
        ended: list[Grant] = []
        while chunk := await self._writer.submit(lambda connection: grants.expire(connection, now, CHUNK)):
            ended.extend(chunk)
        return ended

    async def progress(self, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[tuple[str, str], GroupProgress]:
        """See FleetStore.progress."""
        return await self._readers.read(lambda connection: counting.progress(connection, groups, now))

    def _open(self) -> tuple[locking.FileLock, sqlite3.Connection]:
        """The lock and the writer's connection, to a file with a current schema."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = locking.FileLock.acquire(self._path)
        except OSError as error:
            raise StoreUnavailable(f"{self._path} can't be opened: {error.strerror or error}") from error
        try:
            connection = self._connect(self._path)
            try:
                schema.migrate(connection, self._path, self._clock())
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            lock.release()
            raise StoreUnavailable(f"{self._path} can't be opened: {error}") from error
        except BaseException:
            lock.release()
            raise
        return lock, connection


def _observe(connection: sqlite3.Connection, sighting: Sighting, timeouts: Timeouts) -> tuple[Grant, ...]:
    """Record the sighting; a grant whose version it reports is complete, one of another group that is left is moved."""
    instances.record(connection, sighting)
    report = Reported(version=sighting.version, boot_id=sighting.boot_id)
    moved = grants.weigh(connection, sighting.app_id, sighting.instance_id, (report,), timeouts, sighting.at)
    held = grants.live(connection, sighting.app_id, sighting.instance_id)
    if held is None or held.track == sighting.track:
        return moved
    return (*moved, grants.close(connection, held, sighting.track, sighting.at))


def _touching(sightings: Sequence[Sighting]) -> Callable[[sqlite3.Connection], None]:
    return lambda connection: instances.touch(connection, sightings)
