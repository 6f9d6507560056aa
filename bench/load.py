"""How is a server loaded? As fast as it answers, by wrk; or at a given rate, whether it answers or not, to see how long answers take."""

import asyncio
import gc
import json
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

CONNECTIONS = 16

_SCRIPT = Path(__file__).with_name("bodies.lua")
_LENGTH = re.compile(rb"content-length: (\d+)\r\n")
_TICK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Answered:
    """What a closed loop got: each connection sends its next request when it has the answer to the last."""

    count: int
    per_second: float


def write_requests(path: Path, requests: Sequence[bytes]) -> None:
    """The file that `closed_loop` sends from."""
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%010d" % len(request) + request)


def closed_loop(port: int, requests: Path, *, seconds: int, first: int = 0) -> Answered:
    """Send the requests of a file in turn, beginning after the `first`, for some seconds; ends the program if any fails."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("wrk isn't installed (Debian: apt-get install wrk)")
    command = [
        wrk, "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", f"--script={_SCRIPT}",
        f"http://127.0.0.1:{port}", "--", str(requests), str(first),
    ]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    counted = json.loads(said.rstrip().rpartition("\n")[2])
    if counted["failed"]:
        sys.exit(f"{counted['failed']} of {counted['answered']} requests failed")
    return Answered(counted["answered"], counted["answered"] / counted["microseconds"] * 1e6)


class _Run:
    """The answers of an open loop."""

    def __init__(self, total: int) -> None:
        self._total = total
        self.took: list[float] = []
        self.failed = False
        self.ended = asyncio.Event()

    def answered(self, seconds: float, head: bytes) -> None:
        """Note down an answer, and how long it took."""
        self.took.append(seconds)
        self.failed |= not head.startswith(b"HTTP/1.1 200")
        if len(self.took) == self._total:
            self.ended.set()

    def lost(self) -> None:
        """A connection was closed."""
        self.failed |= len(self.took) < self._total
        self.ended.set()


class _Connection(asyncio.Protocol):
    """One keep-alive connection, with the requests that are due on it and when they were."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._due: deque[tuple[float, bytes]] = deque()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, due: float, request: bytes) -> None:
        """Send a request that is due; while another is answered it waits, and its time counts from when it was due."""
        self._due.append((due, request))
        if len(self._due) == 1:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not separator or length is None or len(body) < int(length[1]):
            return
        self._buffer = b""
        due, _ = self._due.popleft()
        self._run.answered(self._loop.time() - due, head)
        if self._due:
            self._transport.write(self._due[0][1])

    def connection_lost(self, _error: Exception | None) -> None:
        self._run.lost()

    def close(self) -> None:
        """The end."""
        self._transport.close()


async def open_loop(port: int, requests: Sequence[bytes], *, per_second: float, seconds: float) -> list[float]:
    """Seconds from when each request was due to its answer, at a constant rate; ends the program if any fails."""
    loop = asyncio.get_running_loop()
    total = max(1, int(per_second * seconds))
    run = _Run(total)
    made = [await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port) for _ in range(4 * CONNECTIONS)]
    connections = [connection for _, connection in made]
    gc.disable()  # its pauses would be taken for the server's
    begun, sent = loop.time(), 0
    while sent < total and not run.ended.is_set():
        due = min(total, int((loop.time() - begun) * per_second) + 1)
        for number in range(sent, due):
            connections[number % len(connections)].send(begun + number / per_second, requests[number % len(requests)])
        sent = max(sent, due)
        await asyncio.sleep(_TICK_SECONDS)
    async with asyncio.timeout(20):
        await run.ended.wait()
    gc.enable()
    if run.failed:
        sys.exit(f"of {total} requests only {len(run.took)} were answered, or some not with 200")
    for connection in connections:
        connection.close()
    return run.took


def post(path: str, body: bytes, content_type: str = "text/xml") -> bytes:
    """A request as clients send it, headers and all."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
