"""How does an instance get a grant? Memory refuses what it can; the store decides the rest, on its rows.

While a limit holds the group back, attempts go to the store one by one, each after a new look at what the one before learned: a
thousand instances that wait for a slot cost one transaction when it opens, not a thousand.
"""

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace

from omaha_api.clock import Clock
from omaha_api.instances.enrolment import Enrolment, Network, nowhere
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import InstanceKey
from omaha_api.instances.ledgers import GroupKey
from omaha_api.rollouts import rollout_mirror
from omaha_api.rollouts.crowding import Crowding
from update_core.fleet.store import FleetStore, Granted, Sighting, StoreUnavailable
from update_core.rollout import admission, decide
from update_core.rollout.model import Decision, Fleet, Instance, Offer, Reason, Refusal, ResolvedGroup

logger = logging.getLogger(__name__)


class Granting:
    """Takes an offer that memory has nothing against to the store."""

    def __init__(
        self,
        store: FleetStore,
        memory: FleetMemory,
        mirror: rollout_mirror.RolloutMirror,
        clock: Clock,
        enrolment: Enrolment | None = None,
        crowding: Crowding | None = None,
    ) -> None:
        """`enrolment` is told of applications that are full, `crowding` of networks that are."""
        self._store = store
        self._memory = memory
        self._mirror = mirror
        self._clock = clock
        self._enrolment = enrolment or Enrolment()
        self._crowding = crowding or Crowding()
        self._turns: defaultdict[GroupKey, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._attempts: defaultdict[GroupKey, int] = defaultdict(int)
        self.granted = 0
        """New grants since the start."""
        self.granted_to_newcomers = 0
        """Those of them whose instances weren't established."""

    async def grant(
        self, group: ResolvedGroup, instance: Instance, sighting: Sighting, network: Network = nowhere
    ) -> Decision:
        """The store's decision for an instance that memory would offer to; without the store, a refusal."""
        source = self._crowding.source(network)
        if source is not None:
            if self._crowding.full(group.app_id, source, self._clock()):
                return Refusal(Reason.TOO_MANY_IN_FLIGHT)
            sighting = replace(sighting, source=source)
        try:
            refusal = await self._mirror.ensure(group)
            if refusal is not None:
                return refusal
            if not self._contended(group, instance, sighting):
                return await self._attempt(group, instance, sighting)
            async with self._turns[group.app_id, group.track]:
                if self._memory.lagging:
                    return await self._attempt(group, instance, sighting)
                fleet = self._fleet(group, sighting)
                decision = decide.decide(group, instance, fleet, self._clock() + self._memory.ahead)
                if isinstance(decision, Refusal) or decision.grant is not None:
                    return decision
                return await self._attempt(group, instance, sighting)
        except StoreUnavailable as error:
            logger.debug("no grant without the store: %s", error)
            return Refusal(Reason.STORE_UNAVAILABLE)

    def _contended(self, group: ResolvedGroup, instance: Instance, sighting: Sighting) -> bool:
        """Whether all who are asking now may be more than a limit lets through."""
        fleet = self._fleet(group, sighting)
        attempts = self._attempts[group.app_id, group.track]
        most = group.limits.max_in_flight
        if fleet.rate_slot is not None or (most is not None and fleet.in_flight + attempts >= most):
            return True
        question = decide.Question(group, instance, fleet, self._clock() + self._memory.ahead)
        if question.newcomer and (
            fleet.newcomer_slot is not None
            or (most is not None and fleet.newcomers_in_flight + attempts >= admission.newcomers_share(most))
        ):
            return True
        return any(
            opened.instances is not None
            and opened.name == question.wave
            and fleet.through.get(opened.name, 0) + attempts >= opened.instances
            for opened in group.course.opened or ()
        )

    def _fleet(self, group: ResolvedGroup, sighting: Sighting) -> Fleet:
        key = (sighting.app_id, sighting.instance_id)
        return self._memory.fleet(group, self._memory.live_grant(key), sighting.instance_id, self._memory.known(key))

    async def _attempt(self, group: ResolvedGroup, instance: Instance, sighting: Sighting) -> Decision:
        key = (group.app_id, group.track)
        self._attempts[key] += 1
        try:
            granted = await self._store.grant(group, instance, sighting, self._clock())
        finally:
            self._attempts[key] -= 1
        self._take(granted, group, (sighting.app_id, sighting.instance_id))
        if granted.crowded and sighting.source is not None:
            self._crowding.fill(group.app_id, sighting.source, self._clock())
        elif isinstance(granted.decision, Refusal):
            self._learn(granted.decision, group, instance, sighting)
        return granted.decision

    def _learn(self, refusal: Refusal, group: ResolvedGroup, instance: Instance, sighting: Sighting) -> None:
        if refusal.reason is Reason.ENROLMENT_LIMITED and refusal.until is not None:
            self._enrolment.close(group.app_id, refusal.until, self._clock() + self._memory.ahead)
        self._wonder(group, instance, sighting)

    def _take(self, granted: Granted, group: ResolvedGroup, asking: InstanceKey) -> None:
        new = granted.decision.grant if isinstance(granted.decision, Offer) else None
        if granted.closed is not None:
            self._memory.apply(granted.closed)
        if new is not None:
            if new != self._memory.live_grant(asking):
                self.granted += 1
                self.granted_to_newcomers += not new.established
            self._memory.apply(new)
        self._memory.learn(granted.ledger, group.limits)
        if new is not None:
            # After the ledger, which has the waves that count.
            self._memory.count_in(new)

    def _wonder(self, group: ResolvedGroup, instance: Instance, sighting: Sighting) -> None:
        """Where memory still doesn't see why the store refused, it has an old record of the instance."""
        decision = decide.decide(group, instance, self._fleet(group, sighting), self._clock() + self._memory.ahead)
        if isinstance(decision, Offer):
            self._memory.set_counted((group.app_id, group.track), sighting.instance_id, "")
            self._memory.outdate((sighting.app_id, sighting.instance_id))
