"""What is asked of the fleet API? Requests by resource, verb and status, and the watches that are open; fixed sets of values all."""

from collections import Counter
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER = "other"


@dataclass(slots=True)
class RequestTally:
    """What happened since the start, as counted on the event loop."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """(resource, verb, HTTP status); a watch is counted when it has been accepted or refused."""
    watches: Counter[str] = field(default_factory=Counter)
    """Open watches by resource."""


class Counted:
    """An application whose requests are counted as what its handlers call them with `asks`; those that it turns away before, as OTHER."""

    def __init__(self, app: ASGIApp, tally: RequestTally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and count."""
        state = scope.setdefault("state", {})
        watched = ""

        async def counting(message: Message) -> None:
            nonlocal watched
            if message["type"] == "http.response.start":
                resource, verb = state.get("asked", (OTHER, OTHER))
                self._tally.requests[resource, verb, message["status"]] += 1
                if verb == "watch" and message["status"] < 400:
                    watched = resource
                    self._tally.watches[resource] += 1
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            if watched:
                self._tally.watches[watched] -= 1


def asks(scope: Scope, resource: str, verb: str) -> None:
    """Say what a request is: both words come from the handler, never from the request."""
    scope["state"]["asked"] = (resource, verb)
