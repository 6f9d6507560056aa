"""A fleet store in memory with the real rules of the core, for tests whose subject isn't the database.

`away` makes every call fail as a store that can't be reached; `calls` lists the methods that were asked, in order. It judges no outcomes:
`halts` is what the next one latches.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from update_core.fleet import attempts, evidence
from update_core.fleet.grants import Grant, GrantState, Timeouts
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.fleet.reading import Placement
from update_core.fleet.store import OFFERED, Granted, GroupLedger, InstanceRecord, Moved, Sighting, StoreUnavailable
from update_core.rollout import admission, decide, limits
from update_core.rollout.model import Fleet, Instance, Limits, Offer, Reason, Refusal, ResolvedGroup, Stamp
from update_core.rollout.plan import Latch


class ScriptedStore:
    """Implements update_core.fleet.store.FleetStore."""

    def __init__(self) -> None:
        self.away = False
        self.calls: list[str] = []
        self.instances: dict[tuple[str, str], InstanceRecord] = {}
        self.grants: list[Grant] = []
        self.rollouts: dict[tuple[str, str], RolloutRecord] = {}
        self.highest: dict[tuple[str, str], int] = {}
        self.latches: dict[tuple[str, str], Latch] = {}
        self.halts: Latch | None = None
        self.gate: asyncio.Event | None = None
        """Where set, grants wait for it: a slow commit."""

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.away:
            raise StoreUnavailable("the test took the store away")

    async def open(self) -> None:
        self._called("open")

    async def close(self) -> None:
        self.calls.append("close")

    async def live_grants(self) -> Sequence[Grant]:
        self._called("live_grants")
        return [grant for grant in self.grants if grant.state.live]

    async def ledgers(self) -> Sequence[GroupLedger]:
        self._called("ledgers")
        return [replace(self._ledger(*key), rate_slot=None) for key in self.highest]

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        self._called("instance")
        return self.instances.get((app_id, instance_id))

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Moved:
        self._called("observe")
        self._see(sighting)
        latest = self._latest(sighting.app_id, sighting.instance_id)
        if latest is None:
            return Moved()
        if latest.state.live and latest.track != sighting.track:
            return self._moved([replace(latest, state=GrantState.MOVED)])
        report = evidence.Reported(sighting.version, sighting.boot_id)
        moved = evidence.weigh(latest, report, timeouts or Timeouts(3600, 3600), sighting.at)
        return self._moved([moved] if moved else [])

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        self._called("touch")
        for sighting in sightings:
            self._see(sighting)

    async def weigh(
        self, app_id: str, instance_id: str, claims: Sequence[evidence.Evidence], timeouts: Timeouts, now: datetime
    ) -> Moved:
        self._called("weigh")
        grants: list[Grant] = []
        halted: tuple[GroupLedger, ...] = ()
        for claim in claims:
            latest = self._latest(app_id, instance_id)
            moved = evidence.weigh(latest, claim, timeouts, now) if latest and latest.state.live else None
            if moved:
                taken = self._moved([moved])
                grants, halted = [*grants, *taken.grants], halted + taken.halted
        return Moved(tuple(grants), halted)

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        self._called("grant")
        if self.gate is not None:
            await self.gate.wait()
        key = (group.app_id, group.track)
        self._see(sighting)
        ledger, fleet = self._ledger(*key, group=group), self._fleet(group, sighting.instance_id)
        live = fleet.live_grant
        decision = decide.decide(group, instance, fleet, now)
        closed = None
        if isinstance(decision, Offer) and decision.grant is None:
            if live is not None:
                closed = self._put(replace(live, state=GrantState.SUPERSEDED))
            deadline = now + timedelta(seconds=group.timeouts.update_seconds)
            made = Grant(
                *key, ledger.next_number, decision.sequence, decision.version, sighting.instance_id,
                GrantState.GRANTED, now, now, deadline,
                wave=decision.wave, epoch=group.course.epoch, established=decision.established,
            )  # fmt: skip
            self.grants.append(made)
            decision = replace(decision, grant=made)
        return Granted(decision, self._ledger(*key, group=group), closed)

    async def record_rollout(
        self, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
    ) -> GroupLedger | Refusal:
        self._called("record_rollout")
        key = (group.app_id, group.track)
        if stamp.sequence < self.highest.get(key, 0):
            return Refusal(Reason.STALE_CATALOG)
        self.highest[key] = stamp.sequence
        self.rollouts[key] = RolloutRecord(
            stamp.sequence, stamp.version, stamp.salt, stamp.started_at, stamp.kind, now if completed else None
        )
        return self._ledger(*key, group=group)

    async def sweep(self, now: datetime) -> Moved:
        self._called("sweep")
        return self._moved([moved for grant in self.grants if (moved := evidence.expire(grant, now))])

    async def beat(self, now: datetime) -> Sequence[Grant]:
        """See FleetKeeper.beat; it was never away."""
        return ()

    async def retire(self, app_id: str, retention_seconds: int, now: datetime, limit: int) -> Sequence[str]:
        """See FleetKeeper.retire; it keeps everybody."""
        return ()

    async def fleet(self, group: ResolvedGroup, instance_id: str, now: datetime) -> Fleet:
        """See FleetReader.fleet."""
        self._called("fleet")
        return self._fleet(group, instance_id)

    async def placements(self) -> Sequence[Placement]:
        """None are kept: the fleet API's tests have a real store."""
        self._called("placements")
        return []

    async def progress(self, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[tuple[str, str], GroupProgress]:
        self._called("progress")
        counted = {}
        for key in {(group.app_id, group.track) for group in groups} | set(self.rollouts):
            seen = [record for record in self.instances.values() if (record.app_id, record.track) == key]
            rollout = self.rollouts.get(key)
            counted[key] = GroupProgress(
                *key,
                rollout=rollout,
                total=len(seen),
                active=len(seen),
                on_target=sum(1 for record in seen if rollout and record.version == rollout.version),
                in_progress=self._ledger(*key).in_flight,
            )
        return counted

    def _see(self, sighting: Sighting) -> None:
        key = (sighting.app_id, sighting.instance_id)
        held = self.instances.get(key)
        self.instances[key] = InstanceRecord(
            *key, sighting.track, sighting.version, held.first_seen if held else sighting.at, sighting.at,
            "" if sighting.refusal == OFFERED else sighting.refusal, sighting.attributes, sighting.alias, sighting.boot_id,
            held.attempts if held else (),
        )  # fmt: skip

    def _latest(self, app_id: str, instance_id: str) -> Grant | None:
        own = [grant for grant in self.grants if (grant.app_id, grant.instance_id) == (app_id, instance_id)]
        return own[-1] if own else None

    def _fleet(self, group: ResolvedGroup, instance_id: str) -> Fleet:
        key = (group.app_id, group.track)
        ledger, latest = self._ledger(*key, group=group), self._latest(group.app_id, instance_id)
        record = self.instances.get((group.app_id, instance_id))
        through = [
            grant.wave
            for grant in self._counted(*key)
            if grant.instance_id == instance_id and group.stamp is not None and grant.sequence == group.stamp.sequence
        ]
        return Fleet(
            live_grant=latest if latest and latest.state.live else None,
            highest_sequence=ledger.highest_sequence,
            in_flight=ledger.in_flight,
            rate_slot=ledger.rate_slot,
            latch=ledger.latch,
            through=ledger.through,
            counted_in=through[-1] if through else "",
            attempts=record.attempts if record else (),
            first_seen=record.first_seen if record else None,
            newcomers_in_flight=ledger.newcomers_in_flight,
            newcomer_slot=ledger.newcomer_slot,
        )

    def _counted(self, app_id: str, track: str) -> list[Grant]:
        return [grant for grant in self.grants if (grant.app_id, grant.track) == (app_id, track) and grant.established]

    def _moved(self, grants: Sequence[Grant]) -> Moved:
        for grant in grants:
            self._put(grant)
            key = (grant.app_id, grant.instance_id)
            record = self.instances[key]
            self.instances[key] = replace(record, attempts=attempts.after(record.attempts, [grant]))
        halted: tuple[GroupLedger, ...] = ()
        if self.halts is not None and grants and not grants[-1].state.live:
            key = (grants[-1].app_id, grants[-1].track)
            self.latches[key], self.halts = self.halts, None
            halted = (self._ledger(*key),)
        return Moved(tuple(grants), halted)

    def _put(self, grant: Grant) -> Grant:
        index = [(held.track, held.number) for held in self.grants].index((grant.track, grant.number))
        self.grants[index] = grant
        return grant

    def _ledger(self, app_id: str, track: str, group: ResolvedGroup | None = None) -> GroupLedger:
        own = [grant for grant in self.grants if (grant.app_id, grant.track) == (app_id, track)]
        newcomers, sequence = [grant for grant in own if not grant.established], self.highest.get((app_id, track), 0)
        slot = newcomer_slot = None
        if group is not None:
            slot = _slot(own, group.limits)
            newcomer_slot = (
                _slot(newcomers, admission.limits_for_newcomers(group.limits)) if group.plan.guarded else None
            )
        through = {grant.instance_id: grant.wave for grant in own if grant.established and grant.sequence == sequence}
        return GroupLedger(
            app_id, track, sequence, len(own) + 1, _live(own), slot,
            latch=self.latches.get((app_id, track)),
            through=Counter(through.values()),
            newcomers_in_flight=_live(newcomers),
            newcomer_slot=newcomer_slot,
        )  # fmt: skip


def _live(grants: Sequence[Grant]) -> int:
    return sum(1 for grant in grants if grant.state.live)


def _slot(grants: Sequence[Grant], of: Limits) -> datetime | None:
    number = limits.deciding_number(len(grants) + 1, of)
    return limits.slot(grants[number - 1].granted_at if number else None, of)
