"""The fleet API inside the Omaha service: what it is made of, and what runs while it is served.

It reads what the checks write, and shares nothing else with them: a slow list or a thousand watches leave the public port alone.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.types import ASGIApp

from omaha_api.clock import Clock
from omaha_api.fleet_api import app
from omaha_api.fleet_api.actions import Actions
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.decisions import Decisions
from omaha_api.fleet_api.feed import Feed
from omaha_api.fleet_api.front.front_proxy import Authentication, FrontProxy
from omaha_api.fleet_api.requests import Counted, RequestTally
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.sightings import Sightings
from omaha_api.placements import Placements
from omaha_api.rollouts.progress_board import ProgressBoard
from omaha_api.rollouts.rollout_mirror import RolloutMirror
from update_core import catalog
from update_core.fleet.reading import FleetReader
from update_kube.client import Client
from update_kube.events import Recorder

logger = logging.getLogger(__name__)

CONTROLLER = "updateservice.dev/omaha-api"

_EVENTS_SECONDS = 2.0
"""How long the end waits for Events that haven't been written."""


class FleetService:
    """The fleet API of one process. `app` is for a TLS port that shows clients' certificates."""

    def __init__(
        self,
        *,
        kube: Client,
        reader: FleetReader,
        placements: Placements,
        board: ProgressBoard,
        memory: FleetMemory,
        mirror: RolloutMirror,
        sightings: Sightings,
        current: Callable[[], catalog.Catalog],
        tally: RequestTally,
        clock: Clock,
    ) -> None:
        self._kube = kube
        self._recorder = Recorder(kube, controller=CONTROLLER, instance=socket.gethostname())
        # One thread: it competes with the event loop for the interpreter, and a second one would do so twice.
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="fleet-pages")
        self._feed = Feed(reader)
        self._front_proxy = FrontProxy(clock)
        self.api = FleetApi(
            reader=reader,
            placements=placements,
            feed=self._feed,
            decisions=Decisions(reader=reader, memory=memory, mirror=mirror, current=current, clock=clock),
            actions=Actions(
                reader=reader,
                memory=memory,
                sightings=sightings,
                events=self._recorder,
                moved=board.moved,
                clock=clock,
            ),
            clock=clock,
            workers=self._workers,
            counted=lambda: board.ready,
        )
        self.app: ASGIApp = Counted(Authentication(app.create(self.api), self._front_proxy), tally)

    async def run(self) -> None:
        """Follow the log and the front proxy's certificates and write Events, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed.run(), name="feed")
            tasks.create_task(self._front_proxy.run(self._kube), name="front proxy")
            tasks.create_task(self._recorder.run(), name="events")

    def end_watches(self) -> None:
        """Let every watch come to its regular end, so that its client goes on elsewhere at once."""
        self._feed.close()

    async def finish(self) -> None:
        """Write the Events that wait, after the last request."""
        if not await self._recorder.drain(_EVENTS_SECONDS):
            logger.warning("Events that haven't been written are lost")
        self._workers.shutdown(wait=False, cancel_futures=True)
