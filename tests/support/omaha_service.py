"""The Omaha service inside a test: its real parts around a store, a catalog from resources, a clock that the test moves.

`post` goes through the ASGI application of the public port, headers and all, without a socket. Every answer is shown to the clients that
could have asked.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lxml import etree

from omaha_api import service, settings
from omaha_api.catalog import catalog_objects
from support import omaha_clients_all
from update_core.fleet import outages
from update_core.fleet.following import FleetFollower
from update_core.fleet.store import FleetStore, StoreUnavailable

PACKAGES = "http://127.0.0.1:8080/packages/"


class TestClock:
    """Time that only moves when told."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer of the public port."""

    status: int
    headers: dict[str, str]
    body: bytes

    def apps(self) -> list[Any]:
        """The <app> elements."""
        return etree.fromstring(self.body).findall("app")

    @property
    def answer(self) -> str:
        """The only application's updatecheck: its status, or its version where that is ok."""
        (app,) = self.apps()
        found = app.find("updatecheck")
        assert found is not None, self.body
        return found.find("manifest").get("version") if found.get("status") == "ok" else found.get("status")


class OmahaService:
    """A service whose catalog comes from `put` and `remove` instead of an API server."""

    def __init__(
        self,
        store: FleetStore,
        clock: TestClock | None = None,
        snapshot: Path | None = None,
        cup_keys_dir: Path | None = None,
        follower: FleetFollower | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        **chosen: Any,
    ) -> None:
        self.clock = clock or TestClock()
        address = settings.Address("127.0.0.1", 0)
        self.settings = settings.Settings(
            listen=address,
            private_listen=address,
            database=Path("unused"),
            package_base_url=PACKAGES,
            snapshot=snapshot,
            cup_keys_dir=cup_keys_dir,
            **{"body_timeout_seconds": 0.2, **chosen},
        )
        numbers = itertools.count(1)
        self.service = service.Service(
            self.settings,
            store,
            self.clock,
            follower=follower,
            mint=lambda: f"{next(numbers):016x}",
            monotonic=monotonic,
        )
        self.objects = catalog_objects.CatalogObjects(package_base_url=PACKAGES)

    async def start(self, resources: Iterable[Any] = ()) -> "OmahaService":
        """Load the store, and serve these resources."""
        await self.service.load()
        self.put(*resources)
        return self

    async def mirrored(self) -> None:
        """Have the store hear of every rollout as it is in the catalog."""
        mirror = self.service.mirror
        await mirror._mirror(mirror._latest)

    async def serve_for(self, seconds: float) -> None:
        """Let time pass as it does while the service runs: with its beats. A jump of the clock is an outage to a store."""
        while seconds > 0:
            step = min(seconds, outages.GAP.total_seconds())
            self.clock.advance(step)
            with contextlib.suppress(StoreUnavailable):
                await self.service.heartbeat.beat()
            seconds -= step

    def put(self, *resources: Any) -> None:
        """Apply resources."""
        for obj in resources:
            self.objects.put(obj)
        self.service.source.serve(self.objects.build())

    def remove(self, obj: Any) -> None:
        """Delete a resource."""
        self.objects.remove(obj["kind"], (obj["metadata"]["namespace"], obj["metadata"]["name"]))
        self.service.source.serve(self.objects.build())

    async def post(
        self,
        body: bytes | Sequence[bytes],
        *,
        path: str = "/v1/update/",
        method: str = "POST",
        headers: Sequence[tuple[bytes, bytes]] = (),
        query: str = "",
        client: str | None = None,
        shown: bool = True,
    ) -> Reply:
        """One request; several bodies are the chunks of one. `client`: the address that it comes from. `shown`: whether the clients that
        could have asked see the answer, which takes ten times as long."""
        chunks = [body] if isinstance(body, bytes) else list(body)
        last = len(chunks) - 1
        messages = [
            {"type": "http.request", "body": chunk, "more_body": number < last} for number, chunk in enumerate(chunks)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": list(headers),
            "client": None if client is None else (client, 40000),
        }  # fmt: skip
        await self.service.public(scope, receive, send)
        start, end = sent
        reply = Reply(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"])
        if reply.status == 200 and shown:
            omaha_clients_all.assert_accepted(b"".join(chunks), reply.body, reply.headers["content-type"])
        return reply

    async def private(self, path: str) -> Reply:
        """GET on the private port."""
        path, _, query = path.partition("?")
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [], "http_version": "1.1", "scheme": "http",
        }  # fmt: skip
        await self.service.private(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], headers, body)
