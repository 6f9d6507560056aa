"""The fleet store in memory: a FleetStore whose answers are there at once, and gone with the process.

What a simulation grants from is the same without `async`: `granting`, `moving` and `rollouts` on a `Memory`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import FAILURES, Grant, GrantState, Timeouts
from update_core.fleet.memory import counting, granting, moving, rollouts
from update_core.fleet.memory.moving import Halted
from update_core.fleet.memory.rows import GroupRow, Known, Memory
from update_core.fleet.progress import GroupProgress
from update_core.fleet.store import NOTHING_MOVED, Granted, GroupLedger, InstanceRecord, Moved, Sighting
from update_core.rollout.model import Instance, Offer, Reason, Refusal, ResolvedGroup, Stamp

_NO_TIMEOUTS = Timeouts(update_seconds=0, reboot_seconds=0)
"""For evidence that can only end a grant: nothing then runs on."""


class MemoryStore:
    """A FleetStore. `born_at` is when it was made: a rollout that is older was begun with another."""

    def __init__(self, born_at: datetime) -> None:
        self._memory = Memory(born_at)

    async def open(self) -> None:
        """See FleetStore.open. There is nothing to open."""

    async def close(self) -> None:
        """See FleetStore.close. Nothing is kept."""

    async def live_grants(self) -> Sequence[Grant]:
        """See FleetStore.live_grants."""
        return [known.grant for known in self._memory.live.values() if known.grant is not None]

    async def ledgers(self) -> Sequence[GroupLedger]:
        """See FleetStore.ledgers. Without a group's limits its rate slot isn't known; it is None."""
        return [row.ledger(None) for row in self._memory.groups.values()]

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        """See FleetStore.instance."""
        known = self._memory.known(app_id, instance_id)
        return None if known is None else known.record

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Moved:
        """See FleetStore.observe."""
        halted: Halted = []
        return _moved(moving.observe(self._memory, sighting, timeouts or _NO_TIMEOUTS, halted), halted)

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        """See FleetStore.touch."""
        for sighting in sightings:
            known = self._memory.known(sighting.app_id, sighting.instance_id)
            if known is not None:
                known.touch(sighting)

    async def weigh(
        self, app_id: str, instance_id: str, evidence: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Moved:
        """See FleetStore.weigh."""
        known = self._memory.known(app_id, instance_id)
        if known is None:
            return NOTHING_MOVED
        halted: Halted = []
        return _moved(moving.weigh(self._memory, known, evidence, timeouts, now, halted), halted)

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        """See FleetStore.grant. The sighting is recorded with a new grant; a refusal and a repeated offer record nothing."""
        decision, row, given, closed = granting.grant(self._memory, group, instance, sighting, now)
        if given is not None and isinstance(decision, Offer):
            decision = replace(decision, grant=given)
        return Granted(decision, row.ledger(group.limits), closed)

    async def record_rollout(
        self, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
    ) -> GroupLedger | Refusal:
        """See FleetStore.record_rollout."""
        held = self._memory.groups.get((group.app_id, group.track))
        if held is not None and stamp.sequence < held.highest_sequence:
            return Refusal(Reason.STALE_CATALOG)
        return rollouts.mirror(self._memory, group, stamp, completed=completed, now=now).ledger(group.limits)

    async def sweep(self, now: datetime) -> Moved:
        """See FleetStore.sweep."""
        halted: Halted = []
        return _moved(moving.expire(self._memory, now, halted), halted)

    async def progress(self, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[tuple[str, str], GroupProgress]:
        """See FleetStore.progress."""
        return counting.progress(self._memory, groups, now)

    async def reset(self, app_id: str, instance_id: str, now: datetime) -> Grant | None:
        """End the instance's grant, and leave it as if it never had one; returns what was in flight."""
        known = self._memory.known(app_id, instance_id)
        return None if known is None else _end(self._memory, known, now)

    async def forget(self, app_id: str, instance_id: str, now: datetime) -> Grant | None:
        """The same, and know nothing of the instance any more."""
        closed = await self.reset(app_id, instance_id, now)
        self._memory.instances.pop((app_id, instance_id), None)
        return closed


def _end(memory: Memory, known: Known, now: datetime) -> Grant | None:
    held = known.grant
    closed: Grant | None = None
    if held is not None and (held.state.live or held.state in FAILURES):
        ended = moving.move(memory, known, replace(held, state=GrantState.FORGOTTEN, moved_at=now), [])
        closed = ended if held.state.live else None
    known.grant, known.attempts = None, ()
    return closed


def _moved(grants: Sequence[Grant], halted: Sequence[GroupRow]) -> Moved:
    return Moved(tuple(grants), tuple(row.ledger(None) for row in halted)) if grants else NOTHING_MOVED
