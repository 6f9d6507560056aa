"""How a rollout goes on by itself: when a wave settles, bakes and is followed by the next, what stops it, and when it is complete."""

from dataclasses import replace

import pytest

from support.fleet_values import NEW, NOW, OLD
from support.rollout_values import CANARY, EARLY, LAST, NONE_OPEN, PLAN, STAMP, counted, course, latch, later, opened
from update_core.rollout import advance
from update_core.rollout.advance import Facts, Happening, Waiting, WaveCounts
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Approval, Course, Dependency, Plan, Resume
from update_core.rollout.waves import Linear, Wave

FULL = WaveCounts(granted=10, succeeded=9, failed=1, waiting=1000)
SETTLED = counted(canary=FULL)
GATED = replace(PLAN, waves=(CANARY, replace(EARLY, approval_required=True), LAST))


def advanced(before: Course, facts: Facts = SETTLED, at: float = 0, plan: Plan = PLAN, of=STAMP):
    return advance.advance(plan, of, before, facts, later(at))


def names(after) -> list[str]:
    return [wave.name for wave in after.course.opened]


def told(after) -> list[Happening]:
    return [happened.what for happened in after.happened]


# The beginning


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(Plan(), ["everybody"], id="everybody at once"),
        pytest.param(PLAN, [], id="waves are opened when they have been counted"),
        pytest.param(Plan(depends_on=(Dependency("first"),)), [], id="others go first"),
        pytest.param(Plan(waves=(replace(LAST, approval_required=True),)), [], id="somebody has to approve it"),
        pytest.param(Plan(problem="it can't be read"), [], id="nobody knows"),
    ],
)
def test_a_rollout_begins_with_everybody_only_where_nothing_is_waited_for(plan, expected):
    begun = advance.begin(plan, all_open=False, now=NOW)

    assert [wave.name for wave in begun.opened] == expected
    assert (begun.dependencies_met_at is None) is bool(plan.depends_on)


def test_a_rollback_begins_with_everybody_whatever_is_planned():
    plan = replace(GATED, depends_on=(Dependency("first"),), linear=Linear(0, 60))
    begun = advance.begin(plan, all_open=True, now=NOW)

    assert [(wave.name, wave.ppm) for wave in begun.opened] == [("everybody", PPM_OF_ALL)]
    assert begun.dependencies_met_at == NOW
    assert begun.linear is None


def test_a_growing_share_has_no_waves():
    begun = advance.begin(Plan(linear=Linear(5, 60)), all_open=False, now=NOW)

    assert (begun.opened, begun.linear) == (None, Linear(5, 60))
    assert advanced(begun, plan=Plan(linear=Linear(5, 60)), at=1000).course == begun


def test_the_first_wave_opens_at_once_with_what_is_expected_of_it():
    after = advanced(NONE_OPEN, counted(canary=WaveCounts(waiting=1000, ahead=47)))

    (wave,) = after.course.opened
    assert (wave.name, wave.ppm, wave.opened_at, wave.expected) == ("canary", 50_000, NOW, 47)
    assert told(after) == [Happening.WAVE_OPENED]
    assert after.happened[0].text == "Wave canary is open: 5 percent, 47 expected."
    assert after.wait.what is Waiting.SETTLING


# Settling


@pytest.mark.parametrize(
    ("counts", "percent", "expected", "settles"),
    [
        pytest.param(WaveCounts(succeeded=9), 90, 10, True, id="exactly so many percent"),
        pytest.param(WaveCounts(succeeded=8), 90, 10, False, id="one short"),
        pytest.param(WaveCounts(failed=9), 90, 10, True, id="failures are outcomes too"),
        pytest.param(WaveCounts(granted=10), 90, 10, False, id="who is on the way isn't one"),
        pytest.param(WaveCounts(succeeded=17), 90, 19, False, id="17 of 19 are below 90 percent"),
        pytest.param(WaveCounts(), 0, 10, True, id="nobody is asked"),
        pytest.param(WaveCounts(succeeded=99), 100, 100, False, id="all are asked"),
    ],
)
def test_a_wave_settles_when_enough_of_the_expected_have_succeeded_or_failed(counts, percent, expected, settles):
    plan = replace(PLAN, waves=(replace(CANARY, settle_percent=percent), EARLY, LAST))
    after = advanced(course(opened(CANARY, expected=expected)), counted(canary=counts), at=5, plan=plan)

    assert after.course.opened[0].settled_at == (later(5) if settles else None)
    assert told(after) == ([Happening.WAVE_SETTLED] if settles else [])
    assert after.wait.what is (Waiting.BAKING if settles else Waiting.SETTLING)


