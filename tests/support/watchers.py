"""Clients of watches: what client-go keeps of one (a cache, the last resource version) and nothing that it doesn't.

A `trusting` one believes every version at once, as the official client for Python does.
"""

import asyncio
import contextlib
import json
import time
from typing import Any

from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.changes import Selection
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.options import ListOptions
from omaha_api.fleet_api.selectors import Selector
from omaha_api.fleet_api.watch_lines import INITIAL_EVENTS_END
from omaha_api.fleet_api.watching import Timing, Watch
from support.eventually import eventually

QUICK = Timing(time.monotonic, lambda: 0.0, bookmark_seconds=0.01)

Key = tuple[str, str]


class Watcher:
    """One client. `events` has (type, object) of everything that the latest watch sent; `cache` and `version` go on from watch to watch."""

    def __init__(
        self,
        api: FleetApi,
        kind: Kind,
        *,
        namespace: str | None = None,
        fields: str | None = None,
        labels: str | None = None,
        negotiated: Negotiated | None = None,
        timing: Timing = QUICK,
        trusting: bool = False,
    ) -> None:
        self._api = api
        self.kind = kind
        self._selection = Selection(kind, namespace, Selector.parse(kind, fields, labels), api.placements)
        self._negotiated = negotiated or Negotiated()
        self._timing = timing
        self._trusting = trusting
        self._task: asyncio.Task[None] | None = None
        self.cache: dict[Key, Any] = {}
        self.events: list[tuple[str, Any]] = []
        self.version = 0
        self.expired = False
        self.expirations = 0
        self.synced = False
        """Whether the end of the initial events was announced."""

    async def start(self, **query: str) -> "Watcher":
        """Watch with these parameters, bookmarks unless said otherwise; without a resource version the cache begins anew."""
        options = ListOptions.parse({"watch": "true", "allowWatchBookmarks": "true"} | query)
        position = await self._api.reader.position()
        if not query.get("resourceVersion"):
            self.cache.clear()
            self.version = 0
        self.events, self.expired, self.synced = [], False, False
        watch = Watch(self._api, self._selection, options, self._negotiated, position, self._timing)
        self._task = asyncio.create_task(self._read(watch))
        return self

    async def go_on(self) -> "Watcher":
        """Watch again from the last resource version; from the beginning where there is none."""
        return await self.start(**({"resourceVersion": str(self.version)} if self.version else {}))

    async def stop(self) -> None:
        """Hang up, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def ended(self, within: float = 10.0) -> None:
        """Wait for the watch's end."""
        assert self._task is not None
        await asyncio.wait_for(self._task, within)
        self._task = None

    async def reaches(self, version: int) -> None:
        """Wait until the watch says that it has told everything up to a resource version."""
        await eventually(lambda: self.version >= version, saying=lambda: f"{self.version} of {version}: {self.events}")

    @property
    def running(self) -> bool:
        """Whether its watch goes on."""
        return self._task is not None and not self._task.done()

    async def catches_up(self) -> bool:
        """Wait until it has told everything that there is, or has ended; whether it has."""
        position = await self._api.reader.position()
        version = position.resource_version(position.latest)
        await eventually(lambda: self.version >= version or not self.running)
        return self.version >= version

    async def caught_up(self) -> None:
        """Wait until it has told everything that there is."""
        await self._api.placements.current()
        position = await self._api.reader.position()
        await self.reaches(position.resource_version(position.latest))

    def told(self) -> list[tuple[str, str]]:
        """(type, name) of the events, without bookmarks."""
        return [(type_, obj["metadata"]["name"]) for type_, obj in self.events if type_ != "BOOKMARK"]

    async def _read(self, watch: Watch) -> None:
        async with contextlib.aclosing(watch.chunks()) as chunks:
            async for chunk in chunks:
                for line in chunk.splitlines():
                    event = json.loads(line)
                    self._take(event["type"], event["object"])

    def _take(self, type_: str, obj: Any) -> None:
        self.events.append((type_, obj))
        if type_ == "ERROR":
            assert (obj["kind"], obj["code"], obj["reason"]) == ("Status", 410, "Expired")
            self.expired, self.version = True, 0
            self.expirations += 1
            return
        metadata = obj["metadata"]
        if type_ == "BOOKMARK":
            self.synced |= metadata.get("annotations", {}).get(INITIAL_EVENTS_END) == "true"
        elif obj["kind"] != "Table":
            key = (metadata["namespace"], metadata["name"])
            if type_ == "DELETED":
                self.cache.pop(key, None)
            else:
                self.cache[key] = obj
        # client-go believes the versions of the present state only when something else has followed it. The official client for Python
        # believes each, and the greatest is what it may go on from.
        if self._trusting:
            self.version = max(self.version, int(metadata["resourceVersion"]))
        elif type_ != "ADDED" or self.version:
            self.version = int(metadata["resourceVersion"])
