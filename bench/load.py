"""A small closed-loop load generator: a few connections, each sends its next request when it has the answer to the last."""

import asyncio
import time
from typing import cast


class Connection(asyncio.Protocol):
    """One keep-alive connection; the requests go round, each begun by the answer to the one before."""

    def __init__(self, requests: list[bytes], offset: int, ends: float, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._next = offset
        self._ends = ends
        self._done = done
        self._buffer = b""
        self.answered = 0
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count the answer once it is whole, and ask again."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._buffer = b""
        self.answered += 1
        if not head.startswith(b"HTTP/1.1 200"):
            self.failed += 1
        if time.monotonic() < self._ends:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        """The end, whoever wanted it."""
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


async def drive(port: int, requests: list[bytes], *, seconds: float, connections: int = 16) -> tuple[int, int]:
    """Requests that were answered within `seconds`, and those of them that failed."""
    loop = asyncio.get_running_loop()
    ends = time.monotonic() + seconds
    opened: list[Connection] = []
    waits = []
    for number in range(connections):
        done = loop.create_future()
        offset = number * len(requests) // connections
        _, connection = await loop.create_connection(
            lambda offset=offset, done=done: Connection(requests, offset, ends, done), "127.0.0.1", port
        )
        opened.append(connection)
        waits.append(done)
    async with asyncio.timeout(seconds + 20):
        await asyncio.gather(*waits)
    return sum(c.answered for c in opened), sum(c.failed for c in opened)


def post(path: str, body: bytes) -> bytes:
    """A request as clients send it."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
