"""A fleet that was known for an hour before the rollout that a test is about: its instances are established when that begins."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support import omaha_fleet
from support.fleet_desk import FleetDesk
from support.omaha_service import OmahaService

APP = omaha_fleet.APP_ID
OLD, NEW = "1.0.0", "1.2.0"
BEGUN = "2026-03-01T13:00:00Z"
KNOWN = [f"known{number}" for number in range(12)]
EVERYBODY = {"open": [omaha_fleet.wave("everybody", percent=100)]}


class KnownFleet(FleetDesk):
    """KNOWN in a group to which nothing was given out; the clock stands at BEGUN."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, APP)

    async def start(self, **group_spec: Any) -> "KnownFleet":
        """Have them heard."""
        await super().start(course={"open": []}, **group_spec)
        for machine in KNOWN:
            assert await self.check(machine) == "noupdate"
        await self.flush()
        # Else the store would take the second rollout that it sees for one whose grants it has lost.
        await self.mirrored()
        await self.omaha.serve_for(3600)
        return self

    def roll_out(self, course: dict[str, Any], *, sequence: int = 2, version: str = NEW, **spec: Any) -> None:
        """The rollout of this number, as far as that."""
        stamp = {"startedTime": BEGUN, **course}
        self.omaha.put(*omaha_fleet.fleet(APP, version=version, sequence=sequence, course=stamp, **spec))

    async def mirrored(self) -> None:
        """Have the store hear of it."""
        await self.omaha.mirrored()

    async def offered(self, machines: Iterable[str], version: str = OLD, *, wanted: str = NEW) -> list[str]:
        """Those of the machines that are offered the version."""
        return [machine for machine in machines if await self.check(machine, version) == wanted]

    async def fail(self, machine: str, version: str = OLD) -> None:
        """Its update fails."""
        await self.omaha.post(omaha_fleet.event(APP, machine, 3, 0, version=version))

    async def restart(self) -> None:
        """Another process on the same store, with the same resources."""
        await self.flush()
        objects = self.omaha.objects
        self.omaha = OmahaService(self.store, self.clock)
        self.omaha.objects = objects
        service = self.omaha.service
        service.memory.load(await self.store.live_grants(), await self.store.ledgers())
        service._loaded = True
        self.omaha.put()

    def answers(self, reason: str) -> int:
        """How often checks were answered with it."""
        return self.omaha.service.tally.answers[reason]
