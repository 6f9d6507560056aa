"""The table of a rollout's phases, of which its diagram is drawn, has each move that `advance` makes, and none that it doesn't."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from support.fleet_values import NEW, NOW
from support.rollout_values import STAMP, latch
from update_core.resources.conditions import Reason
from update_core.rollout import advance, phases
from update_core.rollout.advance import DependencyFacts, Facts, Happening, WaveCounts
from update_core.rollout.phases import UNDER_WAY, Phase
from update_core.rollout.plan import Approval, Course, Dependency, Plan, Resume
from update_core.rollout.waves import LAST, Linear, Wave

OPERATORS = {Happening.STARTED, Happening.COMPLETED, Happening.SUPERSEDED, Happening.ROLLED_BACK}
NAMES = ["a", "b", "c"]
LIVES = 4000


def plan(dice: random.Random) -> Plan:
    """Any plan of up to four waves, or a linear one."""
    planned = [
        Wave(
            name,
            ppm=(number + 1) * 100_000,
            settle_percent=dice.choice([0, 90]),
            bake_seconds=dice.choice([0, 3]),
            approval_required=dice.random() < 0.3,
        )
        for number, name in enumerate(NAMES[: dice.randrange(4)])
    ]
    linear = Linear(0, 10) if dice.random() < 0.2 else None
    return Plan(
        waves=(LAST,) if linear else (*planned, replace(LAST, approval_required=dice.random() < 0.2)),
        linear=linear,
        approval=Approval(NEW, dice.choice([*NAMES, LAST.name]), dice.random() < 0.5) if dice.random() < 0.6 else None,
        resume=Resume(1, dice.randrange(1, 4)) if dice.random() < 0.3 else None,
        depends_on=(Dependency("first"),) if dice.random() < 0.3 else (),
        problem="it can't be read" if dice.random() < 0.1 else "",
    )


@dataclass
class Life:
    """A rollout from its beginning; what is drawn decides what becomes of it."""

    dice: random.Random

    def __post_init__(self) -> None:
        self.plan, self.now, self.complete = plan(self.dice), NOW, False
        self.rollback = self.dice.random() < 0.1
        self.stamp = replace(STAMP, kind="Rollback") if self.rollback else STAMP
        self.course = advance.begin(self.plan, all_open=self.rollback, now=self.now)

    @property
    def phase(self) -> Phase:
        return phases.of(self.plan, self.stamp, self.course, complete=self.complete)

    def facts(self) -> Facts:
        dice = self.dice
        return Facts(
            fresh=not self.complete and dice.random() < 0.9,
            waves={
                name: WaveCounts(
                    succeeded=dice.choice([0, 50]), waiting=dice.choice([0, 50]), ahead=dice.choice([None, 0, 50])
                )
                for name in [*NAMES, LAST.name]
            },
            latch=latch(epoch=self.course.epoch, at=self.now) if dice.random() < 0.15 else None,
            active=50,
            on_target=dice.choice([0, 50]),
            in_flight=dice.choice([0, 1]),
            dependencies={"first": DependencyFacts(dice.random() < 0.5)},
            stopped=dice.random() < 0.2,
        )

    def look(self) -> tuple[Happening, ...]:
        """What the operator finds at its next look; people may have said something before."""
        self.now: datetime = self.now + timedelta(seconds=self.dice.randrange(5))
        if self.dice.random() < 0.5:
            said = plan(self.dice)
            self.plan = replace(self.plan, resume=said.resume, approval=said.approval)
        facts = self.facts()
        after = advance.advance(self.plan, self.stamp, self.course, facts, self.now)
        self.course = after.course
        told = [each.what for each in after.happened]
        if not self.complete and advance.complete(self.plan, self.stamp, self.course, facts, self.now):
            self.complete = True
            told.append(Happening.COMPLETED)
        return tuple(told)


@pytest.mark.parametrize("first", range(0, LIVES, 500))
def test_whatever_becomes_of_a_rollout_is_a_way_through_the_table(first):
    for seed in range(first, first + 500):
        _go_through_the_table(random.Random(seed))


def _go_through_the_table(dice):
    life = Life(dice)
    begun = Happening.ROLLED_BACK if life.rollback else Happening.STARTED
    assert life.phase in phases.following(frozenset({Phase.NOT_BEGUN}), begun)

    for _ in range(10):
        if dice.random() < 0.2:
            edited = plan(dice)
            # What it began as, in waves or linear, it stays.
            life.plan = replace(edited, linear=life.plan.linear, waves=edited.waves if not edited.linear else (LAST,))
        possible = frozenset({life.phase})
        for what in life.look():
            possible = phases.following(possible, what)
        assert life.phase in possible


def test_no_move_of_the_table_is_one_that_is_never_made():
    made: set[phases.Move] = set()
    for seed in range(LIVES):
        life = Life(random.Random(seed))
        made.add((Phase.NOT_BEGUN, Happening.ROLLED_BACK if life.rollback else Happening.STARTED, life.phase))
        for _ in range(8):
            before, told = life.phase, life.look()
            ways = _ways(before, told, life.phase)
            # Of several ways it isn't known which was gone.
            made |= set(ways[0]) if len(ways) == 1 else set()

    operators = {(before, what, after) for before, what, after in phases.MOVES if what in OPERATORS}
    assert made <= phases.MOVES
    assert {move for move in phases.MOVES - operators if move not in made} == set()


def _ways(before: Phase, told: tuple[Happening, ...], after: Phase) -> list[list[phases.Move]]:
    if not told:
        return [[]] if before is after else []
    return [
        [move, *rest]
        for move in sorted(phases.MOVES)
        if move[0] is before and move[1] is told[0]
        for rest in _ways(move[2], told[1:], after)
    ]


def test_what_happens_to_a_rollout_is_told_by_an_event_of_the_same_name():
    assert {what.value for what in Happening} <= {reason.value for reason in Reason}


@pytest.mark.parametrize("phase", [*UNDER_WAY, Phase.HALTED])
def test_a_rollout_that_has_begun_ends_as_soon_as_another_takes_its_place(phase):
    assert phases.following(frozenset({phase}), Happening.SUPERSEDED) == {Phase.SUPERSEDED}


@pytest.mark.parametrize("phase", [Phase.SUPERSEDED, Phase.ROLLED_BACK])
def test_what_has_ended_is_never_taken_up_again(phase):
    assert not any(phases.following(frozenset({phase}), what) for what in Happening)


def test_a_rollout_that_was_stamped_before_there_were_waves_lets_everybody_in():
    assert phases.of(Plan(), STAMP, Course()) is Phase.ALL_OPEN
