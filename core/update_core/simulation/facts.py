"""What does the operator of a simulation learn? The counts of its board, or those of the store's rows, which have to be the same."""

from datetime import datetime

from update_core.fleet.memory import counting
from update_core.rollout.advance import Facts
from update_core.simulation.world import World


def of_board(world: World, now: datetime) -> Facts:  # noqa: ARG001 - as of_rows
    """What was counted as it happened."""
    standing = world.board.standing(world.group, world.row)
    return Facts(
        waves=counting.of_waves(world.row, standing.waiting),
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
