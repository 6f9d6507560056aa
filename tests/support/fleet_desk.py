"""An Omaha service on a real database, and the subresources of its instances as the fleet API's handlers ask for them.

`get` and `create` go through `subresources.handle`; only HTTP is missing. Checks go through the public port's application.
"""

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from omaha_api.fleet_api import kinds, objects, statuses, subresources
from omaha_api.fleet_api.actions import Actions
from omaha_api.fleet_api.decisions import Decisions
from omaha_api.fleet_api.front.request_headers import User
from omaha_api.store.sqlite import connections
from omaha_api.store.sqlite.store import SqliteStore
from support import omaha_fleet
from support.fleet_values import NOW
from support.omaha_service import OmahaService
from support.sqlite_stores import connect_carelessly
from update_core import names
from update_core.fleet.reading import InstanceQuery, InstanceRow, Placement

NAMESPACE, APPLICATION = "default", "app"


class Told:
    """Keeps Events instead of writing them."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, str]] = []
        """(name of the object, reason, action, note)."""

    def record(self, regarding: dict[str, Any], type_: Any, reason: str, action: str, note: str) -> None:
        assert (regarding["apiVersion"], regarding["kind"]) == ("fleet.updateservice.dev/v1alpha1", "Instance")
        assert regarding["metadata"]["uid"]
        self.events.append((regarding["metadata"]["name"], reason, action, note))


class FleetDesk:
    """Implements subresources.Api for one application."""

    def __init__(
        self,
        path: Path,
        app_id: str,
        connect: connections.Connect = connect_carelessly,
        store: type[SqliteStore] = SqliteStore,
    ) -> None:
        self.app_id = app_id
        self.path = path
        self.cleanup = contextlib.ExitStack()
        """What a test has put in the way, to be taken out at the end or before."""
        self.store = store(path, clock=lambda: NOW - timedelta(hours=1), connect=connect)
        self.reader = self.store
        self.omaha = OmahaService(self.store)
        self.clock = self.omaha.clock
        self.told = Told()
        self.moves = 0
        service = self.omaha.service
        self.memory = service.memory
        self.decisions = Decisions(
            reader=self.store,
            memory=service.memory,
            mirror=service.mirror,
            current=lambda: service.source.current,
            clock=self.clock,
        )
        self.actions = Actions(
            reader=self.store,
            memory=service.memory,
            sightings=service.sightings,
            events=self.told,
            moved=self._moved,
            clock=self.clock,
        )

    async def close(self) -> None:
        """Close the database."""
        self.cleanup.close()
        await self.store.close()

    async def start(self, **group_spec: Any) -> "FleetDesk":
        """With a group that moves from 1.0.0 to 1.1.0."""
        await self.omaha.start(omaha_fleet.fleet(self.app_id, **group_spec))
        return self

    def put(self, **group_spec: Any) -> None:
        """The same group with another spec or course."""
        self.omaha.put(*omaha_fleet.fleet(self.app_id, **group_spec))

    async def check(self, machine: str, version: str = "1.0.0", **how: Any) -> str:
        """The answer to a check, which is in the store afterwards where that can be written."""
        return (await self.omaha.post(omaha_fleet.check(self.app_id, machine, version, **how))).answer

    async def flush(self) -> None:
        """Have everything written that waits."""
        await self.omaha.service.sightings.flush()

    @property
    def placement(self) -> Placement:
        """Under which names the fleet is shown."""
        return Placement(self.app_id, NAMESPACE, APPLICATION, {"fake1": "app-fake1"})

    def name(self, machine: str) -> str:
        """metadata.name of an instance."""
        return names.instance(APPLICATION, names.instance_slug(self.app_id, machine))

    async def find_instance(self, namespace: str, name: str) -> tuple[InstanceRow, Placement]:
        """See FleetApi.find_instance."""
        slug = name.removeprefix(f"{APPLICATION}-")
        for row in await self.reader.instances(InstanceQuery(self.app_id, slug=slug)):
            if namespace == NAMESPACE:
                return row, self.placement
        raise statuses.not_found(kinds.INSTANCES, name)

    async def instance(self, machine: str) -> dict[str, Any]:
        """An Instance."""
        row, placement = await self.find_instance(NAMESPACE, self.name(machine))
        return objects.instance(row, placement, 1)

    async def get(self, machine: str, subresource: str, **query: str) -> dict[str, Any]:
        """The object at instances/NAME/SUBRESOURCE."""
        return await self.handle("GET", machine, subresource, query, b"")

    async def decision(self, machine: str, **query: str) -> dict[str, Any]:
        """The status of instances/NAME/decision."""
        status = (await self.get(machine, "decision", **query))["status"]
        assert isinstance(status, dict)
        return status

    async def create(
        self, machine: str, subresource: str, body: dict[str, Any] | bytes = b"", *, user: str = "alice", **query: str
    ) -> dict[str, Any]:
        """What a POST to instances/NAME/SUBRESOURCE answers."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.handle("POST", machine, subresource, query, sent, user)

    async def handle(
        self,
        method: str,
        machine: str,
        subresource: str,
        query: dict[str, str] | None = None,
        body: bytes = b"",
        user: str = "alice",
    ) -> dict[str, Any]:
        """Any request."""
        name = self.name(machine)
        return await subresources.handle(self, method, NAMESPACE, name, subresource, query or {}, body, User(user))

    def _moved(self) -> None:
        self.moves += 1