def test_a_wave_of_which_nobody_is_expected_bakes_from_its_opening():
    empty = advanced(NONE_OPEN, counted())
    late = advanced(empty.course, counted(), at=599.999999)

    assert told(empty) == [Happening.WAVE_OPENED, Happening.WAVE_EMPTY]
    assert (empty.wait.what, empty.again_at) == (Waiting.BAKING, later(600))
    assert (names(late), told(late)) == (["canary"], [])
    assert names(advanced(late.course, counted(), at=600)) == ["canary", "early"]


@pytest.mark.parametrize(
    ("wave", "before", "counts", "expected"),
    [
        pytest.param(EARLY, (), WaveCounts(waiting=1000, ahead=207), 207, id="as many as were counted"),
        pytest.param(EARLY, (opened(CANARY),), WaveCounts(waiting=950, ahead=0), 0, id="nobody"),
        pytest.param(Wave("two", instances=2), (), WaveCounts(waiting=1000), 2, id="a number of instances"),
        pytest.param(Wave("many", instances=2000), (), WaveCounts(waiting=1000), 1000, id="more than there are"),
        pytest.param(
            Wave("many", instances=2000),
            (opened(CANARY),),
            WaveCounts(waiting=1000, ahead=940),
            940,
            id="more than are in no wave yet",
        ),
        pytest.param(
            Wave("two", instances=2), (opened(CANARY),), WaveCounts(waiting=1000, ahead=940), 2, id="a later number"
        ),
    ],
)
def test_expected_are_those_whom_no_open_wave_lets_in(wave, before, counts, expected):
    after = opening(wave, before, counts)

    assert after.course.opened[len(before)].expected == expected


@pytest.mark.parametrize(
    ("wave", "before"),
    [
        pytest.param(EARLY, (), id="a share"),
        pytest.param(EARLY, (opened(CANARY),), id="a share after another"),
        pytest.param(Wave("two", instances=2), (opened(CANARY),), id="a number after a share"),
    ],
)
def test_a_wave_opens_when_those_whom_it_lets_in_have_been_counted(wave, before):
    after = opening(wave, before, WaveCounts(waiting=1000))

    assert (len(after.course.opened), told(after), after.wait) == (len(before), [], None)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param((opened(CANARY),), 900, id="all who wait"),
        pytest.param((opened(replace(LAST, name="all")),), 0, id="everybody is in already"),
    ],
)
def test_none_waits_for_the_last_wave_to_settle_so_that_nobody_is_counted_for_it(before, expected):
    plan = Plan(waves=(*(Wave(w.name, ppm=w.ppm, settle_percent=0) for w in before), LAST))
    after = advanced(course(*before), Facts(waves={"everybody": WaveCounts(waiting=900)}), at=5, plan=plan)

    assert after.course.opened[-1].expected == expected


def opening(wave: Wave, before: tuple, counts: WaveCounts):
    """A wave "new" may open after these, of which nobody was asked."""
    plan = replace(
        PLAN, waves=(*(Wave(w.name, ppm=w.ppm, settle_percent=0) for w in before), replace(wave, name="new"), LAST)
    )
    done = tuple(replace(w, settled_at=NOW) for w in before)
    return advanced(course(*done), Facts(waves={"new": counts}), at=5, plan=plan)


# Baking

BAKING = course(opened(settled_at=NOW))


@pytest.mark.parametrize(("at", "opens"), [(599.999999, False), (600, True)], ids=["a microsecond before", "then"])
def test_the_next_wave_opens_when_the_one_before_has_baked(at, opens):
    after = advanced(BAKING, counted(canary=FULL, early=WaveCounts(waiting=1000, ahead=150)), at=at)

    assert names(after) == (["canary", "early"] if opens else ["canary"])
    assert told(after) == ([Happening.WAVE_OPENED] if opens else [])
    assert after.again_at == (None if opens else later(600))


def test_time_in_which_it_stands_still_isnt_bake():
    paused = advanced(BAKING, replace(SETTLED, stopped=True), at=500)
    much_later = advanced(paused.course, replace(SETTLED, stopped=True), at=5000)
    resumed = advanced(much_later.course, at=5000)

    assert paused.course.stopped_since == later(500)
    assert (paused.wait.what, paused.again_at) == (Waiting.BAKING, None)
    assert names(much_later) == ["canary"]
    assert (resumed.course.stopped_since, resumed.course.stopped_seconds) == (None, 4500)
    assert resumed.again_at == later(5100)
    assert names(advanced(resumed.course, at=5100)) == ["canary", "early"]


