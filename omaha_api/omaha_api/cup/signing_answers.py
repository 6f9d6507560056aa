"""How does a signature get onto an answer? The public port's application is wrapped: it answers as always, and what it says is signed.

So every answer is, also that the service isn't ready or that a request is none. Requests without `cup2key` go by untouched.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from omaha_api import metrics
from omaha_api.answers import bodies
from omaha_api.cup.signing import Outcome, Refusal, Signer, Signing
from update_core.omaha.errors import BadRequest

Message = Mapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, bodies.Receive, Send], Awaitable[None]]

_NAME = b"cup2key="


class SignedApp:
    """An ASGI application whose answers are signed for those who ask for it."""

    def __init__(self, app: App, *, signer: Signer, received: bodies.Bodies, tally: metrics.Tally) -> None:
        self._app = app
        self._signer = signer
        self._bodies = received
        self._tally = tally

    def __call__(self, scope: Any, receive: bodies.Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        # Not a coroutine around another: most requests ask for no signature, and shall not pay for it.
        if _NAME in scope["query_string"]:
            return self._sign(scope, receive, send)
        return self._app(scope, receive, send)

    async def _sign(self, scope: Any, receive: bodies.Receive, send: Send) -> None:
        begun = self._signer.begin(scope["query_string"])
        if isinstance(begun, Refusal):
            await self._refuse(begun, send)
        elif begun is None:
            await self._app(scope, receive, send)
        else:
            heard, said = _Heard(receive), list[Message]()
            await self._app(scope, heard, _into(said))
            request = await self._request(heard)
            self._tally.signing[Outcome.NOT_READ if request is None else Outcome.SIGNED] += 1
            await _send_signed(said, begun, request, send)

    async def _request(self, heard: "_Heard") -> bytes | None:
        """The body, read now if the answer didn't need it; None if it can't be had: then nobody can vouch for what it was."""
        if not heard.asked:
            try:
                return await self._bodies.read(heard)
            except (BadRequest, bodies.Disconnected):
                return None
        return b"".join(heard.chunks) if heard.ended else None

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        started = time.perf_counter()
        body = f"{refusal.reason}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": refusal.http_status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._tally.signing[refusal.outcome] += 1
        self._tally.request(refusal.http_status, time.perf_counter() - started)


class _Heard:
    """A receive callable that remembers the body that goes through it."""

    def __init__(self, receive: bodies.Receive) -> None:
        self._receive = receive
        self.asked = False
        self.chunks: list[bytes] = []
        self.ended = False

    async def __call__(self) -> Any:
        self.asked = True
        message = await self._receive()
        if message["type"] == "http.request":
            self.chunks.append(message.get("body", b""))
            self.ended = not message.get("more_body", False)
        return message


def _into(said: list[Message]) -> Send:
    async def send(message: Message) -> None:
        said.append(message)

    return send


async def _send_signed(said: list[Message], signing: Signing, request: bytes | None, send: Send) -> None:
    # Nothing is said to a client that has hung up.
    for message in said:
        if message["type"] == "http.response.start" and request is not None:
            response = b"".join([part["body"] for part in said if part["type"] == "http.response.body"])
            await send({**message, "headers": [*message["headers"], *signing.headers(request, response)]})
        else:
            await send(message)
