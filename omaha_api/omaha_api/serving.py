"""How are two ports served by one process, on one event loop, and ended without cutting off an answer?"""

import contextlib
import errno
import socket
from collections.abc import Generator
from typing import Any

import uvicorn

from omaha_api.settings import Address

_BACKLOG = 2048


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
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=shutdown_timeout_seconds,
    )
    return PortServer(config)
