"""What a group's row says of judging is read back as it was written, and a new rollout is judged by what its stamp and its plan say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omaha_api.store import judgings, rows
from omaha_api.store.judgings import Judging
from support.fleet_values import NOW, group, stamp
from update_core.rollout.plan import Course, HaltOn, HaltReason, Latch, Plan
from update_core.rollout.waves import Linear, Opened

COUNTS = st.integers(0, 2**53)
TEXTS = st.text(max_size=63)
BOUNDS = st.builds(HaltOn, st.none() | st.integers(1, 100), COUNTS, st.none() | COUNTS)
TIMES = st.integers(0, 2**52).map(rows.instant)
LATCHES = st.builds(
    Latch,
    COUNTS,
    COUNTS,
    TIMES,
    st.sampled_from(HaltReason),
    TEXTS,
    TEXTS,
    st.lists(st.tuples(st.integers(-(2**53), 2**53), COUNTS), max_size=5).map(tuple),
)


@given(judging=st.builds(Judging, COUNTS, COUNTS, COUNTS, TEXTS, st.none() | BOUNDS))
def test_what_is_judged_by_is_read_back(judging):
    assert judgings.to_judging(judgings.from_judging(judging)) == judging


@given(latch=st.none() | LATCHES)
def test_latch_is_read_back(latch):
    assert judgings.to_latch(judgings.from_latch(latch)) == latch


@given(through=st.dictionaries(TEXTS, COUNTS))
def test_counts_of_waves_are_read_back(through):
    assert dict(judgings.to_through(judgings.from_through(through))) == through


@pytest.mark.parametrize(
    ("course", "opened", "wave"),
    [
        pytest.param(Course(), 0, "", id="everybody at once"),
        pytest.param(Course(opened=()), 0, "", id="nothing is open"),
        pytest.param(Course(linear=Linear(0, 60)), 0, "", id="a share that grows"),
        pytest.param(Course(opened=(Opened("a", NOW), Opened("b", NOW))), 2, "b", id="the wave that was opened last"),
    ],
)
def test_current_wave_is_the_one_that_was_opened_last(course, opened, wave):
    judging = judgings.judged_by(group(course=course), stamp(7))

    assert judging == Judging(sequence=7, epoch=0, opened=opened, wave=wave)


def test_bounds_are_the_plans_and_the_epoch_is_the_courses():
    judging = judgings.judged_by(group(plan=Plan(halt_on=HaltOn(5)), course=Course(epoch=3)), stamp(7))

    assert (judging.of, judging.halt_on) == ((7, 3), HaltOn(5))
