"""How an answer came about: every rule's verdict, which never says otherwise than the answer itself; and a sentence for each reason."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NEW, NOW, OLD, PAYLOAD, asking, grant, group, stamp
from support.rollout_values import LAST, course, latch, opened
from update_core import versions
from update_core.resources.fleet.decision import MAX_MESSAGE
from update_core.rollout import decide, explain, trace, zones
from update_core.rollout.model import Attempts, Fleet, Hop, Limits, LostPackage, Offer, Reason, Refusal
from update_core.rollout.plan import DEFAULT, UNGUARDED, Dependency, HaltOn, HaltRequest, Plan
from update_core.rollout.schedule import ALWAYS, Schedule
from update_core.rollout.trace import Verdict
from update_core.rollout.waves import Linear, Wave
from update_core.rollout.windows import Freeze, Window

MOMENTS = st.none() | st.integers(-2, 2).map(lambda minutes: NOW + timedelta(minutes=minutes))

# NOW is a Sunday.
MONDAYS = Window(frozenset({0}), time(2), 3600, zones.zone("America/Argentina/Buenos_Aires"))
AMD64 = replace(PAYLOAD, arch="amd64")
HIGH, GONE = replace(PAYLOAD, min_from=versions.parse("1.0.1")), replace(PAYLOAD, withdrawn="loses data")
FLOOR = Hop(versions.parse("1.0.5"), (PAYLOAD,), reason="key rotation")
GROUPS = st.builds(
    group,
    version=st.sampled_from([OLD, NEW]),
    limits=st.builds(Limits, st.none() | st.just(1), st.just(60), st.none() | st.integers(1, 2)),
    paused=st.booleans(),
    stamp=st.none() | st.builds(stamp, st.integers(1, 2), version=st.sampled_from([NEW, "1.2.0"])),
    payloads=st.sampled_from([(), group().payloads, (AMD64,), (*group().payloads, AMD64), (HIGH,), (GONE,)]),
    lost=st.sampled_from([(), (LostPackage("arm64", "app-arm64"),)]),
    floors=st.sampled_from(
        [(), (FLOOR,), (replace(FLOOR, payloads=()),), (replace(FLOOR, payloads=(), stamped=False),)]
    ),
    dead_ends=st.sampled_from([{}, {versions.parse(OLD): {"": "no room"}}]),
    blocked_versions=st.sampled_from([frozenset(), frozenset({versions.parse(NEW)}), frozenset({FLOOR.version})]),
    excluded_oems=st.sampled_from([frozenset(), frozenset({"ami"})]),
    version_prefix=st.sampled_from(["", "1.1", "1.2$"]),
    allow_downgrade=st.booleans(),
    on_demand_bypasses=st.booleans(),
    schedule=st.sampled_from(
        [
            ALWAYS,
            Schedule((MONDAYS,), (Freeze(NOW, NOW + timedelta(hours=1), "r" * 256, "n" * 63),)),
            Schedule((MONDAYS,)),
            Schedule(problem="a zone is unknown"),
        ]
    ),
    wanted=st.none() | st.sampled_from([versions.parse(OLD), versions.parse(NEW)]),
    plan=st.sampled_from(
        [
            DEFAULT,
            Plan(halt=HaltRequest(NEW, "r" * 256), depends_on=tuple(Dependency(f"{n}" * 253) for n in range(8))),
            Plan(waves=(Wave("w" * 63, ppm=1), Wave("x" * 63, ppm=1, approval_required=True), LAST), halt_on=HaltOn(2)),
            Plan(problem="it can't be read"),
        ]
    ),
    course=st.sampled_from(
        [
            UNGUARDED,
            course(),
            course(opened(Wave("w" * 63, ppm=1)), epoch=1),
            course(opened(LAST), halted=latch(message="m" * 1024)),
            course(opened=None, linear=Linear(0, 60)),
            course(opened=None, linear=Linear(0, 60), stopped_since=NOW, dependencies_met_at=None),
        ]
    ),
)
INSTANCES = st.builds(
    asking,
    st.none() | st.just("one"),
    st.sampled_from([OLD, NEW, "garbage", ""]),
    updates_disabled=st.booleans(),
    same_version=st.booleans(),
    rollback_allowed=st.booleans(),
    version_prefix=st.sampled_from(["", "1.1", "2"]),
    arch=st.sampled_from(["", "amd64", "arm64"]),
    oem=st.sampled_from(["", "ami"]),
    on_demand=st.booleans(),
    several_versions=st.booleans(),
)
FLEETS = st.builds(
    Fleet,
    live_grant=st.none() | st.builds(grant, sequence=st.integers(1, 2), track=st.sampled_from(["stable", "beta"])),
    highest_sequence=st.integers(0, 2),
    in_flight=st.integers(0, 2),
    in_flight_until=MOMENTS,
    rate_slot=MOMENTS,
    quiet_until=MOMENTS,
    available=st.booleans(),
    latch=st.sampled_from([None, latch(), latch(message="m" * 1024)]),
    attempts=st.sampled_from([(), *((Attempts(NEW, failures, NOW, 1, 0),) for failures in (1, 5))]),
    first_seen=st.sampled_from([None, NOW, NOW - timedelta(days=1)]),
    newcomers_in_flight=st.integers(0, 2),
    newcomer_slot=MOMENTS,
    enrolment_until=MOMENTS,
)


def sayable(of_group):
    """The catalog resolves a package only for a stamp."""
    return of_group if of_group.stamp is not None else replace(of_group, payloads=(), lost=())


QUESTIONS = st.tuples(GROUPS.map(sayable), INSTANCES, FLEETS, st.just(NOW))


@given(QUESTIONS)
def test_a_trace_answers_as_decide_does(question):
    assert trace.trace(*question).decision == decide.decide(*question)


@given(QUESTIONS)
def test_the_verdicts_lead_to_the_answer(question):
    traced = trace.trace(*question)
    refusals = [step.refusal for step in traced.steps if step.verdict is Verdict.REFUSES]

    if isinstance(traced.decision, Offer):
        assert refusals == []
        assert traced.repeated == (traced.decision.grant is not None)
        return
    ends = [refusal.until for refusal in refusals]
    assert refusals[0].reason == traced.decision.reason
    assert traced.decision.until == (None if None in ends else max(ends))


@given(QUESTIONS)
def test_every_rule_is_named_after_the_reason_with_which_it_refuses(question):
    traced = trace.trace(*question)

    assert [step.rule for step in traced.steps] == [reason for reason, _ in (*trace.ELIGIBILITY, *trace.LIMITS)]
    assert all(step.refusal.reason == step.rule for step in traced.steps if step.refusal)


def test_every_reason_is_a_rule_and_every_rule_has_its_own():
    assert sorted(reason for reason, _ in (*trace.ELIGIBILITY, *trace.LIMITS)) == sorted(Reason)


def test_limits_are_skipped_for_an_update_that_is_offered_again():
    fleet = Fleet(live_grant=grant(), in_flight=9, rate_slot=NOW + timedelta(minutes=1), available=False)
    verdicts = {
        step.rule: step.verdict for step in trace.trace(group(limits=Limits(1, 60, 1)), asking("one"), fleet, NOW).steps
    }

    assert {rule for rule, verdict in verdicts.items() if verdict is Verdict.SKIPPED} == {r for r, _ in trace.LIMITS}
    assert Verdict.REFUSES not in verdicts.values()


# Explanations


@given(QUESTIONS)
def test_whatever_refuses_is_explained_within_bounds(question):
    traced = trace.trace(*question)

    messages = [explain.refusal(traced.question, step.refusal) for step in traced.steps if step.refusal]

    assert all(0 < len(message) <= MAX_MESSAGE for message in [*messages, explain.answer(traced)])
    assert not any("None" in message for message in [*messages, explain.answer(traced)])


def test_every_reason_has_an_explanation():
    assert set(explain.EXPLANATIONS) == set(Reason)


def test_the_longest_names_and_versions_still_fit():
    long = {"name": "g" * 253, "channel": "c" * 253, "package": "p" * 253, "target_version": "1." + "0" * 100}
    version = "1.0.0-" + "a" * 122
    pending = group(**long, wanted=versions.parse(version), stamp=None, payloads=(), paused=True)
    gone = group(**long, payloads=(), stamp=stamp(2**62, version=version))
    withdrawn = replace(PAYLOAD, withdrawn="w" * 256, min_from=versions.parse(OLD), arch="amd64")
    floor = Hop(versions.parse("1.0.0-" + "b" * 122), (withdrawn,), lost=(LostPackage("", "l" * 253),))
    stepwise = replace(gone, floors=(floor,), dead_ends={versions.parse(OLD): {"": "d" * 256}}, version_prefix="9" * 9)

    for of_group in (
        pending,
        gone,
        stepwise,
        replace(stepwise, payloads=(withdrawn,), floors=()),
        group(**long, wanted=None, stamp=None, payloads=()),
    ):
        for traced in (
            trace.trace(of_group, asking("one", reported), Fleet(), NOW) for reported in (OLD, "\x00" * 128)
        ):
            messages = [explain.refusal(traced.question, step.refusal) for step in traced.steps if step.refusal]
            assert max(map(len, [*messages, explain.answer(traced)])) <= MAX_MESSAGE


SOON = NOW + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("of_group", "instance", "fleet", "words"),
    [
        pytest.param({}, {"updates_disabled": True}, {}, ["updatedisabled"], id="client"),
        pytest.param({}, {"version": "garbage"}, {}, ["'garbage'"], id="garbage"),
        pytest.param({}, {"version": ""}, {}, ["no version", "128"], id="no version"),
        pytest.param({}, {"version": NEW}, {}, ["runs 1.1.0", "what", 'Channel "app-main" says'], id="on target"),
        pytest.param({}, {"version": "1.2.0"}, {}, ["runs 1.2.0", "above 1.1.0", '"app-main"'], id="above"),
        pytest.param(
            {"stamp": None, "target_version": OLD}, {}, {}, ["says 1.1.0", "still stamped with 1.0.0"], id="pending"
        ),
        pytest.param({"stamp": None, "target_version": None}, {}, {}, ["has no target yet"], id="first rollout"),
        pytest.param({"stamp": None, "wanted": None}, {}, {}, ['"app-main", which doesn\'t exist'], id="no channel"),
        pytest.param({"payloads": ()}, {}, {}, ['"app-1.1.0"', "rollout 1", "Apply a Package"], id="package gone"),
        pytest.param(
            {"payloads": (), "payload_problem": "its URL is odd"},
            {},
            {},
            ["can't be handed out: its URL is odd"],
            id="odd",
        ),
        pytest.param({"paused": True}, {}, {}, ['"app-stable" is paused', "spec.paused"], id="paused"),
        pytest.param({}, {}, {"highest_sequence": 7}, ["rollout 7", "rollout 1", "'stable'"], id="stale"),
        pytest.param(
            {"limits": Limits(1, 60, 2)}, {"instance_id": None}, {}, ["spec.rateLimit and spec.maxInFlight"], id="no id"
        ),
        pytest.param(
            {"limits": Limits(max_in_flight=2)},
            {},
            {"in_flight": 2, "in_flight_until": SOON},
            ["2 of 2 instances are in flight", "times out at 2026-03-01T12:00:10Z", "raise spec.maxInFlight"],
            id="in flight",
        ),
        pytest.param(
            {"limits": Limits(1, 60)},
            {},
            {"rate_slot": SOON},
            ["1 update in 60 seconds", "used up until 2026-03-01T12:00:10Z", "spec.rateLimit"],
            id="rate",
        ),
        pytest.param({}, {}, {"quiet_until": SOON}, ["store was lost", "2026-03-01T12:00:10Z"], id="quiet time"),
        pytest.param({}, {}, {"available": False}, ["can't be written"], id="store away"),
    ],
)
def test_an_explanation_names_what_holds_and_what_would_change_it(of_group, instance, fleet, words):
    asked = replace(group(channel="app-main", package="app-1.1.0"), **of_group)
    traced = trace.trace(asked, replace(asking("one"), **instance), replace(Fleet(), **fleet), NOW)

    assert isinstance(traced.decision, Refusal)
    message = explain.refusal(traced.question, traced.decision)
    assert [word for word in words if word.lower() not in message.lower()] == []


def test_an_answer_names_the_other_rules_that_refuse():
    traced = trace.trace(group(paused=True), asking("one"), Fleet(rate_slot=SOON, available=False), NOW)

    assert explain.answer(traced).endswith("Without that it would still be refused: RateLimited, StoreUnavailable.")


def test_a_package_that_no_rollout_has_named_is_no_further_hindrance():
    traced = trace.trace(group(stamp=None, payloads=()), asking("one"), Fleet(), NOW)

    assert "Without that" not in explain.answer(traced)


def test_offers_say_whether_they_use_up_a_limit():
    fresh = trace.trace(group(), asking("one"), Fleet(), NOW)
    again = trace.trace(group(), asking("one"), Fleet(live_grant=grant()), NOW)

    assert explain.answer(fresh) == 'Group "app-stable" would give it 1.1.0 (rollout 1): every rule lets it pass.'
    assert "again" in explain.answer(again)
    assert "Granted and times out at 2026-03-01T13:00:00Z" in explain.answer(again)
