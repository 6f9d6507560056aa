"""The fleet store on a database: which question goes to the writer, which to the readers, and whose time holds.

What each does inside its transaction stands in the neighbouring modules; what it promises, in the Protocols that this implements.
"""

import asyncio
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from omaha_api.store import (
    counting,
    ending,
    following,
    granting,
    grants,
    groups,
    heartbeat,
    instances,
    listing,
    log,
    observing,
    placing,
    publishing,
    retiring,
    rollouts,
)
from omaha_api.store.counting_ahead import CountsAhead
from omaha_api.store.database import Connection, Database, Moment
from omaha_api.store.readers import READERS, Readers
from omaha_api.store.waiting import Waiting
from omaha_api.store.writer import CAPACITY, Writer
from update_core.fleet.enrolment import UNBOUNDED, Growth
from update_core.fleet.evidence import Evidence
from update_core.fleet.following import Followed, InFlight
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
from update_core.fleet.store import Granted, GroupLedger, InstanceRecord, Moved, Sighting
from update_core.rollout.model import Fleet, Instance, Refusal, ResolvedGroup, Stamp

CHUNK = 250
"""Rows that one transaction changes at most, so that a grant waits milliseconds behind a large batch."""

PRUNED_TOGETHER = 2000
"""Entries of the log that one transaction deletes: some milliseconds, because they lie side by side."""

_NO_TIMEOUTS = Timeouts(update_seconds=0, reboot_seconds=0)
"""For evidence that can only end a grant: nothing then runs on."""


