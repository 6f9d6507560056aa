"""Why isn't it this instance's turn? Each sentence about waves, halts and retries says what holds, until when, and what would change it."""

from datetime import timedelta

import pytest

from support.fleet_values import NEW, NOW, asking, group
from support.rollout_values import CANARY, EARLY, LAST, PLAN, course, latch, later, opened
from update_core.rollout import explain, trace, waves
from update_core.rollout.model import Attempts, Fleet, Limits, Reason
from update_core.rollout.plan import Approval, Dependency, HaltOn, HaltRequest, Plan, Retry
from update_core.rollout.waves import Linear, Wave

GATED = Plan(waves=(CANARY, Wave("early", ppm=1_000_000, approval_required=True), LAST))
GUARDED = Plan(halt_on=HaltOn(failure_percent=2))
ONCE, OFTEN = (Attempts(NEW, failures, NOW, sequence=1, epoch=0) for failures in (1, 5))
LATE_RISER = "i-15"
TEN = Limits(max_updates=10, period_seconds=60, max_in_flight=10)


def explained(of_group, reason, instance=None, **fleet) -> str:
    traced = trace.trace(of_group, instance or asking(LATE_RISER), Fleet(**fleet), NOW)
    assert traced.decision.reason == reason
    return explain.refusal(traced.question, traced.decision)


def test_the_instance_of_these_tests_comes_late():
    assert not waves.includes(900_000, "salt-1", LATE_RISER)


@pytest.mark.parametrize(
    ("of_group", "fleet", "reason", "words"),
    [
        pytest.param(
            {"plan": Plan(halt=HaltRequest(NEW, "It loses data."))},
            {},
            Reason.HALTED,
            ["halted for 1.1.0 by its spec.rollout.halt: It loses data. Take that out"],
            id="halted by a person",
        ),
        pytest.param(
            {"course": course(opened(LAST), halted=latch())},
            {},
            Reason.HALTED,
            [
                "halted by its failures: 3 of 10 failed. Have",
                '"app-main" name another version',
                "group resume app-stable",
            ],
            id="halted by failures",
        ),
        pytest.param({}, {"latch": latch()}, Reason.HALTED, ["by its failures: 3 of 10 failed."], id="latched"),
        pytest.param(
            {"plan": Plan(retry=Retry(5, 100))},
            {"attempts": (ONCE,)},
            Reason.BACKING_OFF,
            ["1.1.0 failed 1 time, last at 2026-03-01T12:00:00Z", "at 2026-03-01T12:01:40Z", "reset the instance"],
            id="backing off",
        ),
        pytest.param(
            {},
            {"attempts": (OFTEN,)},
            Reason.ATTEMPTS_EXHAUSTED,
            ["failed 5 times", "lets an instance try 5", "another version, a reset of the instance or a resume"],
            id="exhausted",
        ),
        pytest.param(
            {"plan": Plan(depends_on=(Dependency("first"), Dependency("second")))},
            {},
            Reason.DEPENDENCY_NOT_MET,
            ['spec.rollout.dependsOn): "first", "second".', "status.blockers"],
            id="others go first",
        ),
        pytest.param(
            {"plan": GATED, "course": course(opened(CANARY))},
            {},
            Reason.AWAITING_APPROVAL,
            ["wave 'early'", "updatectl group approve app-stable --wave early"],
            id="nobody has approved it",
        ),
        pytest.param(
            {"plan": PLAN, "course": course(opened(CANARY), opened(EARLY))},
            {},
            Reason.NOT_IN_COHORT,
            ["(open: 'canary', 'early')", "The next is 'everybody'."],
            id="in a later wave",
        ),
        pytest.param(
            {"plan": PLAN, "course": course()},
            {},
            Reason.NOT_IN_COHORT,
            ["(none is open yet)", "'canary'"],
            id="none is open",
        ),
        pytest.param(
            {"course": course(opened=None, linear=Linear(0, 1000))},
            {},
            Reason.NOT_IN_COHORT,
            ["its turn comes at 2026-03-01T12:1", "spec.rollout.linear"],
            id="the share grows",
        ),
        pytest.param(
            {"course": course(opened=None, linear=Linear(0, 1000), stopped_since=NOW)},
            {},
            Reason.NOT_IN_COHORT,
            ["its turn hasn't come yet"],
            id="the share stands still",
        ),
        pytest.param(
            {},
            {"enrolment_until": later(5)},
            Reason.ENROLMENT_LIMITED,
            ["no more are taken in until 2026-03-01T12:00:05Z", "Known ones aren't affected"],
            id="too many new ones",
        ),
        pytest.param(
            {"plan": GUARDED, "limits": TEN},
            {"newcomers_in_flight": 1, "in_flight": 4},
            Reason.TOO_MANY_IN_FLIGHT,
            ["1 instances that were new", "have 1 of the 10 places", "spec.maxInFlight"],
            id="the newcomers' places are taken",
        ),
        pytest.param(
            {"plan": GUARDED, "limits": TEN},
            {"newcomer_slot": later(5)},
            Reason.RATE_LIMITED,
            ["new to this rollout", "1 of the 10 updates", "in 60 seconds", "used up until 2026-03-01T12:00:05Z"],
            id="the newcomers' rate is used up",
        ),
    ],
)
def test_an_explanation_names_what_holds_and_what_would_change_it(of_group, fleet, reason, words):
    text = explained(group(channel="app-main", **of_group), reason, **fleet)

    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"course": course()}, ["and spec.rollout of", "wait until everybody is let in"], id="waves"),
        pytest.param({"limits": TEN}, ["spec.rateLimit and spec.maxInFlight of", "take the limit away"], id="limits"),
        pytest.param({"course": course(), "limits": TEN}, ["and spec.rollout of", "take the limit away"], id="both"),
    ],
)
def test_who_has_no_id_is_told_what_cant_be_kept_without_one(changes, words):
    text = explained(group(**changes), Reason.ANONYMOUS_INSTANCE, asking(None))

    assert [word for word in words if word not in text] == []


def test_a_wave_that_is_approved_isnt_waited_for_in_the_sentence():
    approved = Plan(waves=GATED.waves, approval=Approval(NEW, "early"))
    text = explained(group(plan=approved, course=course(opened(CANARY))), Reason.NOT_IN_COHORT)

    assert "approve" not in text


def test_a_slot_that_has_passed_isnt_spoken_of():
    text = explained(
        group(plan=GUARDED, limits=TEN),
        Reason.RATE_LIMITED,
        rate_slot=later(9),
        newcomer_slot=NOW - timedelta(seconds=1),
    )

    assert "new to this rollout" not in text
