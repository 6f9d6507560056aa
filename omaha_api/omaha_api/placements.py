"""Under which names is each application's fleet shown? By the last Application that had the appId, and the last Group of each track.

The store keeps placements, because they outlive both resources; here they are remembered, and each new catalog moves them. Only what the
store has confirmed is shown, so that lists and watches agree on every name: whoever has read from the store waits for `current` before it
names anything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from omaha_api.instances.ledgers import GroupKey
from update_core import catalog
from update_core.fleet.reading import FleetReader, Placement
from update_core.fleet.store import StoreUnavailable

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 5.0


def _nobody() -> None:
    """Nobody wants to know."""


class Placements:
    """Every application's placement. `moved` is called whenever the store has confirmed some."""

    def __init__(
        self, store: FleetReader, *, moved: Callable[[], None] = _nobody, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._store = store
        self._retry_seconds = retry_seconds
        self._moved = moved
        self._shown = _shown(())
        self._followed: dict[str, catalog.ResolvedApplication] = {}
        """The applications that the store has placed just as they are in the catalog."""
        self._latest = catalog.EMPTY
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._certain = asyncio.Event()
        """Set where the store can't hold anything else than what is remembered."""

    def of_app(self, app_id: str) -> Placement | None:
        """Where an application's fleet is shown, None if nowhere yet."""
        return self._shown.by_app_id.get(app_id)

    def in_namespace(self, namespace: str | None) -> Sequence[Placement]:
        """The applications shown in a namespace, in all for None; in the order of (namespace, application)."""
        return self._shown.ordered if namespace is None else self._shown.by_namespace.get(namespace, ())

    def group_name(self, app_id: str, track: str) -> str:
        """metadata.name of the Group that has this track, or had it last; empty if there never was one."""
        placement = self.of_app(app_id)
        return placement.groups.get(track, "") if placement is not None else ""

    def track_of(self, namespace: str, group_name: str) -> GroupKey | None:
        """The (app_id, track) that a Group's name stands for."""
        return self._shown.by_group.get((namespace, group_name))

    async def load(self) -> None:
        """Remember what the store has.

        Raises:
            StoreUnavailable: it can't be read; what was remembered stays.
        """
        self._shown = _shown(await self._store.placements())
        self._certain.set()

    async def current(self) -> None:
        """Return when every placement that the store has committed until now is remembered: at once, but while one is written.

        Raises:
            StoreUnavailable: that takes too long.
        """
        if self._certain.is_set():
            return
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await self._certain.wait()
        except TimeoutError:
            raise StoreUnavailable("the names of fleets can't be recorded") from None

    def follow(self, latest: catalog.Catalog) -> None:
        """Show every application of a new catalog under its names there, as soon as the store has them."""
        self._latest = latest
        self._settled.clear()
        self._changed.set()

    async def settled(self, within: float) -> bool:
        """Wait until the store has the latest catalog's placements; False if that takes longer than `within` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._settled.wait()
        return self._settled.is_set()

    async def run(self) -> None:
        """Write placements until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._write()
            except StoreUnavailable as error:
                logger.warning("names of fleets wait to be recorded: %s", error)
                await asyncio.sleep(self._retry_seconds)
                self._changed.set()

    async def _write(self) -> None:
        doubtful = not self._certain.is_set()
        if doubtful:
            await self.load()
        latest = self._latest
        news = [
            _placement(application)
            for app_id, application in latest.applications.items()
            if self._followed.get(app_id) is not application
        ]
        wanted = [placement for placement in news if not self._holds(placement)]
        if wanted:
            # Who asks in mid-write waits; of a write that fails it isn't even known whether it was done.
            self._certain.clear()
            await self._store.place(wanted)
            await self.load()
        self._followed = dict(latest.applications)
        if latest is self._latest:
            self._settled.set()
        if wanted or doubtful:
            self._moved()

    def _holds(self, wanted: Placement) -> bool:
        held = self.of_app(wanted.app_id)
        return (
            held is not None
            and (held.namespace, held.application) == (wanted.namespace, wanted.application)
            and held.groups.items() >= wanted.groups.items()
        )


@dataclass(frozen=True, slots=True)
class _Shown:
    """The same placements by what is asked for."""

    ordered: Sequence[Placement]
    by_app_id: Mapping[str, Placement]
    by_namespace: Mapping[str, Sequence[Placement]]
    by_group: Mapping[tuple[str, str], GroupKey]


def _shown(placements: Sequence[Placement]) -> _Shown:
    ordered = tuple(sorted(placements, key=lambda placed: (placed.namespace, placed.application, placed.app_id)))
    by_namespace: dict[str, list[Placement]] = {}
    for placed in ordered:
        by_namespace.setdefault(placed.namespace, []).append(placed)
    return _Shown(
        ordered=ordered,
        by_app_id={placed.app_id: placed for placed in ordered},
        by_namespace={namespace: tuple(there) for namespace, there in by_namespace.items()},
        by_group={
            (placed.namespace, name): (placed.app_id, track)
            for placed in ordered
            for track, name in placed.groups.items()
        },
    )


def _placement(application: catalog.ResolvedApplication) -> Placement:
    groups = {track: group.name for track, group in application.tracks.items()}
    return Placement(application.app_id, application.namespace, application.name, MappingProxyType(groups))
