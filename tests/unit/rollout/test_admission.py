"""Is it this instance's turn? Waves, the growing share, approvals, dependencies, halts, a rollback, and what newcomers may have."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NEW, NOW, OLD, asking, grant, group, stamp
from support.rollout_values import CANARY, EARLY, LAST, PLAN, course, latch, later, opened
from update_core import versions
from update_core.fleet.attributes import Attributes
from update_core.rollout import decide, waves
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Fleet, Limits, Offer, Reason, Refusal
from update_core.rollout.plan import Approval, Dependency, HaltOn, HaltRequest, Plan
from update_core.rollout.waves import Linear, Requirement

LONG_AGO = NOW - timedelta(days=1)
KNOWN = Fleet(first_seen=LONG_AGO)
GUARDED = Plan(halt_on=HaltOn(failure_percent=2))
SHARES = st.lists(st.integers(0, PPM_OF_ALL), min_size=1, max_size=5)
EARLY_BIRD, LATE_RISER = "i-68", "i-15"


def answer(of_group, instance=None, fleet=KNOWN, now=NOW):
    return decide.decide(of_group, instance or asking(EARLY_BIRD), fleet, now)


def reason(*question, **named):
    decision = answer(*question, **named)
    return decision.reason if isinstance(decision, Refusal) else None


def test_the_two_instances_of_these_tests_come_early_and_late():
    assert waves.includes(10_000, stamp().salt, EARLY_BIRD)
    assert not waves.includes(900_000, stamp().salt, LATE_RISER)


# Waves


@pytest.mark.parametrize(
    ("instance_id", "wave"),
    [pytest.param(EARLY_BIRD, "canary", id="in its share"), pytest.param(LATE_RISER, None, id="beyond it")],
)
def test_an_open_wave_lets_in_its_share(instance_id, wave):
    decision = answer(group(plan=PLAN, course=course(opened(CANARY))), asking(instance_id))

    assert (decision.wave if isinstance(decision, Offer) else decision) == (wave or Refusal(Reason.NOT_IN_COHORT))


def test_before_a_wave_is_open_nobody_is_let_in():
    assert answer(group(plan=PLAN, course=course())) == Refusal(Reason.NOT_IN_COHORT)


def test_a_rollout_that_was_stamped_before_there_were_waves_lets_everybody_in():
    decision = answer(group(plan=PLAN), asking(LATE_RISER))

    assert isinstance(decision, Offer)
    assert decision.wave == ""


def test_what_is_open_is_the_status_word_whatever_becomes_of_the_plan():
    for plan in (Plan(), Plan(waves=(replace(CANARY, ppm=0), LAST)), Plan(problem="it can't be read")):
        assert isinstance(answer(group(plan=plan, course=course(opened(CANARY)))), Offer)
        assert reason(group(plan=plan, course=course(opened(CANARY))), asking(LATE_RISER)) == Reason.NOT_IN_COHORT


@given(SHARES, st.integers(0, PPM_OF_ALL), st.text(min_size=1, max_size=20))
def test_opening_another_wave_shuts_nobody_out(shares, another, instance_id):
    before = [opened(replace(CANARY, name=f"w{place}", ppm=ppm)) for place, ppm in enumerate(shares)]
    after = [*before, opened(replace(CANARY, name="another", ppm=another))]
    asked = asking(instance_id)

    if isinstance(answer(group(course=course(*before)), asked), Offer):
        assert isinstance(answer(group(course=course(*after)), asked), Offer)
    assert isinstance(answer(group(course=course(*after)), asked), Offer) is any(
        waves.includes(wave.ppm, stamp().salt, instance_id) for wave in after
    )


def test_a_wave_lets_in_only_those_that_match_it():
    only_ami = group(course=course(opened(replace(LAST, match=(Requirement("oem", frozenset({"ami"})),)))))

    assert isinstance(answer(only_ami, asking(EARLY_BIRD, machine=Attributes(oem="ami"))), Offer)
    assert reason(only_ami, asking(EARLY_BIRD, machine=Attributes(oem="azure"))) == Reason.NOT_IN_COHORT


# Waves of a number of instances

THREE = opened(waves.Wave("three", instances=3))


@pytest.mark.parametrize(
    ("fleet", "lets_in"),
    [
        pytest.param({}, True, id="nobody yet"),
        pytest.param({"through": {"three": 2}}, True, id="one place left"),
        pytest.param({"through": {"three": 3}}, False, id="full"),
        pytest.param({"through": {"three": 3}, "counted_in": "three"}, True, id="full, and it is one of them"),
        pytest.param({"through": {"three": 3}, "counted_in": "two"}, False, id="full, and it was in another"),
        pytest.param({"through": {"two": 9}}, True, id="another is full"),
        pytest.param({"first_seen": None}, False, id="never seen before"),
        pytest.param({"first_seen": NOW}, False, id="first seen since the rollout began"),
        pytest.param({"first_seen": NOW, "counted_in": "three"}, True, id="new, and it was let in"),
    ],
)
def test_a_number_of_established_instances_is_let_in_first_come(fleet, lets_in):
    decision = answer(group(course=course(THREE)), asking(LATE_RISER), replace(KNOWN, **fleet))

    assert isinstance(decision, Offer) is lets_in


def test_an_instance_that_cant_be_told_from_others_isnt_counted_in():
    assert reason(group(course=course(THREE)), asking(None)) == Reason.ANONYMOUS_INSTANCE


def test_the_offer_names_the_first_open_wave_that_lets_it_in():
    decision = answer(group(course=course(opened(CANARY), THREE, opened(EARLY))), asking(LATE_RISER))

    assert decision.wave == "three"


# The growing share

LINEAR = Linear(0, 1_000_000)


def test_a_growing_share_says_when_an_instance_comes_in_and_lets_it_in_then():
    growing = group(course=course(opened=None, linear=LINEAR))
    told = answer(growing, asking(LATE_RISER))

    assert told.reason == Reason.NOT_IN_COHORT
    assert later(900_000) < told.until < later(1_000_000)
    assert reason(growing, asking(LATE_RISER), now=told.until - timedelta(microseconds=1)) == Reason.NOT_IN_COHORT
    assert isinstance(answer(growing, asking(LATE_RISER), now=told.until), Offer)


def test_while_it_stands_still_nobody_knows_when():
    standing = group(course=course(opened=None, linear=LINEAR, stopped_since=NOW))

    assert answer(standing, asking(LATE_RISER), now=later(999_000)) == Refusal(Reason.NOT_IN_COHORT)


def test_time_in_which_it_stood_still_isnt_counted():
    moving, stood = (
        answer(group(course=course(opened=None, linear=LINEAR, stopped_seconds=seconds)), asking(LATE_RISER))
        for seconds in (0, 100)
    )

    assert stood.until - moving.until == timedelta(seconds=100)


def test_who_has_no_id_comes_in_when_the_share_has_reached_everybody():
    growing = group(course=course(opened=None, linear=LINEAR))

    assert reason(growing, asking(None), now=later(999_999)) == Reason.ANONYMOUS_INSTANCE
    assert isinstance(answer(growing, asking(None), now=later(1_000_000)), Offer)


# Approvals

GATED = replace(PLAN, waves=(CANARY, replace(EARLY, approval_required=True, ppm=PPM_OF_ALL), LAST))


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        pytest.param(None, Reason.AWAITING_APPROVAL, id="none"),
        pytest.param(Approval(NEW, "early"), Reason.NOT_IN_COHORT, id="of this wave"),
        pytest.param(Approval("1.1", "everybody"), Reason.NOT_IN_COHORT, id="of one after it"),
        pytest.param(Approval(NEW, "canary"), Reason.AWAITING_APPROVAL, id="of one before it"),
        pytest.param(Approval(OLD, "early"), Reason.AWAITING_APPROVAL, id="of another version"),
        pytest.param(Approval(NEW, "gone"), Reason.AWAITING_APPROVAL, id="of a wave that isn't there"),
    ],
)
def test_who_is_in_the_next_wave_waits_for_its_approval(approval, expected):
    gated = group(plan=replace(GATED, approval=approval), course=course(opened(CANARY)))

    assert reason(gated, asking(LATE_RISER)) == expected


def test_who_isnt_in_the_next_wave_waits_for_no_approval():
    narrow = replace(PLAN, waves=(CANARY, replace(EARLY, approval_required=True), LAST))
    boards = replace(
        GATED, waves=(CANARY, replace(GATED.waves[1], match=(Requirement("oem", frozenset({"ami"})),)), LAST)
    )

    for plan in (narrow, boards):
        assert reason(group(plan=plan, course=course(opened(CANARY))), asking(LATE_RISER)) == Reason.NOT_IN_COHORT


def test_an_approved_wave_that_is_open_asks_nobody():
    assert isinstance(answer(group(plan=GATED, course=course(opened(CANARY), opened(LAST))), asking(LATE_RISER)), Offer)


# Dependencies, enrolment, on demand


def test_nothing_is_given_out_before_those_that_go_first_are_far_enough():
    plan = Plan(depends_on=(Dependency("first"),))
    pending, met = (group(plan=plan, course=course(opened(LAST), dependencies_met_at=at)) for at in (None, NOW))

    assert reason(pending) == Reason.DEPENDENCY_NOT_MET
    assert isinstance(answer(met), Offer)
    assert isinstance(answer(replace(pending, plan=Plan())), Offer)


def test_while_too_many_are_new_only_those_that_are_known_are_taken_in():
    limited = Fleet(enrolment_until=later(60))

    assert answer(group(), fleet=limited) == Refusal(Reason.ENROLMENT_LIMITED, later(60))
    assert isinstance(answer(group(), fleet=replace(limited, first_seen=NOW)), Offer)
    assert isinstance(answer(group(), fleet=limited, now=later(60)), Offer)


@pytest.mark.parametrize(
    ("held_back", "skipped"),
    [
        pytest.param({"plan": GATED, "course": course()}, True, id="wave that isn't open"),
        pytest.param({"plan": GATED, "course": course(opened(CANARY))}, True, id="wave that isn't approved"),
        pytest.param({"paused": True}, False, id="pause"),
        pytest.param({"plan": Plan(halt=HaltRequest(NEW, "bad"))}, False, id="halt"),
        pytest.param({"plan": Plan(depends_on=(Dependency("first"),))}, False, id="dependency"),
    ],
)
def test_a_check_that_somebody_waits_for_is_let_past_waves_and_nothing_else(held_back, skipped):
    pressed = asking(LATE_RISER, on_demand=True)

    assert reason(group(**held_back), pressed) is not None
    assert isinstance(answer(group(on_demand_bypasses=True, **held_back), pressed), Offer) is skipped
    assert reason(group(on_demand_bypasses=True, **held_back), replace(pressed, on_demand=False)) is not None


# Halts


@pytest.mark.parametrize(
    ("changes", "fleet", "halted"),
    [
        pytest.param({"plan": Plan(halt=HaltRequest(NEW, "bad"))}, {}, True, id="a person's word"),
        pytest.param({"plan": Plan(halt=HaltRequest("1.1", "bad"))}, {}, True, id="in another notation"),
        pytest.param({"plan": Plan(halt=HaltRequest(OLD, "bad"))}, {}, False, id="a person's word of another version"),
        pytest.param({"course": course(opened(LAST), halted=latch())}, {}, True, id="stamped"),
        pytest.param({"course": course(opened(LAST), halted=latch(message=""))}, {}, True, id="stamped without words"),
        pytest.param({}, {"latch": latch()}, True, id="latched in the store"),
        pytest.param({}, {"latch": latch(message="")}, True, id="latched without words"),
        pytest.param({"stamp": stamp(2)}, {"latch": latch()}, False, id="latched in an earlier rollout"),
        pytest.param({"course": course(opened(LAST), epoch=1)}, {"latch": latch()}, False, id="resumed"),
        pytest.param({"course": course(opened(LAST), epoch=1)}, {"latch": latch(epoch=1)}, True, id="halted again"),
        pytest.param(
            {"stamp": stamp(2), "course": course(opened(LAST), epoch=5)},
            {"latch": latch(sequence=2, epoch=5)},
            True,
            id="latched in this one",
        ),
    ],
)
def test_a_halt_holds_for_its_own_version_or_rollout_until_it_is_resumed(changes, fleet, halted):
    of_group = replace(group(), **changes)

    assert reason(of_group, fleet=replace(KNOWN, **fleet)) == (Reason.HALTED if halted else None)


def test_a_halt_ends_the_repeating_of_offers_too():
    assert reason(group(), fleet=Fleet(live_grant=grant(), latch=latch())) == Reason.HALTED


# A rollback

BACK = stamp(version=OLD, kind="Rollback", from_version=NEW)
ROLLBACK = group(version=OLD, stamp=BACK, wanted=versions.parse(NEW), course=course(opened(LAST)))


@pytest.mark.parametrize(
    ("version", "moved"),
    [
        pytest.param(NEW, True, id="what was halted"),
        pytest.param("1.1", True, id="in another notation"),
        pytest.param(OLD, False, id="where it goes back to"),
        pytest.param("0.9.0", False, id="below"),
        pytest.param("1.2.0", False, id="above"),
        pytest.param("1.1.0-rc.1", False, id="in between"),
    ],
)
def test_a_rollback_moves_who_runs_what_was_halted_and_nobody_else(version, moved):
    decision = answer(ROLLBACK, asking(EARLY_BIRD, version))

    assert (isinstance(decision, Offer) and decision.version == OLD) is moved
    assert moved or decision == Refusal(Reason.UP_TO_DATE)


# Newcomers

LIMITED = group(limits=Limits(max_updates=20, period_seconds=60, max_in_flight=20), plan=GUARDED)


@pytest.mark.parametrize(
    ("first_seen", "min_age", "established"),
    [
        pytest.param(None, 0, False, id="never seen"),
        pytest.param(NOW, 0, False, id="seen first as the rollout began"),
        pytest.param(NOW - timedelta(microseconds=1), 0, True, id="just before"),
        pytest.param(NOW - timedelta(seconds=600), 600, True, id="for exactly as long"),
        pytest.param(NOW - timedelta(seconds=599), 600, False, id="not for so long"),
    ],
)
def test_established_is_who_was_known_before_the_rollout_and_for_long_enough(first_seen, min_age, established):
    decision = answer(group(plan=Plan(min_age_seconds=min_age)), fleet=Fleet(first_seen=first_seen))

    assert decision.established is established


@pytest.mark.parametrize(
    ("fleet", "expected"),
    [
        pytest.param({"newcomers_in_flight": 1, "in_flight": 19}, None, id="a place of the tenth is left"),
        pytest.param({"newcomers_in_flight": 2, "in_flight": 2}, Reason.TOO_MANY_IN_FLIGHT, id="the tenth is taken"),
        pytest.param({"in_flight": 20}, Reason.TOO_MANY_IN_FLIGHT, id="all are taken"),
        pytest.param({"newcomer_slot": later(5)}, Reason.RATE_LIMITED, id="the tenth of the rate is used up"),
        pytest.param({"newcomer_slot": NOW}, None, id="it isn't any more"),
        pytest.param({"rate_slot": later(5)}, Reason.RATE_LIMITED, id="the rate is used up"),
    ],
)
def test_newcomers_share_a_tenth_of_the_limits(fleet, expected):
    assert reason(LIMITED, fleet=Fleet(**fleet)) == expected


def test_newcomers_dont_take_the_places_of_those_that_are_known():
    taken = replace(KNOWN, newcomers_in_flight=2, in_flight=2, newcomer_slot=later(5))

    assert isinstance(answer(LIMITED, fleet=taken), Offer)


@pytest.mark.parametrize(
    ("plan", "shared"),
    [
        pytest.param(Plan(), False, id="neither judged nor in waves"),
        pytest.param(GUARDED, True, id="judged by its failures"),
        pytest.param(PLAN, True, id="in waves"),
        pytest.param(Plan(problem="it can't be read"), True, id="nobody knows which"),
    ],
)
def test_only_a_rollout_that_is_judged_by_outcomes_holds_newcomers_back(plan, shared):
    taken = Fleet(newcomers_in_flight=2, in_flight=2)

    assert reason(replace(LIMITED, plan=plan), fleet=taken) == (Reason.TOO_MANY_IN_FLIGHT if shared else None)


def test_the_tenth_is_at_least_one():
    small = replace(LIMITED, limits=Limits(max_in_flight=3))

    assert isinstance(answer(small, fleet=Fleet()), Offer)
    assert reason(small, fleet=Fleet(newcomers_in_flight=1, in_flight=1)) == Reason.TOO_MANY_IN_FLIGHT


def test_a_newcomer_isnt_in_its_own_way_when_its_grant_is_superseded():
    own = Fleet(live_grant=grant(sequence=0, established=False), newcomers_in_flight=2, in_flight=2)
    known = replace(own, live_grant=grant(sequence=0, established=True))

    assert isinstance(answer(LIMITED, fleet=own), Offer)
    assert reason(LIMITED, fleet=known) == Reason.TOO_MANY_IN_FLIGHT
