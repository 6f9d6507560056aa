"""How are several ports served by one process, on one event loop, and ended without cutting off an answer?"""

import contextlib
import errno
import functools
import socket
from collections.abc import Generator
from typing import Any

import uvicorn

from omaha_api.fleet_api import tls
from omaha_api.fleet_api.serving_certificate import ServingCertificate
from omaha_api.settings import Address

_BACKLOG = 2048

_PROXY_KEEP_ALIVE_SECONDS = 120
"""Longer than kube-apiserver keeps a connection that it doesn't use (90 s): else a request may meet one that is being closed."""


class PortError(Exception):
    """An address can't be listened on; the text names it and says why."""


class PortServer(uvicorn.Server):
    """A server among others of one process: signals are the process's affair."""

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


def server(app: Any, *, shutdown_timeout_seconds: int) -> PortServer:
    """A server of an ASGI application: httptools on the loop that runs, no logging per request, no server header."""
    return PortServer(_config(app, shutdown_timeout_seconds, http="httptools"))


def tls_server(
    app: Any, *, certificate: ServingCertificate, shutdown_timeout_seconds: int, head_seconds: float = 30.0
) -> PortServer:
    """The same over TLS, asking clients for a certificate; each request's scope has the ASGI TLS extension.

    `head_seconds`: how long a connection may take to its first request, and a request to the end of its headers.
    """
    return PortServer(
        _config(
            app,
            shutdown_timeout_seconds,
            http=functools.partial(tls.Protocol, head_seconds=head_seconds),
            ssl_context_factory=lambda _config, _default: tls.AnyClientContext(certificate),
            timeout_keep_alive=_PROXY_KEEP_ALIVE_SECONDS,
        )
    )


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
