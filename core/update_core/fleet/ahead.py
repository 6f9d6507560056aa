"""How many would the next wave let in that no open one does? Those who wait are counted one by one, by their places in the order.

A share of their number would be a guess: a draw puts a few more or fewer in a wave, and one that waits for more than it has never settles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from update_core.fleet import census
from update_core.fleet.attributes import Attributes
from update_core.fleet.census import Census
from update_core.fleet.progress import RolloutRecord
from update_core.rollout import admission, cohort, waves
from update_core.rollout.model import ResolvedGroup
from update_core.rollout.waves import Opened, Wave


@dataclass(frozen=True, slots=True)
class Sought:
    """The wave that is counted for, and what is open before it."""

    sequence: int
    salt: str
    wave: Wave
    opened: tuple[Opened, ...]

    @property
    def numbered(self) -> frozenset[str]:
        """Open waves that let a number of instances in: who was granted through one of them stays in it."""
        return frozenset(opened.name for opened in self.opened if opened.instances is not None)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the order that the wave lets in, of instances of one kind, and no open wave does."""

    above_ppm: int
    ppm: int
    numbered: frozenset[str] = frozenset()
    """Open waves that let a number of instances in, which may be these."""

    def has(self, salt: str, instance_id: str) -> bool:
        """Whether an instance is in it."""
        return cohort.between(self.above_ppm, self.ppm, salt, instance_id)


Parts = Mapping[tuple[str, Attributes], Part]
"""By version and machine, of those who wait and may be let in."""


def sought(group: ResolvedGroup, rollout: RolloutRecord | None) -> Sought | None:
    """What is to be counted now: for the next wave, once it may open soon. None for the last, after which none waits for it to settle."""
    stamp, plan, opened = group.stamp, group.plan, group.course.opened
    if stamp is None or rollout is None or (stamp.sequence, stamp.salt) != (rollout.sequence, rollout.salt):
        return None
    if opened is None or plan.linear is not None or plan.problem or stamp.kind == "Rollback":
        return None
    wave = admission.following(plan.waves, tuple(each.name for each in opened))
    if wave is None or wave is plan.waves[-1]:
        return None
    if opened and opened[-1].settled_at is None and not admission.skips_bake(plan, stamp.version, wave):
        return None
    return Sought(stamp.sequence, stamp.salt, wave, opened)


def parts(what: Sought, taken: Census, group: ResolvedGroup, rollout: RolloutRecord) -> Parts:
    """Where in the order to look for whom. Kinds of which nobody waits, or who are let in already, have no part."""
    found: dict[tuple[str, Attributes], Part] = {}
    up_to = cohort.PPM_OF_ALL if what.wave.ppm is None else what.wave.ppm
    for kind in taken.kinds:
        asking = census.asking(kind, group, rollout)
        if asking is None or not waves.matches(what.wave.match, asking):
            continue
        before = [opened for opened in what.opened if waves.matches(opened.match, asking)]
        above = max((opened.ppm or 0 for opened in before), default=0)
        if above < up_to:
            numbered = frozenset(opened.name for opened in before if opened.instances is not None)
            found[kind.version, kind.machine] = Part(above, up_to, numbered)
    return found


def total(what: Sought, counted: Mapping[Part, int], through: Mapping[str, int]) -> int:
    """How many are ahead, of so many in each part who were granted through no wave of a number; `through`: how many were, by wave.

    Places that such a wave has left are taken by whoever comes first: as many may never be let in by the next.
    """
    ahead = sum(counted.values())
    for opened in what.opened:
        if opened.instances is not None:
            left = max(opened.instances - through.get(opened.name, 0), 0)
            ahead -= min(left, sum(count for part, count in counted.items() if opened.name in part.numbered))
    return max(ahead, 0)
