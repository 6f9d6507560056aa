"""Requests to the fleet API's application, headers and all, without a socket: as the front proxy lets them through."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from omaha_api.fleet_api.front.request_headers import User

BASE = "/apis/fleet.updateservice.dev/v1alpha1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def names(self) -> list[str]:
        """The names of a list's or Table's objects."""
        found = self.json
        if "rows" in found:
            return [row["cells"][0] for row in found["rows"]]
        return [item["metadata"]["name"] for item in found["items"]]

    @property
    def next(self) -> str:
        """The continue token; empty on the last page."""
        token: str = self.json["metadata"].get("continue", "")
        return token


async def ask(
    app: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    accept: str = "application/json",
    body: bytes = b"",
    content_type: str = "application/json",
) -> Answer:
    """One request of the user `jane`; a path below the version may be written without what stands before it."""
    path, _, query = (path if path.startswith("/") else f"{BASE}/{path}").partition("?")
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        # The client stays until it has its answer: what asks again waits, and is cancelled.
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"accept", accept.encode()), (b"content-type", content_type.encode())]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": headers, "http_version": "1.1", "scheme": "https", "state": {"user": User("jane")},
    }  # fmt: skip
    await app(scope, receive, send)
    received = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], received, b"".join(message.get("body", b"") for message in sent[1:]))
