"""Whom would the open waves let in? The same as `rollout.admission` says, from numbers that are worked out once for each instance."""

from update_core.rollout import waves
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.waves import Asking, Opened
from update_core.simulation.world import World

_NONE: frozenset[str] = frozenset()


class Admitting:
    """The waves of a world as they are open now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._matches: dict[tuple[str, int, str], bool] = {}
        self._opened: tuple[Opened, ...] | None = None
        self._counting: tuple[Opened, ...] = ()

    def everybody(self) -> bool:
        """Whether no wave has to let anybody in."""
        course = self._world.group.course
        return course.opened is None and course.linear is None

    def admits(self, instance: int) -> bool:
        """Whether one of the waves would let the instance in."""
        if self.everybody():
            return True
        return any(self._lets_in(opened, instance) for opened in self._world.group.course.opened or ())

    def full(self) -> frozenset[str]:
        """The waves that have let in as many as they may."""
        opened = self._world.group.course.opened
        if opened is not self._opened:
            self._opened = opened
            self._counting = tuple(wave for wave in opened or () if wave.instances is not None)
        if not self._counting:
            return _NONE
        through = self._world.row.through
        return frozenset(wave.name for wave in self._counting if through.get(wave.name, 0) >= (wave.instances or 0))

    def share(self) -> int:
        """Up to which place in the order everybody is let in, in parts per million."""
        if self.everybody():
            return PPM_OF_ALL
        return max((wave.ppm or 0 for wave in self._world.group.course.opened or () if not wave.match), default=0)

    def by_shares_alone(self) -> bool:
        """Whether that says it all: no open wave is for some of the instances, or for a number of them."""
        return all(wave.ppm is not None and not wave.match for wave in self._world.group.course.opened or ())

    def _lets_in(self, opened: Opened, instance: int) -> bool:
        world = self._world
        if opened.match and not self._matching(opened, instance):
            return False
        if opened.ppm is not None:
            return opened.ppm >= PPM_OF_ALL or world.population.needed[instance] <= opened.ppm
        known = world.known[instance]
        if known is not None and opened.name in known.waves(world.row.track, world.row.highest_sequence):
            return True
        established = instance < world.population.established
        return established and world.row.through.get(opened.name, 0) < (opened.instances or 0)

    def _matching(self, opened: Opened, instance: int) -> bool:
        world = self._world
        machine, version = world.population.machines[instance], world.version(instance)
        key = (opened.name, machine, version)
        if key not in self._matches:
            asked = world.asked(machine, version)
            self._matches[key] = waves.matches(opened.match, Asking(None, asked.machine, asked.arch, version))
        return self._matches[key]
