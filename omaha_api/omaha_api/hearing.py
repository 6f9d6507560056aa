"""What does an instance say of itself, and what does that move? Its events, then its version, group and boot.

What moves an update in flight is durable before anything is answered; what an instance says on every check touches no store.
"""

from collections.abc import Callable
from datetime import datetime

from omaha_api import fleet_memory, metrics
from omaha_api.fleet_memory import FleetMemory, InstanceKey, Known
from omaha_api.sightings import Sightings
from update_core.fleet import evidence
from update_core.fleet.grants import PROGRESS, GrantState
from update_core.fleet.store import FleetStore, StoreUnavailable
from update_core.omaha import messages
from update_core.rollout.model import ResolvedGroup

MAX_TEXT_LENGTH = 128
"""Longest version, OEM or boot id that is kept; a longer one is kept as empty, for a part of it would equal another's."""


class Hearing:
    """Takes in what instances say."""

    def __init__(
        self,
        store: FleetStore,
        memory: FleetMemory,
        sightings: Sightings,
        tally: metrics.Tally,
        *,
        moved: Callable[[], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._sightings = sightings
        self._tally = tally
        self._moved = moved

    async def record_events(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, now: datetime
    ) -> None:
        """Make durable what moves the instance's update; everything else is counted and acknowledged.

        Raises:
            StoreUnavailable: it couldn't be made durable; nothing may be acknowledged.
        """
        grant = self._memory.live_grant(key)
        known = self._memory.known(key)
        boot_id = "" if known is not None and known.boots_at_random else bounded(app.bootid)
        material: list[evidence.Event] = []
        for event in app.events:
            moved = None
            if grant is not None:
                claim = evidence.Event(event.eventtype, event.eventresult, event.errorcode, boot_id)
                moved = evidence.weigh(grant, claim, group.timeouts, now)
                if moved is not None:
                    grant = moved
                    material.append(claim)
            self._tally.events[*metrics.event_class(event.eventtype, event.eventresult), moved is not None] += 1
        if not material:
            return
        for grant in await self._store.weigh(*key, material, group.timeouts, now):
            self._memory.apply(grant)
        self._moved()

    async def record_report(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, now: datetime
    ) -> tuple[bool, Known]:
        """Take note of the instance's version, group and boot. False with it: the store had to be asked, and didn't answer."""
        version = bounded(app.version)
        known = self._memory.known(key) or await self._load(app, group, key, version, now)
        changed = known.version != version or known.track != group.track
        grant = self._memory.live_grant(key)
        settled = True
        if grant is not None or changed:
            settled = await self._record_change(app, group, key, known, changed=changed, now=now)
        known.last_seen = now
        known.oem, known.boot_id = bounded(app.oem), bounded(app.bootid)
        self._memory.touch(key)
        return settled, known

    async def _load(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, version: str, now: datetime
    ) -> Known:
        try:
            record = await self._store.instance(*key)
        except StoreUnavailable:
            record = None  # it is queued as a first sight, which an instance that was seen before takes as well
        held = self._memory.known(key)
        if held is not None:
            return held  # another request of the same instance was faster
        if record is not None:
            known = fleet_memory.from_record(record)
            self._memory.remember(key, known)
            return known
        known = Known(group.track, version, bounded(app.oem), bounded(app.bootid), now)
        if self._sightings.queue(fleet_memory.sighting(key, known), group.timeouts):
            self._memory.remember(key, known)
            self._moved()
        return known

    async def _record_change(
        self,
        app: messages.AppRequest,
        group: ResolvedGroup,
        key: InstanceKey,
        known: Known,
        *,
        changed: bool,
        now: datetime,
    ) -> bool:
        grant = self._memory.live_grant(key)
        if grant is not None and PROGRESS[grant.state] < PROGRESS[GrantState.INSTALLED]:
            # A boot between offer and installation is rare, one between any two requests is a client that makes its ids up.
            known.boots_at_random |= bool(known.boot_id) and known.boot_id != bounded(app.bootid)
        report = evidence.Reported(
            bounded(app.version),
            "" if known.boots_at_random else bounded(app.bootid),
            ping_alone=app.ping is not None and app.updatecheck is None and not app.events,
            asked=app.updatecheck is not None,
        )
        moved = evidence.weigh(grant, report, group.timeouts, now) if grant is not None else None
        if changed or (moved is not None and moved.state is GrantState.COMPLETE):
            await self._record_sighting(app, group, key, known, now)
            return True
        if moved is None:
            return True
        try:
            for grant in await self._store.weigh(*key, [report], group.timeouts, now):
                self._memory.apply(grant)
        except StoreUnavailable:
            return False
        self._moved()
        return True

    async def _record_sighting(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, known: Known, now: datetime
    ) -> None:
        seen = Known(group.track, bounded(app.version), bounded(app.oem), bounded(app.bootid), now, known.refusal)
        if await self._sightings.record(fleet_memory.sighting(key, seen), group.timeouts):
            known.track, known.version = seen.track, seen.version
        self._moved()


def bounded(text: str) -> str:
    """The text, or nothing where it is too long to keep."""
    return text if len(text) <= MAX_TEXT_LENGTH else ""
