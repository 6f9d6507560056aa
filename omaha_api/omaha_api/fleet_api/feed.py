"""How do many watches follow one log without each of them reading it? One tail, of which the newest part stays in memory for all.

It follows the store only while somebody watches. Who is behind the window reads from the store until they meet: a slow client costs a
few reads, and neither the memory nor the others' time.
"""

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from omaha_api.fleet_api.changes import Entry
from update_core.fleet.reading import FleetReader, LogExpired
from update_core.fleet.store import StoreUnavailable

logger = logging.getLogger(__name__)

WINDOW = 4096
"""Changes in memory: a few megabytes."""

_READ = 500
_BATCH = 50
"""Changes that a watch takes at a time: between two batches the event loop answers checks."""

_PAUSE_SECONDS = 0.02
"""What a burst is gathered for, so that each of its changes doesn't wake every watch."""

_LOOK_SECONDS = 1.0
"""A silent store is asked this often, to know that it is silent and not gone."""

_FRESH_SECONDS = 3.0
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes after a revision, without gaps."""

    entries: Sequence[Entry]
    until: int
    """The revision up to which nothing is missing."""


@dataclass(slots=True)
class _Turn:
    """What watches wait for: the next changes, or that there won't be any."""

    come: asyncio.Event = field(default_factory=asyncio.Event)
    failure: StoreUnavailable | None = None


class Feed:
    """The store's log for the watches of this process."""

    def __init__(
        self, store: FleetReader, *, window: int = WINDOW, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.closed = False
        """Whether watches end: the service is about to."""
        self.working = asyncio.Lock()
        """Held while a watch makes its batch, so that fifty of them don't follow one another without anybody else's turn."""
        self._store = store
        self._window = window
        self._monotonic = monotonic
        self._watches = 0
        self._joined = asyncio.Event()
        self._start: int | None = None
        """Changes after it are in the window; None while there is none."""
        self._entries: list[Entry] = []
        self._turn = _Turn()
        self._heard = -_FRESH_SECONDS

    @property
    def watches(self) -> int:
        """How many there are now."""
        return self._watches

    @property
    def following(self) -> bool:
        """Whether the store's log is being followed."""
        return self._start is not None

    @property
    def fresh(self) -> bool:
        """Whether the store was heard just now: silence means that nothing happened."""
        return self._monotonic() - self._heard < _FRESH_SECONDS

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """The log is followed while at least one watch is in here."""
        self._watches += 1
        self._joined.set()
        try:
            yield
        finally:
            self._watches -= 1

    async def after(self, revision: int, within: float) -> Batch:
        """Changes after a revision, as soon as there are any; none after `within` seconds, or when the feed is closed.

        Raises:
            LogExpired: some of them were pruned.
            StoreUnavailable: the store can't be read.
        """
        deadline = self._monotonic() + within
        while True:
            turn = self._turn
            batch = self._from_window(revision) or await self._from_store(revision)
            if batch.entries or self.closed:
                return batch
            remaining = deadline - self._monotonic()
            if remaining <= 0:
                return batch
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await turn.come.wait()
            if turn.failure is not None:
                raise turn.failure

    async def run(self) -> None:
        """Follow the store while somebody watches, until cancelled."""
        while True:
            await self._joined.wait()
            if not self._watches:
                self._joined.clear()
                continue
            try:
                await self._follow()
            except (StoreUnavailable, LogExpired) as error:
                logger.warning("the log of changes can't be followed: %s", error)
                self._wake(error if isinstance(error, StoreUnavailable) else None)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self._start = None
                self._entries.clear()

    def close(self) -> None:
        """Let every watch come to its regular end."""
        self.closed = True
        self._wake()

    async def _follow(self) -> None:
        end = (await self._store.position()).latest
        self._start = end
        self._heard = self._monotonic()
        self._wake()
        while self._watches:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._store.wait_beyond(end)
            changes = await self._store.changes(end, _READ)
            self._heard = self._monotonic()
            if not changes:
                continue
            self._entries.extend(Entry(change) for change in changes)
            end = changes[-1].revision
            self._trim()
            self._wake()
            if len(changes) < _READ:
                await asyncio.sleep(_PAUSE_SECONDS)

    def _trim(self) -> None:
        # In large pieces: taking from the front of a list moves all of it.
        if len(self._entries) > 2 * self._window:
            surplus = len(self._entries) - self._window
            self._start = self._entries[surplus - 1].revision
            del self._entries[:surplus]

    def _wake(self, failure: StoreUnavailable | None = None) -> None:
        turn, self._turn = self._turn, _Turn()
        turn.failure = failure
        turn.come.set()

    def _from_window(self, revision: int) -> Batch | None:
        if self._start is None or revision < self._start:
            return None
        first = bisect_right(self._entries, revision, key=_revision)
        entries = self._entries[first : first + _BATCH]
        return Batch(entries, entries[-1].revision if entries else revision)

    async def _from_store(self, revision: int) -> Batch:
        changes = await self._store.changes(revision, _BATCH)
        return Batch([Entry(change) for change in changes], changes[-1].revision if changes else revision)


def _revision(entry: Entry) -> int:
    return entry.revision
