"""The public port on a real socket, as it is served, around a service inside the test; and a client that sends bytes as they are.

The service runs in a thread with an event loop of its own. A test looks into it through `call`, which runs there.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

from omaha_api import patience, serving, settings
from support import omaha_fleet, waiting
from support.omaha_service import OmahaService, Reply
from support.scripted_store import ScriptedStore

SECONDS = 30.0
"""How long a test waits for what must come."""


class PublicPort:
    """A service that is served."""

    omaha: OmahaService
    store: ScriptedStore
    server: serving.PortServer
    loop: asyncio.AbstractEventLoop
    port: int

    def call(self, what: Callable[[], Any]) -> Any:
        """What it gives, on the service's own thread."""

        async def called() -> Any:
            return what()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(SECONDS)

    def wait_until(self, condition: Callable[[], Any], saying: str) -> None:
        """Until the condition holds in the service."""
        waiting.until(lambda: self.call(condition), saying)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS, source_address=(source, 0))

    def exchange(self, *pieces: bytes, shut: bool = False, source: str = "127.0.0.1") -> bytes:
        """All that comes back for these bytes, until the service ends the connection; `shut` closes the sending half first."""
        with self.connect(source) as client:
            for piece in pieces:
                client.sendall(piece)
            if shut:
                client.shutdown(socket.SHUT_WR)
            return received(client)

    def ask(
        self,
        body: bytes,
        *headers: bytes,
        method: bytes = b"POST",
        target: bytes = b"/v1/update/",
        source: str = "127.0.0.1",
    ) -> Reply:
        """One request on a connection of its own."""
        asked = request(body, b"Connection: close", *headers, method=method, target=target)
        (reply,) = replies(self.exchange(asked, source=source))
        return reply


@contextlib.contextmanager
def served(
    http: str = "httptools",
    *,
    limits: patience.Patience | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    cup_keys_dir: Path | None = None,
    **chosen: Any,
) -> Iterator[PublicPort]:
    """APP_ID's service, until the end of the block. `chosen` are settings."""
    port = PublicPort()
    listening = serving.listen(settings.Address("127.0.0.1", 0), "--listen")
    port.port = listening.getsockname()[1]
    started = threading.Event()

    async def serve() -> None:
        port.loop = asyncio.get_running_loop()
        port.store = ScriptedStore()
        port.omaha = OmahaService(port.store, cup_keys_dir=cup_keys_dir, **{"body_timeout_seconds": SECONDS, **chosen})
        await port.omaha.start(omaha_fleet.fleet(omaha_fleet.APP_ID))
        port.server = serving.server(port.omaha.service.public, shutdown_timeout_seconds=5, http=http, limits=limits)
        slow = asyncio.create_task(port.omaha.service.bodies.run())
        started.set()
        await port.server.serve(sockets=[listening])
        slow.cancel()

    def run() -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="public port")
    thread.start()
    try:
        assert started.wait(SECONDS)
        waiting.until(lambda: port.server.started, "the port is served")
        yield port
    finally:
        port.server.should_exit = True
        thread.join(SECONDS)
        listening.close()
        assert not thread.is_alive()


def request(
    body: bytes,
    *headers: bytes,
    method: bytes = b"POST",
    target: bytes = b"/v1/update/",
    version: bytes = b"1.1",
    length: bool = True,
) -> bytes:
    """A request as bytes, with the body's length unless told otherwise."""
    lines = [b"%b %b HTTP/%b" % (method, target, version), b"Host: updates.example", *headers]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def chunked(*pieces: bytes, trailers: bytes = b"") -> bytes:
    """A body in chunks."""
    return b"".join([b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]) + b"0\r\n" + trailers + b"\r\n"


def received(client: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def read_reply(client: socket.socket) -> Reply:
    """The next answer on a connection that goes on; it must not have more than one waiting."""
    data = b""
    while True:
        piece = client.recv(65536)
        assert piece, f"the connection ended after {data!r}"
        data += piece
        head, end, body = data.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            (reply,) = replies(data)
            return reply


def replies(data: bytes) -> list[Reply]:
    """The answers that these bytes are: whole ones, and nothing after them."""
    found = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, f"half an answer: {head!r}"
        status, *lines = head.split(b"\r\n")
        headers = dict(line.decode().lower().split(": ", 1) for line in lines)
        length = _length(head)
        body, data = data[:length], data[length:]
        assert len(body) == length, f"half a body: {body!r}"
        found.append(Reply(int(status.split()[1]), headers, body))
    return found


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
