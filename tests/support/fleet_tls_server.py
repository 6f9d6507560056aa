"""The fleet API's port around a small application: real sockets, real TLS, on a thread and an event loop of its own."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

from omaha_api import clock, serving, settings
from omaha_api.fleet_api.front import front_proxy, serving_certificate
from support import front_proxies, waiting

NAME = "front-proxy-client"
ADA = {"X-Remote-User": "ada"}


class FleetPort:
    """A port, and the authorities that its clients and its own certificate come from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proxies = front_proxies.Authority("front-proxy")
        self.servers = front_proxies.Authority("servers")
        self.certificate, self.key = self.new_serving_certificate()
        self.front_proxy = front_proxy.FrontProxy(clock.utc_now)
        self.front_proxy.follow(front_proxies.configmap(self.proxies))
        self.port = 0
        self.server: serving.PortServer | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.unfinished = threading.Semaphore(0)

    def new_serving_certificate(self) -> tuple[Path, Path]:
        """Put a new pair where the port reads its own."""
        return self.servers.issue("fleet", usage=front_proxies.FOR_SERVERS).write(self.folder, "serving")

    def context(self, issued: front_proxies.Issued | None) -> ssl.SSLContext:
        """For a client with this certificate."""
        return front_proxies.client_context(self.servers, self.folder, issued)

    def connect(self, issued: front_proxies.Issued | None) -> http.client.HTTPSConnection:
        """A connection whose handshake is done."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.context(issued))
        connection.connect()
        return connection

    def socket(self, issued: front_proxies.Issued | None) -> ssl.SSLSocket:
        """The same, to write to by hand."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.context(issued).wrap_socket(plain, server_hostname="127.0.0.1")

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """/whoami, /digest (of what is posted), /zeros/<bytes>."""
        path = scope["path"]
        if path.startswith("/zeros/"):
            await self._zeros(int(path.removeprefix("/zeros/")), send)
            return
        digest, size, more = hashlib.sha256(), 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.unfinished.release()
                return
            digest.update(message["body"])
            size += len(message["body"])
            more = message["more_body"]
        user, tls = scope["state"]["user"], scope["extensions"]["tls"]
        answer = {
            "user": user.name, "groups": user.groups, "extra": user.extra, "size": size, "sha256": digest.hexdigest(),
            "certificate": tls["client_cert_name"], "error": tls["client_cert_error"], "version": tls["tls_version"],
        }  # fmt: skip
        body = json.dumps(answer).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    async def _zeros(self, size: int, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        while size:
            piece = min(size, 100_000)
            size -= piece
            await send({"type": "http.response.body", "body": bytes(piece), "more_body": size > 0})


@contextlib.contextmanager
def serve(
    folder: Path,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    *,
    head_seconds: float = 30.0,
) -> Iterator[FleetPort]:
    """A port that is served until the end of the block."""
    port = FleetPort(folder)
    own = serving_certificate.ServingCertificate(port.certificate, port.key)
    listening = serving.listen(settings.Address("127.0.0.1", 0), "--fleet-listen")
    port.port = listening.getsockname()[1]
    port.server = serving.tls_server(
        front_proxy.Authentication(port.app, port.front_proxy),
        certificate=own,
        shutdown_timeout_seconds=1,
        head_seconds=head_seconds,
    )
    port.loop = loop_factory()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: port.loop) as runner:
            runner.run(port.server.serve(sockets=[listening]))

    thread = threading.Thread(target=run, name="fleet port")
    thread.start()
    try:
        waiting.until(lambda: port.server.started, "the port is served")
        yield port
    finally:
        port.server.should_exit = True
        thread.join(20)
        listening.close()


def ask(connection: http.client.HTTPSConnection, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """GET /whoami on an open connection: status and JSON."""
    connection.request("GET", "/whoami", headers=ADA if headers is None else headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())
