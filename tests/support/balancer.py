"""A balancer in front of several replicas: each new connection goes to the next of them, as behind a Service."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence

_CHUNK = 65536


@contextlib.contextmanager
def running(ports: Sequence[int]) -> Iterator[int]:
    """Take turns between the ports of this machine, for the block; gives the port to connect to."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="balancer", daemon=True)
    thread.start()
    balancer = _Balancer(ports)
    try:
        yield asyncio.run_coroutine_threadsafe(balancer.start(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(balancer.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


class _Balancer:
    def __init__(self, ports: Sequence[int]) -> None:
        self._turns = itertools.cycle(ports)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", next(self._turns))
                await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))
        finally:
            self._open.discard(task)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
    finally:
        sink.close()
