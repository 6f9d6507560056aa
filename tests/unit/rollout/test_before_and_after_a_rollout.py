"""What a rollout waits for before its first wave, and what makes it complete after its last."""

from dataclasses import replace

import pytest

from support.fleet_values import NEW, NOW, stamp
from support.rollout_values import CANARY, LAST, PLAN, STAMP, counted, course, latch, later, opened
from update_core.rollout import advance
from update_core.rollout.advance import DependencyFacts, Facts, Happening, Waiting, WaveCounts
from update_core.rollout.plan import Course, Dependency
from update_core.rollout.waves import Linear


def advanced(before: Course, facts: Facts, at: float = 0, plan=PLAN):
    return advance.advance(plan, STAMP, before, facts, later(at))


def names(after) -> list[str]:
    return [wave.name for wave in after.course.opened]


WAITING = Course(opened=())
FIRST = replace(PLAN, depends_on=(Dependency("first", soak_seconds=60), Dependency("second")))
READY = {"first": DependencyFacts(far_enough=True), "second": DependencyFacts(far_enough=True)}


def test_nothing_opens_before_those_that_go_first_have_been_far_enough_for_long_enough():
    soaking = advanced(WAITING, Facts(dependencies=READY), at=5, plan=FIRST)
    short = advanced(soaking.course, Facts(dependencies=READY), at=64.999999, plan=FIRST)
    met = advanced(short.course, replace(counted(), dependencies=READY), at=65, plan=FIRST)

    assert dict(soaking.course.soaking) == {"first": later(5), "second": later(5)}
    assert (soaking.wait.what, soaking.again_at) == (Waiting.DEPENDENCY, later(65))
    assert (short.course, short.course.opened) == (soaking.course, ())
    assert (met.course.dependencies_met_at, names(met)) == (later(65), ["canary"])
    assert met.happened[0].what is Happening.DEPENDENCIES_MET
    assert met.course.soaking == ()


def test_who_falls_back_begins_to_soak_anew():
    soaking = advanced(WAITING, Facts(dependencies=READY), plan=FIRST)
    back = {**READY, "first": DependencyFacts(far_enough=False, text="9 of 10 instances")}
    fallen = advanced(soaking.course, Facts(dependencies=back), at=50, plan=FIRST)
    again = advanced(fallen.course, Facts(dependencies=READY), at=55, plan=FIRST)

    assert fallen.wait.text == 'Groups that go first aren\'t far enough. Group "first": 9 of 10 instances.'
    assert (fallen.wait.until, dict(fallen.course.soaking)) == (None, {"second": NOW})
    assert again.again_at == later(115)


def test_a_group_of_which_nothing_is_known_isnt_far_enough():
    assert "it isn't known yet" in advanced(WAITING, Facts(), plan=FIRST).wait.text


def test_once_met_dependencies_are_looked_at_no_more():
    back = {**READY, "first": DependencyFacts(far_enough=False)}
    waiting = {"canary": WaveCounts(waiting=99, ahead=9)}

    for found in (back, READY):
        after = advanced(course(), Facts(waves=waiting, dependencies=found), at=999, plan=FIRST)
        assert (names(after), after.course.dependencies_met_at, after.course.soaking) == (["canary"], NOW, ())
        assert [happened.what for happened in after.happened] == [Happening.WAVE_OPENED]


def test_a_growing_share_waits_for_them_too():
    plan = replace(FIRST, waves=(LAST,), linear=Linear(0, 60))
    begun = advance.begin(plan, all_open=False, now=NOW)

    assert advanced(begun, Facts(), at=100, plan=plan).course.dependencies_met_at is None
    assert advanced(
        begun, Facts(dependencies={}), at=100, plan=replace(plan, depends_on=())
    ).course.dependencies_met_at == later(100)


# Completion

DONE = Facts(active=10, on_target=10)
ALL_OPEN = course(opened(LAST))


@pytest.mark.parametrize(
    ("facts", "changes", "complete"),
    [
        pytest.param(DONE, {}, True, id="all are on target"),
        pytest.param(replace(DONE, on_target=9), {}, False, id="one isn't"),
        pytest.param(replace(DONE, on_target=9, finished=1), {}, True, id="one can't be brought there"),
        pytest.param(replace(DONE, on_target=0, finished=10), {}, False, id="nobody is on target"),
        pytest.param(replace(DONE, in_flight=1), {}, False, id="one is on the way"),
        pytest.param(replace(DONE, fresh=False), {}, False, id="the counts are old"),
        pytest.param(Facts(), {}, False, id="nobody is active"),
        pytest.param(DONE, {"course": replace(ALL_OPEN, halted=latch())}, False, id="it is halted"),
        pytest.param(DONE, {"course": course(opened(CANARY))}, False, id="not all waves are open"),
        pytest.param(DONE, {"course": course()}, False, id="none is open"),
        pytest.param(DONE, {"course": Course()}, True, id="there were no waves"),
        pytest.param(replace(DONE, on_target=95), {"facts": {"active": 100}, "percent": 95}, True, id="enough percent"),
        pytest.param(replace(DONE, on_target=94), {"facts": {"active": 100}, "percent": 95}, False, id="not enough"),
        pytest.param(DONE, {"course": Course(linear=Linear(0, 60))}, False, id="the share still grows"),
        pytest.param(DONE, {"course": Course(linear=Linear(0, 60)), "at": 60}, True, id="the share has grown"),
        pytest.param(
            DONE, {"course": Course(linear=Linear(0, 60), stopped_seconds=1), "at": 60}, False, id="it stood still"
        ),
        pytest.param(
            DONE,
            {"course": course(opened(CANARY)), "of": stamp(kind="Rollback", from_version=NEW)},
            True,
            id="a rollback",
        ),
    ],
)
def test_a_rollout_is_complete_when_enough_are_there_or_cant_get_there(facts, changes, complete):
    plan = replace(PLAN, complete_percent=changes.get("percent", 100))
    found = replace(facts, **changes.get("facts", {}))
    of, before, now = changes.get("of", STAMP), changes.get("course", ALL_OPEN), later(changes.get("at", 0))

    assert advance.complete(plan, of, before, found, now) is complete
