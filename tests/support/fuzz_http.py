"""What must hold for whatever comes over a connection? Bytes are given to the protocol of the public port as a socket would.

In one piece and in many, which must make no difference; nothing may raise, no answer be cut off or out of order, or a server error.
"""

import asyncio
from typing import Any

from uvicorn.server import ServerState

from omaha_api import serving
from support import public_port

_ROUNDS = 8
"""Turns of the event loop between two pieces: what waits for nothing else is done by then."""

_MOST_PIECES = 40
_COMPARED_BYTES = 20_000
"""How much of a head is held, and so when it is refused, depends on its pieces beyond."""


class _Transport(asyncio.Transport):
    """Remembers what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False
        self.ended = False

    def write(self, data: Any) -> None:
        if self.ended:
            raise RuntimeError("written after its end")
        if not self.closed:
            self.sent += data

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class Wire:
    """Connections to an application."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any) -> None:
        self._loop = loop
        self._app = app
        self._raised: list[Exception] = []
        self._config = serving.server(self._listened, shutdown_timeout_seconds=1).config
        self._config.load()

    def speak(self, data: bytes) -> None:
        """A client that says this, the first byte of which is how much of it comes at a time, and then closes its half."""
        piece, said = data[:1], data[1:]
        # The answer to a HEAD announces a body that doesn't come: where it ends can't be told.
        if b"HEAD " in said:
            return
        whole = self._loop.run_until_complete(self._exchange([said]))
        _check(whole)
        if piece and piece[0] and len(said) < _COMPARED_BYTES:
            size = max(piece[0], len(said) // _MOST_PIECES)
            pieces = [said[start : start + size] for start in range(0, len(said), size)]
            parts = self._loop.run_until_complete(self._exchange(pieces))
            _check(parts)
            # An answer that didn't wait for the body comes before what is wrong with it is heard, and is the last one.
            if any(one != other for one, other in zip(_statuses(whole), _statuses(parts), strict=False)):
                raise AssertionError(f"in one piece {whole!r}, in pieces of {piece[0]} {parts!r}")

    async def _listened(self, scope: Any, receive: Any, send: Any) -> None:
        # uvicorn would make a server error of it, and say no more.
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._raised.append(error)
            raise

    async def _exchange(self, pieces: list[bytes]) -> bytes:
        state, transport, errors = ServerState(), _Transport(), list[Any]()
        self._loop.set_exception_handler(lambda _loop, context: errors.append(context))
        protocol: Any = self._config.http_protocol_class(
            config=self._config, server_state=state, app_state={}, _loop=self._loop
        )
        protocol.connection_made(transport)
        for piece in pieces:
            if transport.closed:
                break
            protocol.data_received(piece)
            await self._turns()
        if not transport.closed and not protocol.eof_received():
            transport.close()
        await self._turns()
        protocol.connection_lost(None)
        await self._turns()
        if self._raised:
            raise self._raised.pop()
        if state.tasks or errors:
            raise AssertionError(f"left behind: {state.tasks}, {errors}")
        return transport.sent

    async def _turns(self) -> None:
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)


def _check(sent: bytes) -> None:
    for reply in public_port.replies(sent):
        if reply.status >= 500:
            raise AssertionError(f"{reply.status} {reply.body!r}")


def _statuses(sent: bytes) -> list[int]:
    replies = public_port.replies(sent)
    return [reply.status for reply in replies if not reply.body.startswith(b"Invalid HTTP")]
