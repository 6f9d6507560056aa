"""How does this replica's memory keep up with what the others commit? It reads the store's log after them, from a state of the whole on.

Each round reads all that is new and takes it over at once, the last change of each instance: so memory is never in a state between.
Own commits come by as well, and change nothing: what is newer in memory stays. As long as rounds succeed memory is believed;
`FleetMemory.lagging` says when not.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping

from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import MAX_LAG_SECONDS, FleetMemory
from omaha_api.instances.known import InstanceKey
from omaha_api.instances.ledgers import GroupKey
from update_core.fleet.following import FleetFollower
from update_core.fleet.grants import Grant
from update_core.fleet.reading import InstanceChange, LogExpired
from update_core.fleet.store import GroupLedger, StoreUnavailable

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
PAGE = 1000
MAX_BEHIND = 20 * PAGE
"""Instances that changed since; beyond, the grants in flight are read anew instead."""

_GATHER_SECONDS = 0.01
"""Between two rounds: under load one takes the commits of several batches."""
_RETRY_SECONDS = 0.5

_Ledgers = Mapping[GroupKey, GroupLedger]


class Following:
    """Keeps a memory that is shared current with its store."""

    def __init__(
        self,
        store: FleetFollower,
        memory: FleetMemory,
        clock: Clock,
        *,
        moved: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._moved = moved
        self._monotonic = monotonic
        self._poll_seconds = poll_seconds
        self._epoch = 0
        self._revision = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._asked = asyncio.Event()
        self._away = False

    async def begin(self) -> None:
        """Take over everything in flight.

        Raises:
            StoreUnavailable: it can't be read.
        """
        began = self._begin_hearing()
        begun = await self._store.in_flight()
        if begun.position.epoch != self._epoch:
            self._memory.forget_fleet()
        self._memory.forget_all()
        ledgers = _by_group(begun.ledgers)
        grants = {(grant.app_id, grant.instance_id): grant for grant in begun.grants}
        held = {(grant.app_id, grant.instance_id) for grant in self._memory.all_live()}
        for key in held | grants.keys():
            self._settle(key, grants.get(key), ledgers)
        for ledger in begun.ledgers:
            self._memory.hear(ledger)
        for grant in begun.grants:
            self._memory.count_in(grant)
        self._epoch, self._revision = begun.position.epoch, begun.position.latest
        self._confirm(began)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self._follow()
            await self._news()

    async def confirm(self) -> None:
        """Return once memory has all that was committed before the call, by whomever.

        Raises:
            StoreUnavailable: that couldn't be found out in time.
        """
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._asked.set()
        try:
            async with asyncio.timeout(MAX_LAG_SECONDS):
                await waiting
        except TimeoutError:
            raise StoreUnavailable("what other replicas committed isn't known") from None

    async def _follow(self) -> None:
        """One round, for all who asked before it."""
        self._asked.clear()
        asked, self._waiting = self._waiting, []
        try:
            await self._catch_up()
        except StoreUnavailable as error:
            if not self._away:
                logger.warning("what other replicas commit can't be followed: %s", error)
            self._away = True
            for waiting in asked:
                if not waiting.done():
                    waiting.set_exception(StoreUnavailable(str(error)))
            await asyncio.sleep(_RETRY_SECONDS)
            return
        except BaseException:
            for waiting in asked:
                waiting.cancel()
            raise
        if self._away:
            logger.info("what other replicas commit is followed again")
        self._away = False
        for waiting in asked:
            if not waiting.done():
                waiting.set_result(None)

    async def _catch_up(self) -> None:
        began, revision = self._begin_hearing(), self._revision
        changes: dict[InstanceKey, InstanceChange] = {}
        ledgers: dict[GroupKey, GroupLedger] = {}
        try:
            while True:
                followed = await self._store.followed(revision, PAGE)
                for change in followed.changes:
                    changes[change.row.record.app_id, change.row.record.instance_id] = change
                ledgers |= _by_group(followed.ledgers)
                revision = followed.revision
                if len(followed.changes) < PAGE:
                    break
                if len(changes) > MAX_BEHIND:
                    await self._begin_anew("too much has changed since")
                    return
        except LogExpired as error:
            await self._begin_anew(str(error))
            return
        # Nothing is awaited from here on: whoever decides sees all of it, or nothing.
        self._take_all(changes, ledgers)
        self._revision = revision
        self._confirm(began)
        if changes:
            self._moved()

    async def _begin_anew(self, why: str) -> None:
        logger.warning("the grants in flight are read anew: %s", why)
        await self.begin()
        self._moved()

    def _take_all(self, changes: Mapping[InstanceKey, InstanceChange], ledgers: _Ledgers) -> None:
        for key, change in changes.items():
            self._take(key, change, ledgers)
        for ledger in ledgers.values():
            self._memory.hear(ledger)
        for change in changes.values():
            if change.row.grant is not None and not change.deleted:
                self._memory.count_in(change.row.grant)

    def _take(self, key: InstanceKey, change: InstanceChange, ledgers: _Ledgers) -> None:
        if change.deleted:
            self._memory.forget(key)
        else:
            self._memory.compare(change.row.record)
        self._settle(key, None if change.deleted else change.row.grant, ledgers)

    def _settle(self, key: InstanceKey, latest: Grant | None, ledgers: _Ledgers) -> None:
        held = self._memory.live_grant(key)
        # Where the group isn't told of, nothing that was read touched it.
        ledger = ledgers.get((held.app_id, held.track)) if held is not None else None
        self._memory.settle(key, latest, ledger.next_number if ledger is not None else None)

    def _begin_hearing(self) -> float:
        self._memory.begin_hearing()
        return self._monotonic()

    def _confirm(self, began: float) -> None:
        now = self._clock()
        self._memory.ahead = self._store.database_time(now) - now
        self._memory.confirm(began)

    async def _news(self) -> None:
        """Wait for a commit, for somebody who wants to know, or for a while."""
        if self._waiting:
            return
        await asyncio.sleep(_GATHER_SECONDS)
        waits = [
            asyncio.create_task(self._store.wait_beyond(self._revision), name="commits"),
            asyncio.create_task(self._asked.wait(), name="questions"),
        ]
        try:
            await asyncio.wait(waits, timeout=self._poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def _by_group(ledgers: Iterable[GroupLedger]) -> dict[GroupKey, GroupLedger]:
    return {(ledger.app_id, ledger.track): ledger for ledger in ledgers}
