"""When do failures halt a rollout: as soon as the bound is reached, never before there are enough outcomes, and in words with numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.rollout import judging
from update_core.rollout.judging import RECENT, Tally
from update_core.rollout.plan import HaltOn, HaltReason

FAILED, DONE = True, False
OUTCOMES = st.lists(st.booleans(), max_size=150)
BOUNDS = st.builds(HaltOn, st.none() | st.integers(1, 100), st.integers(1, 100), st.none() | st.integers(1, 100))


def tally(recent: list[bool]) -> Tally:
    return Tally(succeeded=recent.count(DONE), failed=recent.count(FAILED))


def verdict(halt_on: HaltOn, recent: list[bool], of_wave: Tally | None = None):
    found = judging.judge(halt_on, "canary", tally(recent) if of_wave is None else of_wave, recent)
    return None if found is None else found.reason


@pytest.mark.parametrize(
    ("failed", "succeeded", "halts"),
    [
        pytest.param(2, 98, True, id="exactly the share"),
        pytest.param(1, 99, False, id="below the share"),
        pytest.param(1, 0, False, id="too few outcomes"),
        pytest.param(1, 8, False, id="one outcome short"),
        pytest.param(1, 9, True, id="just enough outcomes"),
        pytest.param(0, 100, False, id="no failure"),
    ],
)
def test_a_share_of_failures_halts_once_it_is_reached_among_enough_outcomes(failed, succeeded, halts):
    found = judging.judge(HaltOn(failure_percent=2), "canary", Tally(succeeded, failed), ())

    assert (found is not None) is halts


def test_the_last_hundred_outcomes_are_looked_at_whatever_wave_they_are_of():
    bounds = HaltOn(failure_percent=10)

    assert verdict(bounds, [FAILED] * 10 + [DONE] * 90, Tally(1000, 0)) is HaltReason.FAILURE_PERCENT
    assert verdict(bounds, [FAILED] * 9 + [DONE] * 91, Tally(1000, 0)) is None


def test_older_outcomes_than_those_dont_count_against_a_wave_that_goes_well():
    assert verdict(HaltOn(failure_percent=10), [DONE] * 100 + [FAILED] * 50, Tally(100, 0)) is None


def test_the_current_wave_is_looked_at_though_the_last_outcomes_are_of_others():
    assert verdict(HaltOn(failure_percent=10), [DONE] * 100, Tally(9, 1)) is HaltReason.FAILURE_PERCENT


@pytest.mark.parametrize(
    ("recent", "halts"),
    [
        pytest.param([FAILED] * 3 + [DONE] * 9, True, id="the last three"),
        pytest.param([FAILED, FAILED, DONE, FAILED], False, id="one succeeded in between"),
        pytest.param([DONE] + [FAILED] * 9, False, id="the last one succeeded"),
        pytest.param([FAILED] * 2, False, id="only two so far"),
        pytest.param([FAILED] * 3, True, id="the first three"),
    ],
)
def test_failures_one_after_the_other_halt_however_few_there_are(recent, halts):
    assert verdict(HaltOn(consecutive_failures=3), recent) is (HaltReason.CONSECUTIVE_FAILURES if halts else None)


def test_without_a_share_no_number_of_scattered_failures_halts():
    assert verdict(HaltOn(consecutive_failures=3), [FAILED, FAILED, DONE] * 50) is None


@given(BOUNDS, OUTCOMES, OUTCOMES)
def test_nothing_is_halted_by_successes_and_nothing_halted_is_saved_by_one_more_failure(bounds, of_wave, recent):
    halted = judging.judge(bounds, "canary", tally(of_wave), recent) is not None

    assert judging.judge(bounds, "canary", Tally(len(of_wave), 0), [DONE] * len(recent)) is None
    worse = tally([*of_wave, FAILED])
    if halted and len(recent) < RECENT:
        assert judging.judge(bounds, "canary", worse, [FAILED, *recent]) is not None


@given(BOUNDS, OUTCOMES)
def test_each_verdict_is_the_bound_in_exact_numbers(bounds, recent):
    last, run, share = recent[:RECENT], bounds.consecutive_failures, bounds.failure_percent
    in_a_row = run is not None and len(recent) >= run and recent[:run] == [FAILED] * run
    too_many = any(
        share is not None and len(some) >= bounds.min_samples and some.count(FAILED) / len(some) >= share / 100
        for some in (recent, last)
    )

    expected = HaltReason.CONSECUTIVE_FAILURES if in_a_row else HaltReason.FAILURE_PERCENT if too_many else None
    assert verdict(bounds, recent) == expected


@pytest.mark.parametrize(
    ("wave", "recent", "of_wave", "message"),
    [
        pytest.param(
            "canary", [], Tally(7, 3), "3 of 10 instances failed in wave canary; 20 percent halt it.", id="in a wave"
        ),
        pytest.param(
            "", [], Tally(7, 3), "3 of 10 instances failed in this rollout; 20 percent halt it.", id="no waves"
        ),
        pytest.param(
            "early",
            [FAILED] * 40 + [DONE] * 80,
            Tally(200, 1),
            "40 of 100 instances failed of the last 100; 20 percent halt it.",
            id="lately",
        ),
    ],
)
def test_a_verdict_says_the_numbers(wave, recent, of_wave, message):
    assert judging.judge(HaltOn(failure_percent=20), wave, of_wave, recent).message == message
