"""How does an instance get a grant? Memory refuses what it can; the store decides the rest, on its rows.

While a limit holds the group back, attempts go to the store one by one, each after a new look at what the one before learned: a
thousand instances that wait for a slot cost one transaction when it opens, not a thousand.
"""

import asyncio
import logging
from collections import defaultdict

from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory, GroupKey
from omaha_api.rollouts import rollout_mirror
from update_core.fleet.store import FleetStore, Sighting, StoreUnavailable
from update_core.rollout import decide
from update_core.rollout.model import Decision, Fleet, Instance, Offer, Reason, Refusal, ResolvedGroup

logger = logging.getLogger(__name__)


class Granting:
    """Takes an offer that memory has nothing against to the store."""

    def __init__(
        self, store: FleetStore, memory: FleetMemory, mirror: rollout_mirror.RolloutMirror, clock: Clock
    ) -> None:
        self._store = store
        self._memory = memory
        self._mirror = mirror
        self._clock = clock
        self._turns: defaultdict[GroupKey, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._attempts: defaultdict[GroupKey, int] = defaultdict(int)
        self.granted = 0
        """New grants since the start."""

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting) -> Decision:
        """The store's decision for an instance that memory would offer to; without the store, a refusal."""
        try:
            refusal = await self._mirror.ensure(group)
            if refusal is not None:
                return refusal
            if not self._contended(group):
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

    def _contended(self, group: ResolvedGroup) -> bool:
        fleet = self._memory.fleet(group, None)
        most = group.limits.max_in_flight
        attempts = self._attempts[group.app_id, group.track]
        return fleet.rate_slot is not None or (most is not None and fleet.in_flight + attempts >= most)

    def _fleet(self, group: ResolvedGroup, sighting: Sighting) -> Fleet:
        live = self._memory.live_grant((sighting.app_id, sighting.instance_id))
        return self._memory.fleet(group, live)

    async def _attempt(self, group: ResolvedGroup, instance: Instance, sighting: Sighting) -> Decision:
        key = (group.app_id, group.track)
        self._attempts[key] += 1
        try:
            granted = await self._store.grant(group, instance, sighting, self._clock())
        finally:
            self._attempts[key] -= 1
        if granted.closed is not None:
            self._memory.apply(granted.closed)
        if isinstance(granted.decision, Offer) and granted.decision.grant is not None:
            if granted.decision.grant != self._memory.live_grant((sighting.app_id, sighting.instance_id)):
                self.granted += 1
            self._memory.apply(granted.decision.grant)
        self._memory.learn(granted.ledger, group.limits)
        return granted.decision