def test_a_part_of_a_second_in_which_it_stood_still_counts_as_a_whole_one():
    paused = advanced(BAKING, replace(SETTLED, stopped=True), at=500)

    assert advanced(paused.course, at=500.1).again_at == later(601)


def test_a_wave_that_settles_in_the_middle_of_a_pause_bakes_in_full():
    settled = advanced(course(opened(), stopped_since=NOW), replace(SETTLED, stopped=True), at=0.1)
    resumed = advanced(settled.course, at=1)

    assert settled.course.opened[0].settled_at == later(0.1)
    assert resumed.again_at >= later(601)


def test_who_waited_before_the_wave_settled_isnt_paid_twice():
    settled = advanced(course(opened(), stopped_seconds=4500), at=5000)

    assert settled.again_at == later(5600)


@pytest.mark.parametrize("bake_seconds", [0, 600])
def test_no_wave_opens_while_the_group_stands_still(bake_seconds):
    plan = replace(PLAN, waves=tuple(replace(wave, bake_seconds=bake_seconds) for wave in PLAN.waves))
    stopped = replace(SETTLED, stopped=True)

    for before in (NONE_OPEN, course(opened()), course(opened(expected=0)), course(opened(settled_at=NOW))):
        assert names(advanced(before, stopped, at=0, plan=plan)) == [wave.name for wave in before.opened]
        assert names(advanced(replace(before, stopped_since=NOW), stopped, at=9999, plan=plan)) == [
            wave.name for wave in before.opened
        ]


def test_waves_of_nobody_that_dont_bake_open_together():
    plan = replace(PLAN, waves=tuple(replace(wave, bake_seconds=0) for wave in PLAN.waves))
    after = advanced(NONE_OPEN, counted(), plan=plan)

    assert names(after) == ["canary", "early", "everybody"]
    assert after.wait is None


# Approvals


@pytest.mark.parametrize(
    ("approval", "opens"),
    [
        pytest.param(None, False, id="nobody has said so"),
        pytest.param(Approval(NEW, "early"), True, id="of this wave"),
        pytest.param(Approval("1.1", "everybody"), True, id="of a later one"),
        pytest.param(Approval(NEW, "canary"), False, id="of the one before"),
        pytest.param(Approval(OLD, "early"), False, id="of another version"),
    ],
)
def test_a_wave_that_needs_it_opens_only_when_approved(approval, opens):
    after = advanced(BAKING, at=600, plan=replace(GATED, approval=approval))

    assert names(after) == (["canary", "early"] if opens else ["canary"])
    if not opens:
        assert (after.wait.what, after.again_at) == (Waiting.APPROVAL, None)
        assert after.wait.text == "Wave early waits for somebody to approve it."


def test_an_approval_alone_neither_settles_nor_bakes():
    approved = replace(GATED, approval=Approval(NEW, "early"))

    assert advanced(BAKING, at=599, plan=approved).wait.what is Waiting.BAKING
    assert advanced(course(opened()), Facts(), at=9999, plan=approved).wait.what is Waiting.SETTLING


SKIPPING = Approval(NEW, "early", skip_bake=True)


@pytest.mark.parametrize("plan", [PLAN, GATED], ids=["not needed", "needed"])
def test_an_approval_that_skips_opens_the_wave_at_once(plan):
    skipping = replace(plan, approval=SKIPPING)

    assert names(advanced(BAKING, at=1, plan=skipping)) == ["canary", "early"]
    assert names(advanced(course(opened()), counted(early=WaveCounts(waiting=99, ahead=9)), at=1, plan=skipping)) == [
        "canary",
        "early",
    ]


@pytest.mark.parametrize(
    ("before", "facts", "changes"),
    [
        pytest.param(BAKING, replace(SETTLED, stopped=True), {}, id="a pause"),
        pytest.param(course(opened(), halted=latch()), SETTLED, {}, id="a halt"),
        pytest.param(course(opened()), replace(SETTLED, latch=latch()), {}, id="a halt that is told at the same time"),
        pytest.param(course(opened()), replace(SETTLED, fresh=False), {}, id="counts that are old"),
        pytest.param(course(opened()), SETTLED, {"problem": "it can't be read"}, id="a plan that can't be read"),
        pytest.param(BAKING, SETTLED, {"approval": replace(SKIPPING, version=OLD)}, id="another version"),
        pytest.param(BAKING, SETTLED, {"approval": replace(SKIPPING, wave="canary")}, id="waves before it alone"),
    ],
)
def test_what_no_approval_skips(before, facts, changes):
    plan = replace(PLAN, approval=SKIPPING)

    assert names(advanced(before, facts, at=1, plan=replace(plan, **changes))) == ["canary"]


