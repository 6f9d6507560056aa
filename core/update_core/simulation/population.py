"""Who is in the fleet that is made up? Each instance's id, place in the interval, place in the rollout's order, machine, and life."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from update_core import architectures
from update_core.rollout import cohort
from update_core.rollout.model import Instance
from update_core.simulation import draws, waiting
from update_core.simulation.assumptions import MICROSECONDS, PPM, Assumptions, Machines
from update_core.simulation.polls import Polls

_DAY = 86400 * MICROSECONDS
_PLACES = 2**64
_PREFIX = "instance-"


@dataclass(frozen=True, slots=True)
class Joining:
    """An instance that appears, with its first check."""

    instance: int
    at: int


class Population:
    """The instances by their numbers: first those that were known before, then those that join, in their order.

    Raises:
        ValueError: there are more than can be told apart.
    """

    def __init__(self, assumptions: Assumptions, polls: Polls, salt: str) -> None:
        joining = _joining(assumptions)
        self.size = assumptions.fleet + len(joining)
        if self.size > waiting.MAX_INSTANCES:
            raise ValueError(f"{self.size} instances with those that join are more than {waiting.MAX_INSTANCES}")
        self.established = assumptions.fleet
        """Those below are."""
        self.ids = [f"{_PREFIX}{number:07}" for number in range(self.size)]
        self.places = array("Q", bytes(8 * self.size))
        self.needed = array("L", bytes(array("L").itemsize * self.size))
        """The share of the order, in parts per million, from which on an instance is in it."""
        self.machines = bytearray(self.size)
        """The part of the fleet that an instance belongs to."""
        self.leaving: dict[int, int] = {}
        """When an instance is there for the last time, where that is in the time looked at."""
        self.joining: list[Joining] = []
        self._draw(assumptions, polls, salt, joining)

    def _draw(self, assumptions: Assumptions, polls: Polls, salt: str, joining: Sequence[int]) -> None:
        places, until = polls.places, assumptions.until_seconds * MICROSECONDS
        shares = _cumulative(assumptions.machines)
        # Whoever is there has the same chance to leave on each day of the time looked at.
        leaving = assumptions.leave_ppm * until // _DAY
        for instance, name in enumerate(self.ids):
            place, leaves, machine, when = draws.of_instance(assumptions.seed, instance)
            self.places[instance] = draws.below(place, places)
            self.needed[instance] = cohort.position(salt, name) * cohort.PPM_OF_ALL // _PLACES + 1
            if len(shares) > 1:
                drawn = draws.below(machine, shares[-1])
                self.machines[instance] = next(part for part, share in enumerate(shares) if drawn < share)
            if draws.below(leaves, PPM) < leaving:
                self.leaving[instance] = draws.below(when, until)
        for number, at in enumerate(joining):
            instance = assumptions.fleet + number
            first = polls.next(self.places[instance], at)
            self.joining.append(Joining(instance, first))
            if self.leaving.get(instance, first + 1) <= first:
                # It left before anybody heard of it: it stays, in the place of one that did join.
                del self.leaving[instance]

    def number(self, instance_id: str) -> int:
        """The instance of an id."""
        return int(instance_id.removeprefix(_PREFIX))

    def question(self, instance: int, asked: Instance) -> Instance:
        """What its kind of machine asks, as this instance."""
        # By place: every check that is made makes one.
        return Instance(
            self.ids[instance],
            asked.version,
            asked.updates_disabled,
            asked.same_version,
            asked.rollback_allowed,
            asked.version_prefix,
            asked.arch,
            asked.oem,
            asked.on_demand,
            asked.several_versions,
            asked.machine,
        )


def asked_by(machines: Machines, version: str) -> Instance:
    """What instances of a part of the fleet ask, running a version; without a name."""
    machine = machines.attributes
    arch = architectures.of(board=machine.board, arch=machine.arch, sp=machine.sp)
    return Instance(None, version, arch=arch, oem=machine.oem, machine=machine)


def _joining(assumptions: Assumptions) -> list[int]:
    """When instances join, evenly over the time looked at."""
    until = assumptions.until_seconds * MICROSECONDS
    count = assumptions.fleet * assumptions.join_ppm * until // (PPM * _DAY)
    return [until * (2 * number + 1) // (2 * count) for number in range(count)]


def _cumulative(parts: Sequence[Machines]) -> list[int]:
    total, shares = 0, []
    for part in parts:
        total += part.share
        shares.append(total)
    return shares
