"""What does an instance say of itself, and what does that move? Its events, then its version, group, machine and boot.

What moves an update in flight is durable before anything is answered; what an instance says on every check touches no store.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from omaha_api import metrics
from omaha_api.instances import known as records
from omaha_api.instances import machines
from omaha_api.instances.enrolment import Enrolment, Network
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import InstanceKey, Known
from omaha_api.instances.sightings import Sightings
from update_core.fleet import evidence
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import PROGRESS, Grant, GrantState
from update_core.fleet.reading import FleetReader
from update_core.fleet.store import FleetStore, InstanceRecord, StoreUnavailable
from update_core.omaha import messages
from update_core.rollout.model import ResolvedGroup
from update_core.values import value


@value
class Heard:
    """What is known of an instance once it was heard."""

    known: Known
    settled: bool = True
    """False: the store had to be asked, and didn't answer."""
    closed_until: datetime | None = None
    """Where it is new and isn't taken in, so that nothing is kept of it: until when, by the store's clock."""


class Hearing:
    """Takes in what instances say."""

    def __init__(
        self,
        store: FleetStore,
        reader: FleetReader,
        memory: FleetMemory,
        sightings: Sightings,
        tally: metrics.Tally,
        enrolment: Enrolment,
        *,
        moved: Callable[[], None],
        confirm: Callable[[], Awaitable[None]],
    ) -> None:
        """`confirm` returns once memory has all that was committed before, by whomever; StoreUnavailable if that can't be known."""
        self._confirm = confirm
        self._store = store
        self._reader = reader
        self._memory = memory
        self._sightings = sightings
        self._tally = tally
        self._enrolment = enrolment
        self._moved = moved
        self._machines = machines.Machines()

    def count_events(self, app: messages.AppRequest, *, again: bool) -> None:
        """Count events that move nothing, unless they were told and counted before (`again`)."""
        for event in app.events:
            self._count(event, again=again, moved=False)

    async def record_events(
        self,
        app: messages.AppRequest,
        group: ResolvedGroup,
        key: InstanceKey,
        now: datetime,
        *,
        again: bool,
        own_codes: bool,
    ) -> None:
        """Make durable what moves the instance's update; everything else is counted and acknowledged.

        `own_codes`: its error codes are none of update_engine's.

        Raises:
            StoreUnavailable: it couldn't be made durable; nothing may be acknowledged.
        """
        told = self._material(app, group, key, now, own_codes=own_codes)
        if self._memory.shared and any(
            claim is None and evidence.is_told_by(event.eventtype, event.eventresult)
            for event, claim in zip(app.events, told, strict=True)
        ):
            # It may be about a grant that another replica gave a moment ago.
            await self._confirm()
            told = self._material(app, group, key, now, own_codes=own_codes)
        for event, claim in zip(app.events, told, strict=True):
            self._count(event, again=again, moved=claim is not None)
        material = [claim for claim in told if claim is not None]
        if not material:
            return
        self._memory.take(await self._store.weigh(*key, material, group.timeouts, now))
        self._moved()

    def _material(
        self, app: messages.AppRequest, group: ResolvedGroup, key: InstanceKey, now: datetime, *, own_codes: bool
    ) -> list[evidence.Event | None]:
        """What each event proves, as far as memory knows; None for one that moves nothing."""
        grant = self._memory.live_grant(key)
        if grant is None:
            return [None] * len(app.events)
        known = self._memory.known(key)
        boot_id = "" if known is not None and known.boots_at_random else machines.bounded(app.bootid)
        material: list[evidence.Event | None] = []
        for event in app.events:
            claim = evidence.Event(event.eventtype, event.eventresult, event.errorcode, boot_id, own_codes)
            moved = evidence.weigh(grant, claim, group.timeouts, now)
            material.append(None if moved is None else claim)
            grant = moved or grant
        return material

    def _count(self, event: messages.Event, *, again: bool, moved: bool) -> None:
        if not again:
            self._tally.events[*metrics.event_class(event.eventtype, event.eventresult), moved] += 1

    async def record_report(
        self,
        app: messages.AppRequest,
        os: messages.Os,
        group: ResolvedGroup,
        key: InstanceKey,
        now: datetime,
        network: Network,
    ) -> Heard:
        """Take note of the instance's version, group, machine and boot."""
        known = self._memory.known(key) or await self._load(app, os, group, key, now, network)
        if isinstance(known, Heard):
            return known
        attributes, alias = self._described(app, os, known)
        changed = (
            known.version != machines.bounded(app.version)
            or known.track != group.track
            or known.attributes != attributes
            or known.alias != alias
        )
        grant = self._memory.live_grant(key)
        settled = True
        if grant is not None or changed:
            seen = Known(
                group.track,
                machines.bounded(app.version),
                attributes,
                alias,
                machines.bounded(app.bootid),
                now,
                known.refusal,
            )
            settled = await self._record_change(app, group, key, known, seen, changed=changed)
            # A failure that was recorded just now counts from now on.
            known = self._memory.known(key) or await self._load(app, os, group, key, now, network)
            if isinstance(known, Heard):
                return known
        self.record_sign_of_life(key, known, machines.bounded(app.bootid), now)
        return Heard(known, settled)

    def record_sign_of_life(self, key: InstanceKey, known: Known, boot_id: str, now: datetime) -> None:
        """Take note that the instance was heard, and in which boot; the store learns of it with the next batch."""
        known.last_seen = now
        known.boot_id = boot_id
        self._memory.touch(key)

    def _described(self, app: messages.AppRequest, os: messages.Os, known: Known) -> tuple[Attributes, str]:
        """The machine's attributes and alias. Only a request that asks for an update changes them: some clients describe themselves in
        no other, and would seem to be another machine at each turn."""
        told = machines.told(app, os)
        if app.updatecheck is None or (told == known.attributes and app.machinealias == known.alias):
            return known.attributes, known.alias
        return self._machines.attributes(told), machines.bounded(app.machinealias)

    def described(self, app: messages.AppRequest, os: messages.Os) -> Attributes:
        """What is kept of a machine that describes itself so: the one object that all such instances share."""
        return self._machines.attributes(machines.told(app, os))

    def newcomer(self, app: messages.AppRequest, os: messages.Os, group: ResolvedGroup, now: datetime) -> Known:
        """What an instance says of itself that wasn't seen before. Nothing is taken note of."""
        return Known(
            group.track,
            machines.bounded(app.version),
            self.described(app, os),
            machines.bounded(app.machinealias),
            machines.bounded(app.bootid),
            now,
            first_seen=now + self._memory.ahead,
        )

    def closed_until(self, key: InstanceKey, network: Network, now: datetime) -> datetime | None:
        """Until when an instance that nobody has seen isn't taken in, by the store's clock; None if it is."""
        return self._enrolment.closed_until(key[0], network, now + self._memory.ahead)

    async def _load(
        self,
        app: messages.AppRequest,
        os: messages.Os,
        group: ResolvedGroup,
        key: InstanceKey,
        now: datetime,
        network: Network,
    ) -> Known | Heard:
        """The record of an instance that isn't in memory; where it is new and isn't taken in, all that there is to say of it."""
        forgotten, answered = self._memory.forgotten, True
        record = None
        try:
            record = await self._read(group, key, now)
        except StoreUnavailable:
            answered = False  # it is queued as a first sight, which an instance that was seen before takes as well
        held = self._memory.known(key)
        if held is not None:
            return held  # another request of the same instance was faster
        if record is not None and self._memory.forgotten == forgotten:
            known = records.from_record(record)
            self._memory.remember(key, known)
            return known
        known = self.newcomer(app, os, group, now)
        if record is not None or not answered:
            known.first_seen = None
        elif (closed_until := self.closed_until(key, network, now)) is not None:
            known.first_seen = None
            return Heard(known, closed_until=closed_until)
        if self._sightings.queue(records.sighting(key, known), group.timeouts):
            self._memory.remember(key, known)
            self._moved()
        return known

    async def _read(self, group: ResolvedGroup, key: InstanceKey, now: datetime) -> InstanceRecord | None:
        with self._memory.loading(key) as load:
            while True:
                record = await self._store.instance(*key)
                if record is not None and _counts_instances(group):
                    # Grants in flight are in memory; one that has ended since this process wasn't there tells of itself in the store alone.
                    fleet = await self._reader.fleet(group, key[1], now)
                    self._memory.set_counted((group.app_id, group.track), key[1], fleet.counted_in)
                if not load.overtaken:
                    return record
                load.overtaken = False

    async def _record_change(
        self,
        app: messages.AppRequest,
        group: ResolvedGroup,
        key: InstanceKey,
        known: Known,
        seen: Known,
        *,
        changed: bool,
    ) -> bool:
        grant = self._memory.live_grant(key)
        if grant is not None and PROGRESS[grant.state] < PROGRESS[GrantState.INSTALLED]:
            # A boot between offer and installation is rare, one between any two requests is a client that makes its ids up.
            known.boots_at_random |= bool(known.boot_id) and known.boot_id != seen.boot_id
        report = evidence.Reported(
            seen.version,
            "" if known.boots_at_random else seen.boot_id,
            ping_alone=app.ping is not None and app.updatecheck is None and not app.events,
            asked=app.updatecheck is not None,
        )
        moved = self._weighed(key, report, group, seen)
        complete = moved is not None and moved.state is GrantState.COMPLETE
        if changed or complete:
            await self._record_sighting(group, key, known, seen)
            # That may have ended the grant, and then there is nothing left to move.
            moved = None if complete else self._weighed(key, report, group, seen)
        if moved is None:
            return True
        try:
            self._memory.take(await self._store.weigh(*key, [report], group.timeouts, seen.last_seen))
        except StoreUnavailable:
            return False
        self._moved()
        return True

    def _weighed(self, key: InstanceKey, report: evidence.Reported, group: ResolvedGroup, seen: Known) -> Grant | None:
        grant = self._memory.live_grant(key)
        return evidence.weigh(grant, report, group.timeouts, seen.last_seen) if grant is not None else None

    async def _record_sighting(self, group: ResolvedGroup, key: InstanceKey, known: Known, seen: Known) -> None:
        if await self._sightings.record(records.sighting(key, seen), group.timeouts):
            known.track, known.version = seen.track, seen.version
            known.attributes, known.alias = seen.attributes, seen.alias
        self._moved()


def _counts_instances(group: ResolvedGroup) -> bool:
    """Whether a wave is open that lets a number of instances in."""
    return any(opened.instances is not None for opened in group.course.opened or ())
