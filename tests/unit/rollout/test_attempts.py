"""How long an instance that failed waits, when it has tried often enough, and what begins its count anew."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NEW, NOW, OLD, PAYLOAD, asking, grant, group, stamp
from support.rollout_values import course
from update_core import versions
from update_core.rollout import decide, plan
from update_core.rollout.model import Attempts, Fleet, Hop, Offer, Reason, Refusal
from update_core.rollout.plan import Plan, Retry

RETRY = Retry(max_attempts=3, backoff_seconds=100)
RETRYING = group(plan=Plan(retry=RETRY))
DAY = timedelta(days=1)


def failed(times: int = 1, **changes) -> Attempts:
    return Attempts(**{"version": NEW, "failures": times, "failed_at": NOW, "sequence": 1, "epoch": 0} | changes)


def answer(*attempts: Attempts, of_group=RETRYING, after: float = 0, **fleet):
    return decide.decide(of_group, asking("one"), Fleet(attempts=attempts, **fleet), NOW + timedelta(seconds=after))


@given(st.integers(0, 86400), st.integers(1, 1000))
def test_each_failure_doubles_the_wait_up_to_a_day(seconds, failures):
    retry = Retry(backoff_seconds=seconds)
    first, nth, after = (plan.backoff(retry, number) for number in (1, failures, failures + 1))

    assert first == timedelta(seconds=seconds)
    assert after == min(2 * nth, DAY)


@pytest.mark.parametrize("after", [0, 99.999999], ids=["at once", "a microsecond before"])
def test_an_instance_that_failed_is_told_when_it_may_try_again(after):
    assert answer(failed(), after=after) == Refusal(Reason.BACKING_OFF, NOW + timedelta(seconds=100))


@pytest.mark.parametrize(("failures", "after"), [(1, 100), (2, 200)])
def test_it_may_try_again_at_that_very_moment(failures, after):
    assert answer(failed(failures), after=after - 0.000001).reason == Reason.BACKING_OFF
    assert isinstance(answer(failed(failures), after=after), Offer)


@pytest.mark.parametrize("failures", [3, 4])
def test_after_the_last_attempt_there_is_none_however_long_it_waits(failures):
    assert answer(failed(failures), after=10**7) == Refusal(Reason.ATTEMPTS_EXHAUSTED)


@pytest.mark.parametrize(
    "attempts",
    [
        pytest.param(failed(9, version="1.0.9"), id="another version"),
        pytest.param(failed(9, epoch=0), id="before the resume"),
    ],
)
def test_what_begins_the_count_anew(attempts):
    resumed = replace(RETRYING, course=course(epoch=1, opened=None))

    assert isinstance(answer(attempts, of_group=resumed), Offer)


@pytest.mark.parametrize(
    ("attempts", "epoch"),
    [
        pytest.param(failed(3, version="1.1"), 0, id="the same version in another notation"),
        pytest.param(failed(3, epoch=1), 1, id="since the resume"),
        pytest.param(
            failed(3, sequence=0), 1, id="in an earlier rollout of the same version, which the resume isn't of"
        ),
    ],
)
def test_what_doesnt(attempts, epoch):
    counted = replace(RETRYING, course=course(epoch=epoch, opened=None))

    assert answer(attempts, of_group=counted).reason == Reason.ATTEMPTS_EXHAUSTED


def test_failures_count_for_the_hop_and_not_for_what_comes_after_it():
    floor = Hop(versions.parse("1.0.5"), (PAYLOAD,))
    stepwise = replace(RETRYING, floors=(floor,))

    assert isinstance(answer(failed(3), of_group=stepwise), Offer)
    assert answer(failed(3, version="1.0.5"), of_group=stepwise).reason == Reason.ATTEMPTS_EXHAUSTED


def test_a_higher_limit_in_the_spec_holds_from_the_next_answer_on():
    patient = replace(RETRYING, plan=Plan(retry=replace(RETRY, max_attempts=10)))

    assert answer(failed(3)).reason == Reason.ATTEMPTS_EXHAUSTED
    assert answer(failed(3), of_group=patient) == Refusal(Reason.BACKING_OFF, NOW + timedelta(seconds=400))


def test_a_live_grant_is_offered_again_whatever_failed_before_it():
    assert isinstance(answer(failed(3), live_grant=grant()), Offer)


def test_an_instance_that_runs_another_version_is_asked_about_its_own_way():
    fleet = Fleet(attempts=(failed(3, version=OLD),))

    assert isinstance(decide.decide(group(stamp=stamp()), asking("one"), fleet, NOW), Offer)
