"""How far is the rollout that is simulated? A census that is kept up as it goes on, where a store would count its rows."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from update_core.fleet import census
from update_core.fleet.attributes import Attributes
from update_core.fleet.census import Census
from update_core.fleet.memory.rows import GroupRow
from update_core.rollout.model import ResolvedGroup


class Kind(NamedTuple):
    """Instances that no count tells apart: a part of the fleet, by version, established or not."""

    established: bool
    machine: int
    version: str


class Board:
    """Counts of the active instances. `machines` is what each part of the fleet reports, `reached` whether a version is the target."""

    def __init__(self, machines: tuple[Attributes, ...], reached: Callable[[str], bool]) -> None:
        self._machines = machines
        self._reached = reached
        self._active: Counter[Kind] = Counter()
        self._out_of_reach: Counter[Kind] = Counter()
        self.on_target = 0

    @property
    def active(self) -> int:
        """How many there are."""
        return sum(self._active.values())

    def come(self, kind: Kind, count: int = 1) -> None:
        """So many instances are active from now on."""
        self._active[kind] += count
        self.on_target += count * self._reached(kind.version)

    def go(self, kind: Kind) -> None:
        """One isn't any more, or is of another kind from now on."""
        self._active[kind] -= 1
        self.on_target -= self._reached(kind.version)

    def refuse(self, kind: Kind, *, for_good: bool) -> None:
        """An active instance was refused for a reason that stays, or isn't refused for it any more."""
        self._out_of_reach[kind] += 1 if for_good else -1

    def standing(self, group: ResolvedGroup, row: GroupRow) -> census.Standing:
        """What it says of the rollout."""
        return census.read(self.taken(), group, row.rollouts.get(row.highest_sequence))

    def taken(self) -> Census:
        """Who is active, by kind."""
        return Census(self._kinds(self._active), self._kinds(self._out_of_reach))

    def _kinds(self, counted: Mapping[Kind, int]) -> tuple[census.Kind, ...]:
        return tuple(
            census.Kind(kind.version, self._machines[kind.machine], count, count, count if kind.established else 0)
            for kind, count in counted.items()
            if count
        )
