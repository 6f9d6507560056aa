"""What do the handlers of the fleet API stand on? One bundle of the service's parts, and how an object is found by its name."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from omaha_api.clock import Clock
from omaha_api.fleet_api import kinds, statuses
from omaha_api.fleet_api.actions import Actions
from omaha_api.fleet_api.decisions import Decisions
from omaha_api.fleet_api.feed import Feed
from omaha_api.placements import Placements
from update_core import names
from update_core.fleet.reading import FleetReader, InstanceQuery, InstanceRow, Placement


@dataclass(frozen=True, slots=True)
class Effort:
    """How much one request may take."""

    chunk: int = 1000
    """Rows that are read at a time: some milliseconds of the store's reader."""
    scan_seconds: float = 0.25
    """A page that isn't full ends when it took this long."""
    max_limit: int = 10_000
    """Objects on a page, whatever the client's limit says; it gets a token to go on, as for any page."""
    # Kubernetes lets a server pass over a limit and answer with everything. kubectl and client-go ask for 500 at a time, whatever there is,
    # and kubectl sends five requests a second: 10,000 instances in 20 pages are seconds of waiting, in one answer a moment.
    ample_limit: int = 500
    """A limit from here on is the client's default and no wish: a fleet of up to `whole_up_to` instances is answered whole. Who wants
    smaller pages gets them."""
    whole_up_to: int = 10_000
    """Instances of the namespaces in question, selected or not: as many as are sent before a person gets impatient."""


@dataclass(frozen=True)
class FleetApi:
    """The parts."""

    reader: FleetReader
    placements: Placements
    feed: Feed
    decisions: Decisions
    actions: Actions
    clock: Clock
    workers: Executor
    """Where pages are made: a page of some hundred objects would hold the event loop, and every check, for milliseconds."""
    counted: Callable[[], bool] = lambda: True
    """Whether the groups have been counted since the start."""
    effort: Effort = Effort()

    async def find_instance(self, namespace: str, name: str) -> tuple[InstanceRow, Placement]:
        """An instance by its name.

        Raises:
            ApiError: 404.
            StoreUnavailable: it isn't known whether it is there.
        """
        await self.placements.current()
        for placement in self.placements.in_namespace(namespace):
            slug = slug_in(placement, name)
            if slug:
                for row in await self.reader.instances(InstanceQuery(placement.app_id, slug=slug, limit=1)):
                    return row, placement
        raise statuses.not_found(kinds.INSTANCES, name)


def slug_in(placement: Placement, name: str) -> str:
    """The slug of an instance of the application that has this name; empty where no instance of it can have it."""
    prefix = names.instance(placement.application, "")
    return name.removeprefix(prefix) if name.startswith(prefix) else ""
