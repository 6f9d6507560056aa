"""A fleet on a real store, with what watches stand on: its placements, its feed, a clock that the test moves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.feed import Feed
from omaha_api.placements import Placements
from omaha_api.store.sqlite.store import SqliteStore
from support import sqlite_stores
from support.fleet_values import APP_ID, NOW, OLD, TRACK, group, sighting
from update_core import catalog
from update_core.fleet.progress import GroupProgress
from update_core.fleet.reading import Placement

NAMESPACE = "team"


@dataclass
class WatchedFleet:
    """One process' view of a store."""

    store: SqliteStore
    placements: Placements
    feed: Feed
    api: FleetApi
    now: datetime = NOW

    def advance(self, seconds: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self.now

    async def see(self, instance_id: str, version: str = OLD, **changes: Any) -> None:
        """An instance is heard."""
        await self.store.observe(sighting(instance_id, version, at=self.now, **changes), None)

    async def count(self, total: int, *, app_id: str = APP_ID, track: str = TRACK) -> None:
        """A group's counts are published."""
        await self.store.publish([GroupProgress(app_id, track, total=total)], self.now)

    async def place(self, *placements: Placement) -> None:
        """Names move, and are remembered."""
        await self.store.place(placements)
        await self.placements.load()

    async def revision(self) -> int:
        """The newest revision."""
        return (await self.store.position()).latest

    async def version(self) -> int:
        """The newest resource version."""
        position = await self.store.position()
        return position.resource_version(position.latest)


def placement(
    app_id: str = APP_ID, *, namespace: str = NAMESPACE, application: str = "app", **groups: str
) -> Placement:
    """Where an application is shown; its Groups by track."""
    return Placement(app_id, namespace, application, groups or {TRACK: "app-stable"})


def applications(*placements: Placement) -> catalog.Catalog:
    """A catalog in which applications are called so."""
    return catalog.Catalog(
        {
            placed.app_id: catalog.ResolvedApplication(
                placed.app_id,
                placed.namespace,
                placed.application,
                {
                    track: group(namespace=placed.namespace, name=name, track=track, app_id=placed.app_id)
                    for track, name in placed.groups.items()
                },
            )
            for placed in placements
        }
    )


@contextlib.asynccontextmanager
async def opened(path: Path, *, window: int = 4096) -> AsyncIterator[WatchedFleet]:
    """The fleet of a file, followed until the end of the block."""
    fleet: WatchedFleet
    store = SqliteStore(path, clock=lambda: fleet.now, connect=sqlite_stores.connect_carelessly)
    placements, feed = Placements(store), Feed(store, window=window)
    with ThreadPoolExecutor(1) as workers:
        api = FleetApi(
            reader=store,
            placements=placements,
            feed=feed,
            decisions=None,  # type: ignore[arg-type]  # watches ask for neither
            actions=None,  # type: ignore[arg-type]
            clock=lambda: fleet.now,
            workers=workers,
        )
        fleet = WatchedFleet(store, placements, feed, api)
        await store.open()
        await placements.load()
        following = asyncio.create_task(feed.run())
        try:
            yield fleet
        finally:
            following.cancel()
            await asyncio.wait([following])
            await store.close()
