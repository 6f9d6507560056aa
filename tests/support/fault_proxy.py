"""A proxy between a client and a real API server that misbehaves on command.

It ends the client's HTTP (or HTTPS, with a certificate of its own) and speaks to the API server with the credentials
of the configuration it was given. Everything passes unchanged until a test asks for a fault:

- `answer(...)`: the next matching requests get a canned answer and never reach the server
- `cut()`: every connection is reset and new ones are refused, until `restore()`
- `go_silent()`: open watches stay open but say nothing more, as when the peer is gone without a word; or those that match
- `stall()`: nothing is answered at all, until `restore()`
- `rewrite`: a function from one line of a watch to the lines that the client gets instead
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import ipaddress
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from update_kube import configuration, connections


@dataclasses.dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and "limit" in self.query


@dataclasses.dataclass
class _Answer:
    matches: Callable[[Seen], bool]
    times: int
    status: int
    headers: Mapping[str, str]
    body: str


class FaultProxy:
    """See the module. `url` is where to connect, `requests` everything that was asked, `watches` those open now."""

    def __init__(self, upstream: configuration.ClientConfig, *, tls: bool = False) -> None:
        self.requests: list[Seen] = []
        self.rewrite: Callable[[bytes], list[bytes]] = lambda line: [line]
        self.ca_data: str | None = None
        self.url = ""
        self._upstream = upstream
        self._tls = tls
        self._port = 0
        self._answers: list[_Answer] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._watches: dict[asyncio.Task[object], _Line] = {}
        self._clients: set[asyncio.Transport] = set()

    @property
    def config(self) -> configuration.ClientConfig:
        """What a client needs to connect to the proxy."""
        return configuration.ClientConfig(server=self.url, ca_data=self.ca_data, origin="the fault proxy")

    @property
    def watches(self) -> int:
        """How many watches are open and not silenced."""
        return sum(not line.silent for line in self._watches.values())

    @property
    def open(self) -> list[Seen]:
        """The requests of the watches that are open and not silenced."""
        return [line.seen for line in self._watches.values() if not line.silent]

    def count(self, matches: Callable[[Seen], bool]) -> int:
        """How many requests so far match."""
        return sum(map(matches, self.requests))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FaultProxy]:
        self._context = _self_signed(self) if self._tls else None
        identity = await self._upstream.credentials.identity()
        self._headers = {"Authorization": identity.authorization} if identity.authorization else {}
        upstream = connections.Connections(self._upstream, identity)
        async with contextlib.AsyncExitStack() as stack:
            # Of the code under test only how connections are opened and closed: it leaves no socket behind.
            stack.push_async_callback(upstream.close)
            self._connections = upstream
            self._runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.1)
            await self._runner.setup()
            await self._listen()
            scheme = "https" if self._tls else "http"
            self.url = f"{scheme}://127.0.0.1:{self._port}"
            try:
                yield self
            finally:
                self._flowing.set()
                self._end_watches()
                await self._runner.cleanup()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._context, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    # Faults

    def answer(
        self,
        status: int,
        body: str = "",
        *,
        matches: Callable[[Seen], bool] = lambda _seen: True,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """The next `times` matching requests get this answer."""
        self._answers.append(_Answer(matches, times, status, headers or {}, body))

    def pass_on(self) -> None:
        """Forget the answers that `answer` has left."""
        self._answers.clear()

    async def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        await self._site.stop()
        for transport in list(self._clients):
            transport.abort()
        self._end_watches()

    async def restore(self) -> None:
        """End `cut` and `stall`."""
        self._flowing.set()
        if not self._runner.sites:
            await self._listen()

    def reset_watches(self, matches: Callable[[Seen], bool] = lambda _seen: True) -> None:
        """Reset the connections of the watches, or of those that match; everything else goes on."""
        for task, line in list(self._watches.items()):
            if matches(line.seen):
                line.transport.abort()
                task.cancel()

    def end_watches(self) -> None:
        """End the watches as the server does when their time is up."""
        for line in self._watches.values():
            line.ended.set()

    def go_silent(self, matches: Callable[[Seen], bool] = lambda _seen: True) -> None:
        """The watches that are open now (or those that match) say nothing more, and don't end; what they would have said is lost."""
        for line in self._watches.values():
            line.silent = line.silent or matches(line.seen)

    def stall(self) -> None:
        """Take requests and answer none of them."""
        self._flowing.clear()

    def inject(self, line: bytes, matches: Callable[[Seen], bool] = lambda _seen: True) -> None:
        """Say this in every open watch, or in those that match."""
        for open_line in self._watches.values():
            if matches(open_line.seen):
                open_line.injected.put_nowait(line)

    def _end_watches(self) -> None:
        for task in list(self._watches):
            task.cancel()

    # Passing through

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(request.method, request.path, dict(request.query))
        self.requests.append(seen)
        if request.transport is not None:
            self._clients.add(request.transport)
        await self._flowing.wait()
        for canned in self._answers:
            if canned.times > 0 and canned.matches(seen):
                canned.times -= 1
                return web.Response(
                    status=canned.status, headers=canned.headers, text=canned.body, content_type="application/json"
                )
        headers = {
            name: value for name, value in request.headers.items() if name in {"Accept", "Content-Type", "User-Agent"}
        } | {"Accept-Encoding": "identity"}
        content = await request.read()
        async with await self._connections.request(
            request.method,
            self._upstream.server + request.raw_path,
            headers | self._headers,
            json.loads(content) if content else None,
            aiohttp.ClientTimeout(total=None),
        ) as answer:
            if seen.is_watch and answer.status == 200:
                return await self._stream(request, answer, seen)
            return web.Response(
                status=answer.status, body=await answer.read(), headers={"Content-Type": answer.content_type}
            )

    async def _stream(self, request: web.BaseRequest, answer: aiohttp.ClientResponse, seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        task, transport = asyncio.current_task(), request.transport
        assert task is not None
        assert transport is not None
        line = self._watches[task] = _Line(transport, seen)
        try:
            async for chunk in line.follow(answer.content):
                for out in self.rewrite(chunk):
                    if out and not line.silent:
                        await response.write(out)
            if line.silent:
                await asyncio.Event().wait()
        finally:
            del self._watches[task]
        return response


class _Line:
    """One open watch."""

    def __init__(self, transport: asyncio.Transport, seen: Seen) -> None:
        self.transport = transport
        self.seen = seen
        self.silent = False
        self.ended = asyncio.Event()
        self.injected: asyncio.Queue[bytes] = asyncio.Queue()

    async def follow(self, content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
        """The server's lines and the injected ones, until the server or `ended` ends it."""
        sources = {
            "server": asyncio.ensure_future(content.readline()),
            "injected": asyncio.ensure_future(self.injected.get()),
            "ended": asyncio.ensure_future(self.ended.wait()),
        }
        try:
            while True:
                await asyncio.wait(sources.values(), return_when=asyncio.FIRST_COMPLETED)
                if sources["injected"].done():
                    yield sources["injected"].result()
                    sources["injected"] = asyncio.ensure_future(self.injected.get())
                if sources["server"].done():
                    text = sources["server"].result()
                    if not text:
                        return
                    yield text
                    sources["server"] = asyncio.ensure_future(content.readline())
                if sources["ended"].done():
                    return
        finally:
            for source in sources.values():
                source.cancel()


def _self_signed(proxy: FaultProxy) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that is its own CA; the proxy's `ca_data` is what to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fault proxy")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    proxy.ca_data = certificate.public_bytes(serialization.Encoding.PEM).decode()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "proxy.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + proxy.ca_data.encode())
        context.load_cert_chain(file)
    return context
