"""Who waits for something new in the log is woken by the commit that brings it."""

import asyncio

from update_core.fleet.store import StoreUnavailable


class Waiting:
    """Those who wait, on the event loop of the store."""

    def __init__(self) -> None:
        self._latest = 0
        self._futures: set[asyncio.Future[None]] = set()
        self._closed = True

    def open(self, latest: int) -> None:
        """Begin with the newest revision that is committed."""
        self._latest = latest
        self._closed = False

    def committed(self, latest: int) -> None:
        """Wake them if the newest revision is another now."""
        if latest <= self._latest:
            return
        self._latest = latest
        for future in self._futures:
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """Nothing will be committed any more."""
        self._closed = True
        for future in self._futures:
            if not future.done():
                future.set_exception(StoreUnavailable("the database is being closed"))

    async def beyond(self, revision: int) -> None:
        """Return as soon as a later revision is committed.

        Raises:
            StoreUnavailable: the database isn't open, or is closed meanwhile.
        """
        while self._latest <= revision:
            if self._closed:
                raise StoreUnavailable("the database isn't open")
            future = asyncio.get_running_loop().create_future()
            self._futures.add(future)
            try:
                await future
            finally:
                self._futures.discard(future)
