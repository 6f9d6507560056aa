"""How far a rollout is survives being written into Group.status and read again, whatever has happened to it."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NOW
from update_core import courses
from update_core.resources.rollout_status import Rollout
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Course, HaltReason, Latch
from update_core.rollout.waves import Linear, Opened, Requirement

SEQUENCE = 7
STAMPED = Rollout(sequence=SEQUENCE, version="1.1.0", salt="salt", started_time=NOW)

COUNTS = st.integers(0, 2**31 - 1)
MOMENTS = st.integers(0, 10**8).map(lambda seconds: NOW + timedelta(seconds=seconds))
WORDS = st.sampled_from(["ami", "a b", "Überblick", "3 of 10 failed."])
NAMES = st.sampled_from(["canary", "a", "ring-1", "everybody"])
REQUIREMENTS = st.builds(
    Requirement,
    st.sampled_from(
        ["oem", "oemversion", "alephversion", "board", "lang", "platform", "osversion", "sp", "arch", "version"]
    ),
    st.frozensets(WORDS, min_size=1, max_size=3),
    st.booleans(),
)
SHARES = st.tuples(st.integers(0, PPM_OF_ALL), st.none()) | st.tuples(st.none(), st.integers(1, 2**31 - 1))


@st.composite
def opened(draw) -> Opened:
    ppm, instances = draw(SHARES)
    return Opened(
        draw(NAMES),
        draw(MOMENTS),
        ppm=ppm,
        instances=instances,
        match=tuple(draw(st.lists(REQUIREMENTS, max_size=2))),
        expected=draw(COUNTS),
        settled_at=draw(st.none() | MOMENTS),
        settled_after_stopped_seconds=draw(COUNTS),
    )


@st.composite
def a_course(draw) -> Course:
    epoch = draw(st.integers(0, 5))
    latch = st.builds(
        Latch,
        sequence=st.just(SEQUENCE),
        epoch=st.just(epoch),
        at=MOMENTS,
        reason=st.sampled_from(HaltReason),
        message=WORDS,
        wave=NAMES,
        errors=st.lists(st.tuples(st.integers(-(2**31), 2**31), st.integers(1, 100)), max_size=2).map(tuple),
    )
    return Course(
        opened=draw(st.none() | st.lists(opened(), max_size=2).map(tuple)),
        linear=draw(st.none() | st.builds(Linear, st.integers(0, PPM_OF_ALL), st.integers(1, 2**31 - 1))),
        epoch=epoch,
        halted=draw(st.none() | latch),
        stopped_seconds=draw(COUNTS),
        stopped_since=draw(st.none() | MOMENTS),
        dependencies_met_at=draw(st.none() | MOMENTS),
        soaking=tuple(draw(st.lists(st.tuples(NAMES, MOMENTS), max_size=3))),
    )


@given(a_course())
def test_a_course_is_the_same_after_it_was_stored(course):
    stored = json.loads(json.dumps(courses.written(STAMPED, course).to_wire()))

    assert courses.read(Rollout.model_validate(stored)) == course


EVENTFUL = Course(
    opened=(Opened("canary", NOW, ppm=5),),
    linear=Linear(0, 60),
    epoch=9,
    halted=Latch(SEQUENCE, 9, NOW, HaltReason.FAILURE_PERCENT, "3 of 10 failed."),
    stopped_seconds=5,
    stopped_since=NOW,
    dependencies_met_at=NOW,
    soaking=(("first", NOW),),
)


@given(a_course())
def test_a_course_takes_the_place_of_the_one_before_and_touches_nothing_else(after):
    written = courses.written(courses.written(STAMPED, EVENTFUL), after)

    assert courses.read(written) == after
    assert (written.sequence, written.version, written.salt, written.started_time) == (SEQUENCE, "1.1.0", "salt", NOW)


def test_what_is_shown_of_a_growing_share_stays_until_it_is_shown_anew():
    growing = courses.written(STAMPED, Course(linear=Linear(0, 60)))
    shown = growing.model_copy(update={"linear": growing.linear.model_copy(update={"percent": "12.5"})})

    assert courses.written(shown, courses.read(shown)).linear.percent == "12.5"


def test_a_rollout_that_was_stamped_before_there_were_waves_lets_everybody_in():
    assert courses.read(STAMPED) == Course()
    assert courses.written(STAMPED, Course()).open is None
