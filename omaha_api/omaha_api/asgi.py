"""The public port: Omaha and nothing else, as a plain ASGI callable.

Bytes in, bytes out, the one place that maps what went wrong to an HTTP status. No framework stands in front of it: a route of one costs
more than the whole answer.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from omaha_api import bodies, metrics
from omaha_api.checks import Checks
from update_core.fleet.store import StoreUnavailable
from update_core.omaha import xml30
from update_core.omaha.errors import BadRequest

Scope = MutableMapping[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

PATHS = frozenset({"/v1/update", "/v1/update/"})
"""Both answer directly: clients of the CoreOS line turn a POST into a GET when they follow a redirect."""

RETRY_AFTER_SECONDS = 10

_XML = b"text/xml; charset=utf-8"
_TEXT = b"text/plain; charset=utf-8"
_RETRY_AFTER = (b"retry-after", str(RETRY_AFTER_SECONDS).encode())
_CLOSE = (b"connection", b"close")

Headers = tuple[tuple[bytes, bytes], ...]


class PublicApp:
    """The ASGI application of the public port."""

    def __init__(
        self, checks: Checks, *, ready: Callable[[], bool], tally: metrics.Tally, received: bodies.Bodies
    ) -> None:
        self._checks = checks
        self._ready = ready
        self._tally = tally
        self._bodies = received

    async def __call__(self, scope: Scope, receive: bodies.Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        if scope["path"] not in PATHS:
            status = await _say(send, 404, "there is nothing here; Omaha requests go to /v1/update/")
        elif scope["method"] != "POST":
            status = await _say(send, 405, "only POST is answered here", ((b"allow", b"POST"),))
        elif not self._ready():
            status = await _say(send, 503, "the service isn't ready yet", (_RETRY_AFTER,))
        else:
            status = await self._update(scope, receive, send)
        self._tally.request(status, time.perf_counter() - started)

    async def _update(self, scope: Scope, receive: bodies.Receive, send: Send) -> int:
        try:
            bodies.check_headers(scope["headers"])
            request = xml30.read_request(await self._bodies.read(receive))
            answer = xml30.write_response(await self._checks.answer(request))
        except BadRequest as error:
            # What follows of a body that was not read to its end isn't a next request.
            return await _say(send, error.http_status, error.reason, () if error.http_status == 400 else (_CLOSE,))
        except StoreUnavailable:
            return await _say(send, 503, "the event can't be recorded now", (_RETRY_AFTER,))
        except bodies.Disconnected:
            return 499
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", _XML), (b"content-length", b"%d" % len(answer))],
            }
        )
        await send({"type": "http.response.body", "body": answer})
        return 200


async def _say(send: Send, status: int, reason: str, headers: Headers = ()) -> int:
    body = f"{reason}\n".encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", _TEXT), (b"content-length", b"%d" % len(body)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})
    return status