# Old counts, problems, edits


def test_nothing_goes_on_by_old_counts():
    after = advanced(BAKING, Facts(fresh=False), at=9999)

    assert after.course == BAKING
    assert (after.happened, after.wait, after.again_at) == ((), None, None)


def test_what_is_open_stays_as_it_was_opened_when_the_plan_is_edited():
    narrower = replace(PLAN, waves=(replace(CANARY, ppm=1, bake_seconds=0), replace(EARLY, ppm=2), LAST))
    after = advanced(BAKING, at=1, plan=narrower)

    assert after.course.opened[0] == BAKING.opened[0]
    assert [wave.ppm for wave in after.course.opened] == [50_000, 2]


def test_a_wave_that_is_no_longer_planned_asks_for_nothing():
    after = advanced(course(opened(replace(CANARY, name="gone"))), counted(), at=1)

    assert names(after)[:2] == ["gone", "canary"]


def test_a_wave_that_is_put_before_those_that_are_open_isnt_gone_back_to():
    plan = replace(PLAN, waves=(Wave("first", ppm=1), *PLAN.waves))

    assert names(advanced(BAKING, at=600, plan=plan)) == ["canary", "early"]


def test_a_rollout_in_waves_lets_nobody_more_in_when_the_plan_becomes_a_growing_share():
    after = advanced(BAKING, at=9999, plan=Plan(linear=Linear(0, 60)))

    assert names(after) == ["canary"]
    assert "put the waves back" in after.wait.text
    assert not advance.all_open(Plan(linear=Linear(0, 60)), STAMP, after.course, later(9999))


# Halts


def test_a_latch_halts_the_rollout_that_it_is_of():
    after = advanced(BAKING, replace(SETTLED, latch=latch()), at=9999)

    assert (after.course.halted, names(after)) == (latch(), ["canary"])
    assert told(after) == [Happening.HALTED]
    assert after.happened[0].text == "Rollout 1 to 1.1.0 is halted: 3 of 10 failed."
    assert (after.wait.what, after.wait.text) == (Waiting.HALTED, "3 of 10 failed.")
    assert after.course.stopped_since == later(9999)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(latch(sequence=2), id="a later rollout"),
        pytest.param(latch(sequence=0), id="an earlier rollout"),
        pytest.param(latch(epoch=0), id="before it was resumed"),
    ],
)
def test_a_latch_of_something_else_halts_nothing(other):
    assert advanced(replace(BAKING, epoch=1), replace(SETTLED, latch=other)).course.halted is None


def test_a_latch_halts_although_the_counts_are_old():
    assert advanced(BAKING, Facts(fresh=False, latch=latch())).course.halted == latch()


@pytest.mark.parametrize(
    ("resume", "resumes"),
    [
        pytest.param(Resume(1), True, id="the first time"),
        pytest.param(Resume(1, epoch=4), True, id="with a higher number"),
        pytest.param(Resume(2), False, id="another rollout"),
        pytest.param(None, False, id="nobody has said so"),
    ],
)
def test_a_resume_ends_the_halt_of_its_own_rollout(resume, resumes):
    halted = replace(BAKING, halted=latch(), stopped_since=NOW)
    after = advanced(halted, replace(SETTLED, latch=latch()), at=100, plan=replace(PLAN, resume=resume))

    assert (after.course.halted is None) is resumes
    assert after.course.epoch == (resume.epoch if resumes else 0)
    assert told(after) == ([Happening.RESUMED] if resumes else [])
    assert after.course.stopped_seconds == (100 if resumes else 0)


def test_a_resume_that_has_been_done_doesnt_end_a_later_halt():
    halted = replace(BAKING, epoch=2, halted=latch(epoch=2))

    for facts in (SETTLED, replace(SETTLED, latch=latch(epoch=2))):
        for done in (1, 2):
            after = advanced(halted, facts, plan=replace(PLAN, resume=Resume(1, epoch=done)))
            assert (after.course.halted, told(after)) == (latch(epoch=2), [])
    assert advanced(halted, SETTLED, plan=replace(PLAN, resume=Resume(1, epoch=3))).course.halted is None
