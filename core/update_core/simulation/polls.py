"""When does an instance check? Once in every interval, at a moment that is computed and never waited for.

The interval is cut into blocks. In each interval the instances of a block come shifted against their places in it, by another amount each
time, and those shifted beyond its end come at its beginning: so each comes earlier or later than the last time, by less than a block, and
which of the waiting comes next is found without asking each of them.
"""

from update_core.simulation import draws
from update_core.simulation.assumptions import MICROSECONDS, Assumptions


class Polls:
    """The checks of a fleet. Times are microseconds since the rollout began; a place is one within the interval."""

    def __init__(self, assumptions: Assumptions) -> None:
        self.interval = assumptions.interval_seconds * MICROSECONDS
        self.blocks = 100 // assumptions.jitter_percent if assumptions.jitter_percent else 1
        self.length = self.interval // self.blocks
        self._shifts = assumptions.jitter_percent > 0
        self._seed = assumptions.seed
        self._known: dict[int, int] = {}

    @property
    def places(self) -> int:
        """Places are below this."""
        return self.length * self.blocks

    def shift(self, cycle: int, block: int) -> int:
        """By how much the instances of a block come later in a cycle, or earlier where that is beyond its end."""
        if not self._shifts:
            return 0
        key = cycle * self.blocks + block
        shift = self._known.get(key)
        if shift is None:
            shift = self._known[key] = draws.below(draws.of_shift(self._seed, cycle, block)[0], self.length)
        return shift

    def at(self, place: int, cycle: int) -> int:
        """When the instance of a place checks in a cycle."""
        block, offset = divmod(place, self.length)
        return cycle * self.interval + block * self.length + (offset + self.shift(cycle, block)) % self.length

    def next(self, place: int, now: int) -> int:
        """When it checks the first time from `now` on."""
        cycle = now // self.interval
        found = self.at(place, cycle)
        return found if found >= now else self.at(place, cycle + 1)

    def last(self, place: int, now: int) -> int:
        """When it checked the last time before `now`."""
        cycle = now // self.interval
        found = self.at(place, cycle)
        return found if found < now else self.at(place, cycle - 1)
