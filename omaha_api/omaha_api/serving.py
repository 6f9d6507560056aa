"""How are several ports served by one process, on one event loop, and ended without cutting off an answer?"""

import contextlib
import errno
import functools
import resource
import socket
import time
from collections.abc import Generator
from typing import Any

import uvicorn

from omaha_api import http_protocols, patience
from omaha_api.fleet_api.front import tls
from omaha_api.fleet_api.front.serving_certificate import ServingCertificate
from omaha_api.settings import Address

_BACKLOG = 2048

_PROXY_KEEP_ALIVE_SECONDS = 120
"""Longer than kube-apiserver keeps a connection that it doesn't use (90 s): else a request may meet one that is being closed."""


_OTHER_FILES = 256
"""Open files that aren't connections to the public port: the store's, watches, the other ports' connections."""

_TICK_SECONDS = 0.1
"""How often uvicorn's server looks around."""

_PROTOCOLS = {"httptools": http_protocols.HttpTools, "h11": http_protocols.H11}


class PortError(Exception):
    """An address can't be listened on; the text names it and says why."""


class PortServer(uvicorn.Server):
    """A server among others of one process: signals are the process's affair. It looks after its connections."""

    def __init__(self, config: uvicorn.Config, *, look_every_seconds: float) -> None:
        super().__init__(config)
        self._look_every_ticks = max(1, round(look_every_seconds / _TICK_SECONDS))

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: end what has waited for too long, now and then."""
        if counter % self._look_every_ticks == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, patience.Patient):
                    connection.lose_patience(now)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield


def listen(address: Address, flag: str) -> socket.socket:
    """A socket bound to the address.

    Raises:
        PortError: it is in use, or can't be had.
    """
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortError(f"{flag} {address} can't be listened on: {error.strerror}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(target)
        # Now, not when the server starts: two processes can both bind a port that neither listens on.
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        why = "another process listens there" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise PortError(f"{flag} {address} can't be listened on: {why}") from error
    return bound


def affordable(connections: int) -> int:
    """How many of so many connections the process may have, once its limit of open files is what it is allowed to be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Where it is low it is for programs that use select(), which this one doesn't: 1,000 idle clients would use it up.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    allowed = connections if soft == resource.RLIM_INFINITY else soft - _OTHER_FILES
    return max(1, min(connections, allowed))


def server(
    app: Any, *, shutdown_timeout_seconds: int, http: str = "httptools", limits: patience.Patience | None = None
) -> PortServer:
    """A server of an ASGI application: on the loop that runs, no logging per request, no server header. `http`: httptools or h11."""
    limits = limits or patience.Patience()
    protocol = functools.partial(_PROTOCOLS[http], patience=limits)
    return _server(_config(app, shutdown_timeout_seconds, http=protocol), limits)


def tls_server(
    app: Any, *, certificate: ServingCertificate, shutdown_timeout_seconds: int, head_seconds: float = 30.0
) -> PortServer:
    """The same over TLS, asking clients for a certificate; each request's scope has the ASGI TLS extension.

    `head_seconds`: how long a connection may take to its first request, and a request to the end of its headers.
    """
    # Watches are answers without an end.
    limits = patience.Patience(
        head_seconds=head_seconds, answer_seconds=None, idle_seconds=2.0 * _PROXY_KEEP_ALIVE_SECONDS
    )
    config = _config(
        app,
        shutdown_timeout_seconds,
        http=functools.partial(tls.Protocol, patience=limits),
        ssl_context_factory=lambda _config, _default: tls.AnyClientContext(certificate),
        timeout_keep_alive=_PROXY_KEEP_ALIVE_SECONDS,
    )
    return _server(config, limits)


def _server(config: uvicorn.Config, limits: patience.Patience) -> PortServer:
    # A tenth of the shortest wait is how much longer it may get.
    shortest = min(limits.head_seconds, limits.linger_seconds, limits.body_seconds, limits.answer_seconds or 10.0)
    return PortServer(config, look_every_seconds=min(1.0, shortest / 10))


def _config(app: Any, shutdown_timeout_seconds: int, **special: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=shutdown_timeout_seconds,
        **special,
    )
