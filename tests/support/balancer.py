"""A balancer in front of several replicas: each request goes to the next of them, also of those on one connection."""

import asyncio
import contextlib
import itertools
import re
import threading
from collections.abc import Iterator, Sequence

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


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
        self._ports = ports
        self._turns = itertools.cycle(range(len(ports)))
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
            async with contextlib.AsyncExitStack() as ends:
                ends.callback(writer.close)
                upstream = []
                for port in self._ports:
                    upstream.append(await asyncio.open_connection("127.0.0.1", port))
                    ends.callback(upstream[-1][1].close)
                while True:
                    request = await _message(reader)
                    answering, asking = upstream[next(self._turns)]
                    asking.write(request)
                    writer.write(await _message(answering))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # One side has closed the connection: so does the other.
            pass
        finally:
            self._open.discard(task)


async def _message(source: asyncio.StreamReader) -> bytes:
    """A request or a response that says how long its body is."""
    head = await source.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + (await source.readexactly(int(length[1])) if length else b"")
