"""What does the operator of a simulation learn? The counts of its board, or those of the store's rows, which have to be the same."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from update_core.fleet import ahead
from update_core.fleet.ahead import Part
from update_core.fleet.memory import counting
from update_core.rollout.advance import Facts
from update_core.simulation.world import World


def of_board(world: World, now: datetime) -> Facts:  # noqa: ARG001 - as of_rows
    """What was counted as it happened."""
    standing = world.board.standing(world.group, world.row)
    return Facts(
        waves=counting.of_waves(world.row, standing.waiting, _ahead(world)),
        active=standing.active,
        on_target=standing.on_target,
        finished=standing.finished,
        in_flight=world.row.in_flight,
    )


def of_rows(world: World, now: datetime) -> Facts:
    """What the store counts when it is asked."""
    group = world.group
    counted = counting.progress(world.memory, [group], now)[group.app_id, group.track]
    return Facts(
        waves=counted.waves,
        active=counted.active,
        on_target=counted.on_target,
        finished=counted.finished,
        in_flight=counted.in_progress_current,
    )


def _ahead(world: World) -> Mapping[str, int]:
    """As a store counts it, by the places in the order that are known already."""
    row, group, population = world.row, world.group, world.population
    rollout = row.rollouts[row.highest_sequence]
    what = ahead.sought(group, rollout)
    if what is None:
        return {}
    parts, counted = ahead.parts(what, world.board.taken(), group, rollout), Counter[Part]()
    machines, numbered = [machine.attributes for machine in world.assumptions.machines], what.numbered
    for instance in range(population.established):
        part = parts.get((world.version(instance), machines[population.machines[instance]]))
        if part is None or not world.active[instance] or not part.above_ppm < population.needed[instance] <= part.ppm:
            continue
        known = world.known[instance]
        let_in = () if known is None or not numbered else known.waves(row.track, row.highest_sequence)
        counted[part] += numbered.isdisjoint(let_in)
    return {what.wave.name: ahead.total(what, counted, row.through)}
