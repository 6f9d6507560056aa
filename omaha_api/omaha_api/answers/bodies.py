"""What did the client send? A request's body, read within bounds of size, time and form before anything looks into it."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from update_core.omaha import limits
from update_core.omaha.errors import BadRequest

Receive = Any
"""ASGI's receive callable; uvicorn gives no narrower type that costs nothing."""


_MOST_DIGITS = 19
"""More have no meaning as a length."""


class Disconnected(Exception):  # noqa: N818 - the client is gone: nobody is left to tell of an error
    """The client hung up before its request was whole."""


def check_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse by the head alone what the body could only confirm.

    Raises:
        BadRequest: 415 for an encoded body, 413 for one that says it is too large.
    """
    for name, value in headers:
        # A body of 64 KiB can decode to anything: no client of these protocols compresses its request.
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise BadRequest("a request body with a Content-Encoding is not accepted", http_status=415)
        if name == b"content-length" and _is_too_large(value):
            raise BadRequest(f"the request is larger than {limits.MAX_BODY_BYTES} bytes", http_status=413)


def _is_too_large(length: bytes) -> bool:
    # The server takes digits only; how many of them int() would take isn't for the client to find out.
    return len(length) > _MOST_DIGITS or not length.isdigit() or int(length) > limits.MAX_BODY_BYTES


class Bodies:
    """Reads bodies, none for longer than `timeout_seconds`.

    A timer for each would cost as much as looking for the answer. So the readings are noted down, and one task goes through the notes.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()

    async def read(self, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            BadRequest: 413 if it is too large, 408 if it didn't arrive in time.
            Disconnected: the client hung up.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a body is read by a task")
        self._begun[task] = time.monotonic()
        try:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                return _bounded(message.get("body", b""))
            return await _read_on(message, receive)
        except asyncio.CancelledError:
            if task not in self._overdue or task.uncancel() > 0:
                raise
            raise BadRequest("the request's body didn't arrive in time", http_status=408) from None
        finally:
            del self._begun[task]
            self._overdue.discard(task)

    async def run(self) -> None:
        """End readings that take too long, until cancelled."""
        while True:
            await asyncio.sleep(min(1.0, self._timeout_seconds / 2))
            latest = time.monotonic() - self._timeout_seconds
            for task, begun in self._begun.items():
                if begun <= latest and task not in self._overdue:
                    self._overdue.add(task)
                    task.cancel()


def _bounded(body: bytes) -> bytes:
    if len(body) > limits.MAX_BODY_BYTES:
        raise BadRequest(f"the request is larger than {limits.MAX_BODY_BYTES} bytes", http_status=413)
    return body


async def _read_on(message: Mapping[str, Any], receive: Receive) -> bytes:
    body = b""
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        # Counted as it comes: a chunked body doesn't say its size, and must not be held to find out.
        body = _bounded(body + message.get("body", b""))
        if not message.get("more_body", False):
            return body
        message = await receive()
