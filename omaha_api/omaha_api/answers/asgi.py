"""The public port: Omaha and nothing else, as a plain ASGI callable.

Bytes in, bytes out, the one place that maps what went wrong to an HTTP status. No framework stands in front of it: a route of one costs
more than the whole answer.
"""

import functools
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from omaha_api import metrics, settings
from omaha_api.answers import bodies, headers
from omaha_api.answers.checks import Checks
from omaha_api.answers.headers import Headers
from omaha_api.answers.networks import Networks
from omaha_api.answers.steady_checks import SteadyChecks
from update_core.fleet.store import StoreUnavailable
from update_core.omaha import dialects, scan30
from update_core.omaha.errors import BadRequest

Scope = MutableMapping[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

PATHS = frozenset({"/v1/update", "/v1/update/"})
"""Both answer directly: clients of the CoreOS line turn a POST into a GET when they follow a redirect."""

RETRY_AFTER_SECONDS = 10
"""When to come again to a service that starts, or whose store is away."""

_XML = dialects.XML_30.content_type
_TEXT = b"text/plain; charset=utf-8"
_CLOSE = (b"connection", b"close")


class PublicApp:
    """The ASGI application of the public port."""

    def __init__(
        self,
        checks: Checks,
        *,
        ready: Callable[[], bool],
        tally: metrics.Tally,
        received: bodies.Bodies,
        steady: SteadyChecks | None = None,  # None for tests that compare with it
        networks: Networks | None = None,
        secret_path: str = "",
        max_requests: int = settings.DEFAULT_MAX_REQUESTS,
        overload_retry_seconds: int = settings.DEFAULT_OVERLOAD_RETRY_SECONDS,
    ) -> None:
        """`secret_path`: what a path has to go on with to be answered; empty: nothing."""
        self._checks = checks
        self._steady = steady
        self._networks = networks or Networks()
        self._secret = f"/v1/update/{secret_path}/".encode() if secret_path else b""
        self._forms = scan30.Forms()
        self._ready = ready
        self._tally = tally
        self._bodies = received
        self._max_requests = max_requests
        self._overload_retry_seconds = overload_retry_seconds
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: bodies.Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        if self._secret and not self._is_secret(scope["path"]):
            status = await _say(send, 404, "there is nothing here")
        elif not self._secret and scope["path"] not in PATHS:
            status = await _say(send, 404, "there is nothing here; Omaha requests go to /v1/update/")
        elif scope["method"] != "POST":
            status = await _say(send, 405, "only POST is answered here", ((b"allow", b"POST"),))
        elif not self._ready():
            status = await _say(send, 503, "the service isn't ready yet", headers.come_again(RETRY_AFTER_SECONDS))
        elif self._waiting >= self._max_requests:
            # One that waits for nothing is never counted: however many there are, each is answered before the next one is looked at.
            later = headers.come_again(self._overload_retry_seconds)
            status = await _say(send, 503, "the service has too much to do", later)
        else:
            self._waiting += 1
            try:
                status = await self._update(scope, receive, send)
            finally:
                self._waiting -= 1
        self._tally.request(status, time.perf_counter() - started)

    def _is_secret(self, path: str) -> bool:
        # In a time that doesn't tell how much of it is right.
        whole = path if path.endswith("/") else f"{path}/"
        return hmac.compare_digest(whole.encode(errors="replace"), self._secret)

    async def _update(self, scope: Scope, receive: bodies.Receive, send: Send) -> int:
        try:
            bodies.check_headers(scope["headers"])
            body = await self._bodies.read(receive)
            scanned = self._forms.scan(body)
            steady = self._steady.answer(scanned) if scanned is not None and self._steady is not None else None
            if steady is not None:
                content_type, (answer, further) = _XML, steady
            else:
                content_type, answer, further = await self._answer(body, scanned, scope)
        except BadRequest as error:
            # What follows of a body that was not read to its end isn't a next request.
            return await _say(send, error.http_status, error.reason, () if error.http_status == 400 else (_CLOSE,))
        except StoreUnavailable:
            return await _say(send, 503, "the event can't be recorded now", headers.come_again(RETRY_AFTER_SECONDS))
        except bodies.Disconnected:
            return 499
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", content_type), (b"content-length", b"%d" % len(answer)), *further],
            }
        )
        await send({"type": "http.response.body", "body": answer})
        return 200

    async def _answer(self, body: bytes, scanned: scan30.Scanned | None, scope: Scope) -> tuple[bytes, bytes, Headers]:
        """The answer's content type, its bytes, and what further headers it needs."""
        if scanned is not None:
            request, codec = scanned.request, dialects.XML_30
        else:
            request, codec = dialects.read(body)
            if codec is dialects.XML_30:
                self._forms.learn(body, request)
        answer = await self._checks.answer(request, codec, functools.partial(self._networks.of, scope))
        wait = answer.retry_after_seconds
        further = headers.spared(wait) if wait is not None else ()
        return codec.content_type, codec.write(answer.response), further


async def _say(send: Send, status: int, reason: str, further: Headers = ()) -> int:
    body = f"{reason}\n".encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", _TEXT), (b"content-length", b"%d" % len(body)), *further],
        }
    )
    await send({"type": "http.response.body", "body": body})
    return status
