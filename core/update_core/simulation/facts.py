"""What does the operator of a simulation learn? The counts of its board, or those of the store's rows, which have to be the same."""

from datetime import datetime, timedelta

from update_core.fleet.memory import counting
from update_core.rollout.advance import Facts
from update_core.simulation.world import World


def of_board(world: World, now: datetime) -> Facts:  # noqa: ARG001 - as of_rows
    """What was counted as it happened."""
    group, row, board = world.group, world.row, world.board
    active, on_target, finished = board.totals(guarded=group.plan.guarded)
    return Facts(
        waves=board.waves(group, row), active=active, on_target=on_target, finished=finished, in_flight=row.in_flight
    )


def of_rows(world: World, now: datetime) -> Facts:
    """What the store counts when it is asked."""
    group = world.group
    counted = counting.progress(world.memory, [group], now)[group.app_id, group.track]
    since = now - timedelta(seconds=group.active_seconds)
    active = [known for known in world.memory.instances.values() if known.last_seen >= since]
    established = [known for known in active if known.first_seen < world.stamp.started_at]
    if group.plan.guarded and established:
        active = established
    below = [known for known in active if not world.reached(known.version)]
    return Facts(
        waves=counted.waves,
        active=len(active),
        on_target=len(active) - len(below),
        finished=sum(known.last_refusal in counting.FINISHED for known in below),
        in_flight=counted.in_progress_current,
    )
