"""The fleet store on one SQLite file: which question goes to the writer, which to the readers.

What each does inside its transaction stands in the neighbouring modules; what it promises, in the Protocols that this implements.
"""

import asyncio
import functools
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from omaha_api.clock import Clock, utc_now
from omaha_api.store import (
    connections,
    counting,
    ending,
    granting,
    grants,
    groups,
    instances,
    listing,
    locking,
    log,
    observing,
    placing,
    publishing,
    rollouts,
    schema,
)
from omaha_api.store.readers import Readers
from omaha_api.store.waiting import Waiting
from omaha_api.store.writer import CAPACITY, Writer
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.progress import GroupProgress
from update_core.fleet.reading import (
    Change,
    Ended,
    HistoryEntry,
    InstanceQuery,
    InstanceRow,
    Placement,
    Position,
    ProgressRow,
)
from update_core.fleet.store import Granted, GroupLedger, InstanceRecord, Sighting, StoreUnavailable
from update_core.rollout.model import Fleet, Instance, Refusal, ResolvedGroup, Stamp

CHUNK = 250
"""Rows that one transaction changes at most, so that a grant waits milliseconds behind a large batch."""

PRUNED_TOGETHER = 2000
"""Entries of the log that one transaction deletes: some milliseconds, because they lie side by side."""

_NO_TIMEOUTS = Timeouts(update_seconds=0, reboot_seconds=0)
"""For evidence that can only end a grant: nothing then runs on."""


class SqliteStore:
    """A FleetStore and FleetReader on the file `path`; its folder is made if need be. `clock` dates the file's birth and the log."""

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
        self._waiting = Waiting()
        self._writer = Writer(
            lambda: connect(path), capacity=capacity, mark=log.latest, committed=self._waiting.committed
        )
        self._readers = Readers(path)

    async def open(self) -> None:
        """See FleetStore.open."""
        self._lock, connection = await asyncio.to_thread(self._open)
        self._waiting.open(log.latest(connection))
        self._writer.start(connection)

    async def close(self) -> None:
        """See FleetStore.close."""
        await self._readers.close()
        await self._writer.stop()
        self._waiting.close()
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
        at, timeouts = self._clock(), timeouts or _NO_TIMEOUTS
        return await self._writer.submit(lambda connection: observing.observe(connection, sighting, timeouts, at))

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        """See FleetStore.touch."""
        for start in range(0, len(sightings), CHUNK):
            await self._touch(sightings[start : start + CHUNK])

    async def weigh(
        self, app_id: str, instance_id: str, evidence: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Sequence[Grant]:
        """See FleetStore.weigh."""
        at = self._clock()
        return await self._writer.submit(
            lambda connection: observing.weigh(connection, app_id, instance_id, evidence, timeouts, now, at)
        )

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        """See FleetStore.grant. The sighting is recorded with a new grant; a refusal and a repeated offer record nothing."""
        at = self._clock()
        return await self._writer.submit(
            lambda connection: granting.grant(connection, group, instance, sighting, now, at)
        )

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
        at = self._clock()
        while chunk := await self._writer.submit(lambda connection: grants.expire(connection, now, CHUNK, at)):
            ended.extend(chunk)
        return ended

    async def progress(self, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[tuple[str, str], GroupProgress]:
        """See FleetStore.progress."""
        return await self._readers.read(lambda connection: counting.progress(connection, groups, now))

    # FleetReader

    async def position(self) -> Position:
        """See FleetReader.position."""
        return await self._readers.read(log.position)

    async def wait_beyond(self, revision: int) -> None:
        """See FleetReader.wait_beyond."""
        await self._waiting.beyond(revision)

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        """See FleetReader.changes. An instance that was merely heard again isn't told of where a later change tells of it as well."""
        while True:
            found, last = await self._readers.read(functools.partial(log.read, after=after, limit=limit))
            if found or last == after:
                return found
            after = last

    async def instances(self, query: InstanceQuery) -> Sequence[InstanceRow]:
        """See FleetReader.instances."""
        return await self._readers.read(lambda connection: listing.instances(connection, query))

    async def count(self, app_ids: Sequence[str], up_to: int) -> int:
        """See FleetReader.count."""
        return await self._readers.read(lambda connection: listing.count(connection, app_ids, up_to))

    async def history(self, app_id: str, instance_id: str, limit: int) -> Sequence[HistoryEntry]:
        """See FleetReader.history."""
        return await self._readers.read(lambda connection: listing.history(connection, app_id, instance_id, limit))

    async def fleet(self, group: ResolvedGroup, instance_id: str, now: datetime) -> Fleet:
        """See FleetReader.fleet. It isn't available while the last transaction was one that failed."""
        fleet = await self._readers.read(lambda connection: granting.fleet(connection, group, instance_id, now))
        return replace(fleet, available=not self._writer.down)

    async def placements(self) -> Sequence[Placement]:
        """See FleetReader.placements."""
        return await self._readers.read(placing.placements)

    async def progresses(self) -> Sequence[ProgressRow]:
        """See FleetReader.progresses."""
        return await self._readers.read(publishing.progresses)

    async def place(self, placements: Sequence[Placement]) -> None:
        """See FleetReader.place."""
        at = self._clock()
        await self._writer.submit(lambda connection: placing.place(connection, placements, at))

    async def publish(self, counts: Sequence[GroupProgress], now: datetime) -> None:
        """See FleetReader.publish. Where nothing differs the writer isn't asked."""
        differing = await self._readers.read(lambda connection: publishing.differing(connection, counts))
        at = self._clock()
        for start in range(0, len(differing), CHUNK):
            chunk = differing[start : start + CHUNK]
            await self._publish(chunk, now, at)

    async def reset(self, app_id: str, instance_id: str, now: datetime) -> Ended | None:
        """See FleetReader.reset."""
        at = self._clock()
        return await self._writer.submit(lambda connection: ending.reset(connection, app_id, instance_id, now, at))

    async def forget(self, app_id: str, instance_id: str, now: datetime) -> Ended | None:
        """See FleetReader.forget."""
        at = self._clock()
        return await self._writer.submit(lambda connection: ending.forget(connection, app_id, instance_id, now, at))

    async def prune(self, before: datetime) -> int:
        """See FleetReader.prune."""
        up_to = await self._readers.read(lambda connection: log.boundary(connection, before))
        pruned = 0
        while count := await self._writer.submit(lambda connection: log.prune(connection, up_to, PRUNED_TOGETHER)):
            pruned += count
        return pruned

    async def _touch(self, sightings: Sequence[Sighting]) -> None:
        at = self._clock()
        await self._writer.submit(lambda connection: instances.touch(connection, sightings, at))

    async def _publish(self, counts: Sequence[GroupProgress], now: datetime, at: datetime) -> None:
        await self._writer.submit(lambda connection: publishing.publish(connection, counts, now, at))

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
