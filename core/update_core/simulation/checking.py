"""Every check of every instance, one by one: what `skipping` has to come to as well, and a fleet of a few thousand can afford."""

import heapq

from update_core.rollout.model import Decision, Refusal
from update_core.simulation.world import World


class EveryCheck:
    """A crowd of which everybody asks whenever it checks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._checks: list[tuple[int, int]] = []

    def next(self, now: int) -> tuple[int, int] | None:
        """See Crowd.next."""
        world, checks = self._world, self._checks
        while checks:
            at, instance = checks[0]
            if at < now or world.busy[instance] or world.gone[instance]:
                heapq.heappop(checks)
                continue
            return at, instance
        return None

    def begin(self) -> None:
        """See Crowd.begin."""
        for instance in range(self._world.population.established):
            self.idle(instance, 0)

    def idle(self, instance: int, now: int) -> None:
        """See Crowd.idle."""
        world = self._world
        known = world.hear(instance)
        if not world.attempts[instance]:
            known.last_seen = max(
                known.last_seen, world.instant(world.polls.last(world.population.places[instance], now))
            )
        self._check(instance, now)

    def answered(self, instance: int, now: int, decision: Decision) -> None:
        """See Crowd.answered."""
        while self._checks and self._checks[0] <= (now, instance):
            heapq.heappop(self._checks)
        if isinstance(decision, Refusal):
            self._check(instance, now + 1)

    def gone(self, instance: int) -> None:
        """See Crowd.gone."""

    def room(self) -> None:
        """See Crowd.room: who was refused asks again anyway."""

    def changed(self, now: int) -> None:
        """See Crowd.changed."""

    def ready(self, instance: int, now: int) -> None:
        """See Crowd.ready: nothing is put down."""

    def _check(self, instance: int, now: int) -> None:
        world = self._world
        heapq.heappush(self._checks, (world.polls.next(world.population.places[instance], now), instance))
