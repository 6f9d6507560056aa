"""How is the database read without standing in the writer's way? A few connections, each used by one thread at a time."""

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from omaha_api.store import connections
from update_core.fleet.store import StoreUnavailable

T = TypeVar("T")

READERS = 2


class Readers:
    """Reads what is committed, each read from one state of the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="fleet-store-reader")
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._closed = False

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
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
        while not self._idle.empty():
            self._idle.get().close()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._open()
        try:
            connection.execute("BEGIN")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            connection.close()
            if connections.is_outage(error):
                raise StoreUnavailable(f"the database can't be read: {error}") from error
            raise
        self._idle.put(connection)
        return result

    def _open(self) -> sqlite3.Connection:
        try:
            return connections.connect_reader(self._path)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database can't be opened: {error}") from error
