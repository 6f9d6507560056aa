"""What would become of a group's rollout? Run it through, from its beginning to its end or for as long as is looked at it."""

from collections.abc import Callable
from dataclasses import replace

from update_core.rollout import advance
from update_core.rollout.model import ResolvedGroup
from update_core.simulation import facts
from update_core.simulation.assumptions import Assumptions
from update_core.simulation.checking import EveryCheck
from update_core.simulation.journal import End, Journal, Result
from update_core.simulation.lives import Lives
from update_core.simulation.operating import Operator
from update_core.simulation.skipping import Skipping
from update_core.simulation.world import Step, World

_TOLD_AFTER = 4096

Told = Callable[[int, int], None]
"""Is told (seconds since the rollout began, instances on the target) now and then."""


def run(
    group: ResolvedGroup,
    assumptions: Assumptions,
    *,
    every_check: bool = False,
    logged: bool = False,
    told: Told | None = None,
) -> Result:
    """Simulate the rollout that is stamped in `group`; its course is begun anew.

    `every_check` leaves out none, and counts the store's rows each time: for fleets of some thousands. `logged` keeps each grant and end.

    Raises:
        ValueError: the group has no stamp, its plan or schedule can't be read, or its instances check so seldom that they don't count as
            active.
    """
    stamp = group.stamp
    if stamp is None:
        raise ValueError("the group is stamped with no rollout")
    for problem in (group.plan.problem, group.schedule.problem):
        if problem:
            raise ValueError(problem)
    if assumptions.longest_gap_seconds > group.active_seconds:
        raise ValueError(
            f"instances that check every {assumptions.longest_gap_seconds} seconds aren't active all the time: "
            f"spec.activeSeconds is {group.active_seconds}"
        )
    stamp = replace(stamp, started_at=assumptions.started_at)
    course = advance.begin(group.plan, all_open=stamp.kind == "Rollback", now=assumptions.started_at)
    world = World(
        replace(group, stamp=stamp, course=course), stamp, assumptions, Journal(assumptions.started_at, logged)
    )
    crowd = EveryCheck(world) if every_check else Skipping(world)
    world.crowd = crowd
    operator = Operator(world, facts.of_rows if every_check else facts.of_board, always=every_check)
    lives = Lives(world)
    lives.populate()
    operator.begin()
    now = _until_the_end(world, operator, lives, told)
    return _result(world, operator, now)


def _until_the_end(world: World, operator: Operator, lives: Lives, told: Told | None) -> int:
    """Step by step; returns when it ended."""
    crowd, count = world.crowd, 0
    now = 0
    while not operator.complete and world.row.latch is None:
        asks, ahead = crowd.next(now), world.first_at()
        if ahead is not None and (asks is None or ahead <= asks[0]):
            now, step, instance = world.pop()
            _step(world, operator, lives, step, instance, now)
            soon = now if step < Step.OPERATOR else now + 1
        elif asks is None or asks[0] > world.until:
            return world.until
        else:
            now, instance = asks
            _ask(world, lives, instance, now)
            soon = now + 1
        if world.dirty:
            operator.notice(soon)
        count += 1
        if told is not None and count % _TOLD_AFTER == 0:
            told(now // 1_000_000, world.board.on_target)
    return now


def _step(world: World, operator: Operator, lives: Lives, step: int, instance: int, now: int) -> None:
    if step < Step.SWEEP:
        lives.step(step, instance, now)
        return
    match step:
        case Step.OPERATOR:
            operator.look(now)
        case Step.CHANGES:
            operator.schedule_changed(now)
        case Step.APPROVED:
            operator.approved(now)
        case Step.SWEEP:
            world.sweep(now)
        case Step.READY:
            world.crowd.ready(instance, now)
        case Step.CHECKS:
            if not (world.gone[instance] or world.busy[instance]):
                _ask(world, lives, instance, now)
        case _:
            lives.step(step, instance, now)


def _ask(world: World, lives: Lives, instance: int, now: int) -> None:
    given = world.ask(instance, now)
    if given is not None:
        lives.given(instance, now, given)


def _result(world: World, operator: Operator, now: int) -> Result:
    latch = world.row.latch
    end = End.COMPLETE if operator.complete else End.HALTED if latch is not None else End.UNFINISHED
    board = world.board
    return Result(
        started_at=world.assumptions.started_at,
        end=end,
        ended_at=world.instant(now),
        why=latch.message if latch is not None else "" if operator.complete else operator.waiting_for(now),
        course=world.group.course,
        moments=tuple(world.journal.moments),
        hours=tuple(world.journal.hours),
        fleet=world.population.size,
        active=board.active,
        on_target=board.on_target,
        granted=world.granted,
        succeeded=world.succeeded,
        failed=world.failed,
        exhausted=len(world.finished),
        checks=world.checks,
        log=tuple(world.journal.log),
    )