class DatabaseStore:
    """A FleetStore, FleetReader, FleetKeeper and FleetFollower on a database, which nobody else has opened through this object."""

    shared = False
    """Whether other processes may write to the database as well."""

    def __init__(
        self, database: Database, *, growth: Growth = UNBOUNDED, capacity: int = CAPACITY, readers: int = READERS
    ) -> None:
        """`growth`: what applications may grow to."""
        self._database = database
        self._growth = growth
        self._waiting = Waiting()
        self._writer = Writer(database, capacity=capacity, committed=self._waiting.committed)
        self._readers = Readers(database, readers)
        self._ahead = CountsAhead()

    async def open(self) -> None:
        """See FleetStore.open."""
        connection, latest = await asyncio.to_thread(self._open)
        self._waiting.open(latest)
        self._writer.start(connection)

    async def close(self) -> None:
        """See FleetStore.close."""
        await self._readers.close()
        await self._writer.stop()
        self._waiting.close()
        self._database.close()

    async def live_grants(self) -> Sequence[Grant]:
        """See FleetStore.live_grants."""
        return await self._readers.read(grants.all_live)

    async def ledgers(self) -> Sequence[GroupLedger]:
        """See FleetStore.ledgers. Without a group's limits its rate slot isn't known; it is None."""
        return await self._readers.read(lambda connection: [row.ledger(None) for row in groups.load_all(connection)])

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        """See FleetStore.instance."""
        return await self._readers.read(lambda connection: instances.load(connection, app_id, instance_id))

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Moved:
        """See FleetStore.observe."""
        run_on = timeouts or _NO_TIMEOUTS
        return await self._writer.submit(
            lambda connection, moment: observing.observe(
                connection, _sighted(sighting, moment), run_on, self._growth, moment.at
            )
        )

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        """See FleetStore.touch."""
        for start in range(0, len(sightings), CHUNK):
            await self._touch(sightings[start : start + CHUNK])

    async def weigh(
        self, app_id: str, instance_id: str, evidence: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Moved:
        """See FleetStore.weigh."""
        return await self._writer.submit(
            lambda connection, moment: observing.weigh(
                connection, app_id, instance_id, evidence, timeouts, moment.of(now), moment.at
            )
        )

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        """See FleetStore.grant. The sighting is recorded with a new grant; a refusal and a repeated offer record nothing."""
        return await self._writer.submit(
            lambda connection, moment: granting.grant(
                connection, group, instance, _sighted(sighting, moment), moment.now(now), self._growth, moment.at
            )
        )

    async def record_rollout(
        self, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
    ) -> GroupLedger | Refusal:
        """See FleetStore.record_rollout."""
        return await self._writer.submit(
            lambda connection, moment: rollouts.record(
                connection, group, stamp, completed=completed, now=moment.now(now)
            )
        )

    async def sweep(self, now: datetime) -> Moved:
        """See FleetStore.sweep."""
        ended: list[Grant] = []
        # What a later transaction did to a group that was halted is newer.
        halted: dict[tuple[str, str], GroupLedger] = {}
        while True:
            chunk = await self._writer.submit(
                lambda connection, moment: heartbeat.expire(connection, moment.now(now), CHUNK, moment.at)
            )
            ended.extend(chunk.grants)
            halted |= {(ledger.app_id, ledger.track): ledger for ledger in chunk.halted}
            if not chunk.grants:
                return Moved(tuple(ended), tuple(halted.values()))

    async def progress(self, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[tuple[str, str], GroupProgress]:
        """See FleetStore.progress."""
        at = self._database.database_time(now)
        return await self._readers.read(lambda connection: counting.progress(connection, groups, self._ahead, at))

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
        at = self._database.database_time(now)
        fleet = await self._readers.read(lambda connection: granting.fleet(connection, group, instance_id, at))
        return replace(fleet, available=not self._writer.down)

    async def placements(self) -> Sequence[Placement]:
        """See FleetReader.placements."""
        return await self._readers.read(placing.placements)

    async def progresses(self) -> Sequence[ProgressRow]:
        """See FleetReader.progresses."""
        return await self._readers.read(publishing.progresses)

    async def place(self, placements: Sequence[Placement]) -> None:
        """See FleetReader.place."""
        await self._writer.submit(lambda connection, moment: placing.place(connection, placements, moment.at))

    async def publish(self, counts: Sequence[GroupProgress], now: datetime) -> None:
        """See FleetReader.publish. Where nothing differs the writer isn't asked."""
        differing = await self._readers.read(lambda connection: publishing.differing(connection, counts))
        for start in range(0, len(differing), CHUNK):
            await self._publish(differing[start : start + CHUNK], now)

    async def reset(self, app_id: str, instance_id: str, now: datetime) -> Ended | None:
        """See FleetReader.reset."""
        return await self._writer.submit(
            lambda connection, moment: ending.reset(connection, app_id, instance_id, moment.now(now), moment.at)
        )

    async def forget(self, app_id: str, instance_id: str, now: datetime) -> Ended | None:
        """See FleetReader.forget."""
        return await self._writer.submit(
            lambda connection, moment: ending.forget(connection, app_id, instance_id, moment.now(now), moment.at)
        )

    async def prune(self, before: datetime) -> int:
        """See FleetReader.prune."""
        since = self._database.database_time(before)
        up_to = await self._readers.read(lambda connection: log.boundary(connection, since))
        pruned = 0
        while count := await self._writer.submit(lambda connection, _: log.prune(connection, up_to, PRUNED_TOGETHER)):
            pruned += count
        return pruned

    # FleetKeeper

    async def beat(self, now: datetime) -> Sequence[Grant]:
        """See FleetKeeper.beat."""
        return await self._writer.submit(
            lambda connection, moment: heartbeat.beat(connection, moment.now(now), moment.at)
        )

    async def retire(self, app_id: str, retention_seconds: int, now: datetime, limit: int) -> Sequence[str]:
        """See FleetKeeper.retire."""
        at = self._database.database_time(now)
        since, silent = await self._readers.read(
            lambda connection: retiring.silent(connection, app_id, retention_seconds, at, limit)
        )
        gone: list[str] = []
        for start in range(0, len(silent), CHUNK):
            gone += await self._retire(app_id, silent[start : start + CHUNK], since)
        return gone

    # FleetFollower

    def database_time(self, then: datetime) -> datetime:
        """See FleetFollower.database_time."""
        return self._database.database_time(then)

    async def in_flight(self) -> InFlight:
        """See FleetFollower.in_flight."""
        begun = await self._readers.read(following.in_flight)
        await self._writer.settled()
        return begun

    async def followed(self, after: int, limit: int) -> Followed:
        """See FleetFollower.followed."""
        told = await self._readers.read(functools.partial(following.followed, after=after, limit=limit))
        await self._writer.settled()
        return told

    def _open(self) -> tuple[Connection, int]:
        connection = self._database.open()
        return connection, log.latest(connection)

    async def _touch(self, sightings: Sequence[Sighting]) -> None:
        await self._writer.submit(
            lambda connection, moment: instances.touch(
                connection,
                sightings if moment.ahead is None else [_sighted(sighting, moment) for sighting in sightings],
                moment.at,
            )
        )

    async def _retire(self, app_id: str, silent: Sequence[str], since: datetime) -> Sequence[str]:
        return await self._writer.submit(
            lambda connection, moment: retiring.retire(connection, app_id, silent, since, moment.at)
        )

    async def _publish(self, counts: Sequence[GroupProgress], now: datetime) -> None:
        await self._writer.submit(
            lambda connection, moment: publishing.publish(connection, counts, moment.now(now), moment.at)
        )


def _sighted(sighting: Sighting, moment: Moment) -> Sighting:
    """The sighting at the database's time."""
    return sighting if moment.ahead is None else replace(sighting, at=moment.of(sighting.at))
