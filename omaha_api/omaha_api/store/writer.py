"""How do many small transactions share one expensive commit?

One thread writes. It takes what is waiting, does it piece by piece in one transaction, commits once, and only then answers: what has
been answered is on disk. A piece that fails is undone alone; if the database fails, none of the batch happened.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from omaha_api.store.database import Connection, Database, Moment
from update_core.fleet.store import StoreUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Connection, Moment], T]
"""Reads and writes inside a transaction that the writer begins and ends. It may be undone and done again, so it changes nothing else."""

BATCH = 64
LINGER_SECONDS = 0.002
CAPACITY = 4096
"""Pieces of work that may wait: at 2,000 a second they are two seconds, more than an instance should wait for an answer."""


@dataclass(slots=True)
class _Item:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    failure: BaseException | None = None


class Writer:
    """The one thread that writes to the database.

    After each commit `committed` is told the log's newest revision on the event loop, before those who wait for the commit.
    """

    def __init__(
        self,
        database: Database,
        *,
        capacity: int = CAPACITY,
        committed: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._failures: tuple[type[Exception], ...] = (StoreUnavailable, *database.errors)
        self._committed = committed
        self._capacity = capacity
        self._waiting: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._last_batch = 0
        self._begun = self._answered = 0
        self._settling: list[tuple[int, asyncio.Future[None]]] = []
        self._connection: Connection | None = None
        self._down = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, connection: Connection) -> None:
        """Begin with an open connection, which is the writer's from now on; called on the event loop that will ask."""
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._thread = threading.Thread(target=self._run, name="fleet-store-writer", daemon=True)
        self._thread.start()

    @property
    def down(self) -> bool:
        """Whether the last transaction failed because of the database."""
        return self._down

    async def submit(self, work: Work[T]) -> T:
        """Do `work` in a transaction; returns after its commit, in the order of commits.

        Raises:
            StoreUnavailable: too much is waiting, or the database failed; whether it was recorded may not be known.
        """
        if self._loop is None:
            raise StoreUnavailable("the database isn't open")
        future: asyncio.Future[T] = self._loop.create_future()
        with self._changed:
            if self._stopping:
                raise StoreUnavailable("the database is being closed")
            if len(self._waiting) >= self._capacity:
                raise StoreUnavailable(f"{len(self._waiting)} transactions are waiting for the database")
            self._waiting.append(_Item(work, future))
            self._changed.notify()
        return await future

    async def settled(self) -> None:
        """Return once everything that may have been committed so far has been answered, and whoever waited for it has gone on."""
        begun = self._begun
        if self._answered < begun:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._settling.append((begun, future))
            await future
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Finish what was accepted, then close the connection."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while batch := self._next_batch():
            self._answer(batch, self._commit(batch))
        if self._connection is not None:
            self._connection.close()

    def _next_batch(self) -> list[_Item]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            # Who is alone isn't kept waiting; a batch of several says that more are on their way.
            if self._last_batch > 1:
                self._changed.wait_for(lambda: len(self._waiting) >= BATCH or self._stopping, LINGER_SECONDS)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._begun += len(batch)
        self._last_batch = len(batch)
        return batch

    def _commit(self, batch: list[_Item]) -> int | None:
        """The log's newest revision after the commit; None if it failed."""
        try:
            connection = self._connection = self._connection or self._database.connect()
            revision = self._do_together(connection, batch)
            if revision is None:
                revision = self._do_apart(connection, batch)
        except self._failures as error:
            self._fail(batch, error)
            return None
        if self._down:
            logger.info("the database answers again")
        self._down = False
        return revision

    def _do_together(self, connection: Connection, batch: list[_Item]) -> int | None:
        """All pieces without savepoints, which cost as much again under load; None, and nothing done, if one of them failed."""
        moment = self._database.begin(connection)
        try:
            for item in batch:
                item.result = item.work(connection, moment)
        except Exception as error:
            if self._database.is_outage(error):
                raise
            connection.execute("ROLLBACK")
            return None
        return self._database.commit(connection)

    def _do_apart(self, connection: Connection, batch: list[_Item]) -> int:
        """Each piece in a savepoint of its own, so that those which fail harm no neighbour."""
        moment = self._database.begin(connection)
        for item in batch:
            connection.execute("SAVEPOINT piece")
            try:
                item.result = item.work(connection, moment)
            except Exception as error:
                if self._database.is_outage(error):
                    raise
                item.failure = error
                connection.execute("ROLLBACK TO piece")
            connection.execute("RELEASE piece")
        return self._database.commit(connection)

    def _fail(self, batch: list[_Item], error: Exception) -> None:
        # A new connection for the next batch: after a failed write nothing that this one believes about the file is worth keeping.
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if not self._down:
            logger.error("the database failed, and is tried again with each transaction: %s", error)
        self._down = True
        for item in batch:
            item.failure = StoreUnavailable(f"the database failed: {error}")

    def _answer(self, batch: list[_Item], revision: int | None) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._resolve, batch, revision)
        except RuntimeError:
            # The loop was closed over our head: nobody is left to be told.
            logger.debug("%d transactions were committed after the event loop had closed", len(batch))

    def _resolve(self, batch: list[_Item], revision: int | None) -> None:
        if revision is not None:
            self._committed(revision)
        for item in batch:
            if item.future.done():
                continue  # who asked has gone away; the work is done all the same
            if item.failure is not None:
                item.future.set_exception(item.failure)
            else:
                item.future.set_result(item.result)
        self._answered += len(batch)
        settled = [future for number, future in self._settling if number <= self._answered]
        self._settling = [(number, future) for number, future in self._settling if number > self._answered]
        for future in settled:
            if not future.done():
                future.set_result(None)
