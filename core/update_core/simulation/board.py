"""How far is the rollout that is simulated? Counted as it goes on, where a store would count its rows.

Instances are told apart by whether they are established, by their machine and by their version: all that a count can ask for.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from update_core.fleet.memory.rows import GroupRow
from update_core.rollout import waves
from update_core.rollout.advance import WaveCounts
from update_core.rollout.model import Instance, ResolvedGroup
from update_core.rollout.waves import Asking, Match


class Kind(NamedTuple):
    """Instances that no count tells apart."""

    established: bool
    machine: int
    version: str


class Board:
    """Counts of the active instances. `asked` is what a machine asks at a version, `reached` whether that version is the target."""

    def __init__(self, asked: Callable[[int, str], Instance], reached: Callable[[str], bool]) -> None:
        self._asked = asked
        self._reached = reached
        self.active: Counter[Kind] = Counter()
        self.finished: Counter[bool] = Counter()
        """Active instances, established or not, below the target and refused for good."""
        self.on_target = 0
        self.let_in: Counter[str] = Counter()
        """Distinct established instances by the wave through which they were granted."""

    def come(self, kind: Kind, count: int = 1) -> None:
        """So many instances are active from now on."""
        self.active[kind] += count
        self.on_target += count * self._reached(kind.version)

    def go(self, kind: Kind) -> None:
        """It isn't any more, or is of another kind from now on."""
        self.active[kind] -= 1
        self.on_target -= self._reached(kind.version)

    def totals(self, *, guarded: bool) -> tuple[int, int, int]:
        """(active, on target, finished) as they count for completion: where a rollout is judged, of the established, if any is active."""
        established = sum(count for kind, count in self.active.items() if kind.established)
        of_them_alone = guarded and established > 0
        counted = [
            (kind.version, count) for kind, count in self.active.items() if kind.established or not of_them_alone
        ]
        active = sum(count for _, count in counted)
        on_target = sum(count for version, count in counted if self._reached(version))
        finished = self.finished[True] + (0 if of_them_alone else self.finished[False])
        return active, on_target, finished

    def waves(self, group: ResolvedGroup, row: GroupRow) -> Mapping[str, WaveCounts]:
        """Of the established instances, by every wave that is open or planned."""
        matches: dict[str, Match] = {wave.name: wave.match for wave in group.plan.waves}
        matches |= {wave.name: wave.match for wave in group.course.opened or ()}
        counted: dict[str, WaveCounts] = {}
        for name, match in matches.items():
            succeeded, failed = row.tallies.get(name, (0, 0))
            counted[name] = WaveCounts(self.let_in[name], succeeded, failed, self._waiting(match))
        return counted

    def _waiting(self, match: Match) -> int:
        return sum(
            count
            for kind, count in self.active.items()
            if kind.established and not self._reached(kind.version) and waves.matches(match, self._asking(kind))
        )

    def _asking(self, kind: Kind) -> Asking:
        instance = self._asked(kind.machine, kind.version)
        return Asking(None, instance.machine, instance.arch, kind.version)
