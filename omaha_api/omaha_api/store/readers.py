"""How is the database read without standing in the writer's way? A few connections, each used by one thread at a time."""

import asyncio
import contextlib
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from omaha_api.store.database import Connection, Database
from update_core.fleet.store import StoreUnavailable

T = TypeVar("T")

READERS = 2


class Readers:
    """Reads what is committed, each read from one state of the database."""

    def __init__(self, database: Database, count: int = READERS) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix="fleet-store-reader")
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._closed = False

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one read transaction.

        Raises:
            StoreUnavailable: the database can't be read.
        """
        if self._closed:
            raise StoreUnavailable("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    async def close(self) -> None:
        """Finish what was begun, then close the connections."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._forget_idle()

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._open()
        try:
            self._database.begin_reading(connection)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            connection.close()
            if self._database.is_outage(error):
                # What ended this one has ended the others too: each of them would fail one more read.
                self._forget_idle()
                raise StoreUnavailable(f"the database can't be read: {error}") from error
            raise
        self._idle.put(connection)
        return result

    def _forget_idle(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def _open(self) -> Connection:
        try:
            return self._database.connect_reader()
        except self._database.errors as error:
            raise StoreUnavailable(f"the database can't be opened: {error}") from error
