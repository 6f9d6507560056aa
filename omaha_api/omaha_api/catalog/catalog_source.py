"""How does the service always hold a current catalog? Four watches in, one immutable Catalog at a time out.

A burst of changes becomes one catalog, at most BATCH_SECONDS after its first. None is served before all kinds have been listed completely:
a half-read cluster would look like one where things were deleted. Where the API server fails or takes long, the snapshot from disk is
served meanwhile, if there is one; an API server that answers knows better.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omaha_api.catalog import catalog_objects, snapshot
from update_core import catalog
from update_kube import client, reflector, resources

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.01
SAVE_INTERVAL_SECONDS = 1.0
PATIENCE_SECONDS = 5.0
"""How long an API server that says nothing is waited for before the snapshot is served."""

TYPES = (resources.APPLICATIONS, resources.CHANNELS, resources.GROUPS, resources.PACKAGES)

Published = Callable[[catalog.Catalog], None]


@dataclass(frozen=True, slots=True)
class WatchState:
    """One watch, for readiness and metrics; `silence_seconds` is infinite before the first answer."""

    kind: str
    synced: bool
    state: str
    silence_seconds: float
    last_error: str
    counters: reflector.Counters


class CatalogSource:
    """The current catalog, and the watches that keep it current."""

    def __init__(
        self, *, package_base_url: str, snapshot_file: Path | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.current = catalog.EMPTY
        self.loaded = False
        self.live = False
        """Whether the catalog comes from the API server rather than from the snapshot."""
        self.saved: catalog.Catalog | None = None
        """What was on disk at the start, until the API server has been listed."""
        self._package_base_url = package_base_url
        self._objects = catalog_objects.CatalogObjects(package_base_url=package_base_url)
        self._file = snapshot_file
        self._patience_seconds = patience_seconds
        self._failed = asyncio.Event()
        self._reflectors: list[reflector.Reflector] = []
        self._subscribers: list[Published] = []
        self._pending: asyncio.TimerHandle | None = None
        self._unsaved = asyncio.Event()

    def subscribe(self, published: Published) -> None:
        """Call `published` with each new catalog, on the event loop."""
        self._subscribers.append(published)

    def serve(self, built: catalog.Catalog) -> None:
        """Answer from this catalog from now on."""
        self.current = built
        self.loaded = True
        for published in self._subscribers:
            published(built)

    def load_snapshot(self) -> None:
        """Take the catalog from disk, if there is one, to serve it where the API server doesn't answer."""
        objects = snapshot.load(self._file) if self._file else None
        if objects is None:
            return
        self.saved = catalog_objects.load(objects, package_base_url=self._package_base_url).build()
        logger.info("read a catalog of %d objects from %s", len(objects), self._file)

    async def run(self, kube: client.Client) -> None:
        """Follow the API server until cancelled."""
        self._reflectors = [
            reflector.Reflector(kube, kind, on_change=self._on_change, on_failure=lambda _error: self._failed.set())
            for kind in TYPES
        ]
        async with asyncio.TaskGroup() as tasks:
            for watch in self._reflectors:
                tasks.create_task(watch.run(), name=f"watch {watch.resource.plural}")
            tasks.create_task(self._go_live(), name="first complete list")
            tasks.create_task(self._fall_back(), name="snapshot from disk")
            if self._file is not None:
                tasks.create_task(self._save_changes(self._file), name="snapshot")

    def save(self) -> None:
        """Save the snapshot now, if one is kept and something is unsaved; a failure is logged. It blocks: for the end of the process."""
        if self._file is None or not self.live or not self._unsaved.is_set():
            return
        self._unsaved.clear()
        with _logged():
            snapshot.save(self._file, self._objects.trimmed())

    def watches(self) -> list[WatchState]:
        """How each watch is doing."""
        return [
            WatchState(
                kind=watch.resource.kind,
                synced=watch.synced.is_set(),
                state=watch.state.value,
                silence_seconds=watch.silence(),
                last_error=str(watch.last_error or ""),
                counters=watch.counters,
            )
            for watch in self._reflectors
        ]

    async def _fall_back(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._failed.wait(), self._patience_seconds)
        if self.saved is None or self.live:
            return
        self.serve(self.saved)
        logger.warning("the Kubernetes API hasn't been listed: the catalog from %s is served meanwhile", self._file)

    async def _go_live(self) -> None:
        for watch in self._reflectors:
            await watch.synced.wait()
        self.live, self.saved = True, None
        self._rebuild()
        logger.info("the catalog is live: %d applications", len(self.current.applications))

    def _on_change(self, change: reflector.Change) -> None:
        if not self._take(change) or not self.live or self._pending is not None:
            return
        self._pending = asyncio.get_running_loop().call_later(BATCH_SECONDS, self._rebuild)

    def _take(self, change: reflector.Change) -> bool:
        if change.kind is not reflector.ChangeKind.DELETED:
            return self._objects.put(change.obj)
        metadata: Mapping[str, Any] = change.obj["metadata"]
        return self._objects.remove(change.obj["kind"], (metadata["namespace"], metadata["name"]))

    def _rebuild(self) -> None:
        self._pending = None
        self._unsaved.set()
        self.serve(self._objects.build())

    async def _save_changes(self, file: Path) -> None:
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            objects: Sequence[Mapping[str, Any]] = self._objects.trimmed()
            with _logged():
                await asyncio.to_thread(snapshot.save, file, objects)
            await asyncio.sleep(SAVE_INTERVAL_SECONDS)


@contextlib.contextmanager
def _logged() -> Any:
    try:
        yield
    except snapshot.SnapshotError as error:
        # Checks go on without it; the next change tries again.
        logger.error("%s", error)  # noqa: TRY400 - a full disk needs no traceback
