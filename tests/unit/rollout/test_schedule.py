"""Windows and freezes together: how they stand at a moment, how long that holds, and what a group gives out meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NEW, NOW, asking, grant, group
from update_core.rollout import decide, explain, schedule, trace, windows, zones
from update_core.rollout.model import Fleet, Limits, Offer, Reason, Refusal
from update_core.rollout.schedule import NEVER, Schedule
from update_core.rollout.windows import Freeze, Window

SUNDAY, WEEKEND = frozenset({6}), frozenset({5, 6})
HOUR = 3600
NIGHTS = Window(SUNDAY, time(2), 4 * HOUR, zones.zone("Europe/Berlin"))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def decided(of, now, fleet=None):
    return decide.decide(group(schedule=of), asking("one"), fleet or Fleet(), now)


# In 2026 Berlin puts its clocks forward on 29 March and back on 25 October, both on a Sunday.
@pytest.mark.parametrize(
    ("now", "until"),
    [
        pytest.param("2026-03-21T12:00:00", "2026-03-22T01:00:00", id="the day before"),
        pytest.param("2026-03-22T01:00:00", None, id="its first second"),
        pytest.param("2026-03-22T04:59:59", None, id="its last second"),
        pytest.param("2026-03-22T05:00:00", "2026-03-29T01:00:00", id="shut for the week"),
        pytest.param("2026-03-29T01:00:00", None, id="the gap's end, for there is no two o'clock"),
        pytest.param("2026-03-29T04:59:59", None, id="four real hours in the short night"),
        pytest.param("2026-03-29T05:00:00", "2026-04-05T00:00:00", id="then summer time"),
        pytest.param("2026-10-24T12:00:00", "2026-10-25T00:00:00", id="the first two o'clock of two"),
        pytest.param("2026-10-25T03:59:59", None, id="four real hours in the long night"),
        pytest.param("2026-10-25T04:00:00", "2026-11-01T01:00:00", id="then winter time"),
    ],
)
def test_a_group_is_refused_outside_its_windows_until_the_next_opens(now, until):
    decision = decided(Schedule((NIGHTS,)), at(now))

    if until is None:
        assert isinstance(decision, Offer)
    else:
        assert decision == Refusal(Reason.OUTSIDE_WINDOW, at(until))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        pytest.param("2026-12-19T23:59:59", None, id="the second before"),
        pytest.param("2026-12-20T00:00:00", "2027-01-04T00:00:00", id="its first"),
        pytest.param("2027-01-03T23:59:59", "2027-01-04T00:00:00", id="its last"),
        pytest.param("2027-01-04T00:00:00", None, id="its end is outside"),
    ],
)
def test_a_frozen_group_is_refused_until_it_thaws(now, until):
    decision = decided(Schedule(freezes=(Freeze(at("2026-12-20"), at("2027-01-04")),)), at(now))

    if until is None:
        assert isinstance(decision, Offer)
    else:
        assert decision == Refusal(Reason.FROZEN, at(until))


def test_a_freeze_comes_before_the_windows_and_the_later_of_the_two_counts():
    frozen = Schedule((NIGHTS,), (Freeze(at("2026-11-22"), at("2026-11-24")),))
    short = replace(frozen, freezes=(Freeze(at("2026-11-23"), at("2026-11-24")),))

    assert decided(frozen, at("2026-11-22T02:00")) == Refusal(Reason.FROZEN, at("2026-11-24"))
    assert decided(short, at("2026-11-23T12:00")) == Refusal(Reason.FROZEN, at("2026-11-29T01:00"))


def test_a_limit_that_ends_later_than_the_window_opens_counts():
    slot = at("2026-11-29T01:30")

    assert decided(Schedule((NIGHTS,)), at("2026-11-28"), Fleet(rate_slot=slot)) == Refusal(Reason.OUTSIDE_WINDOW, slot)


def test_windows_that_cannot_be_read_are_never_open():
    shut = group(schedule=Schedule(problem="spec.maintenanceWindows[0].timeZone: 'Mars/Olympus' is no IANA time zone."))
    asked = trace.trace(shut, asking("one"), Fleet(), NOW)

    assert asked.decision == Refusal(Reason.OUTSIDE_WINDOW)
    assert "Mars/Olympus" in explain.answer(asked)
    assert "Correct its spec.maintenanceWindows" in explain.answer(asked)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        pytest.param(Schedule((replace(NIGHTS, days=frozenset({0})),)), Reason.OUTSIDE_WINDOW, id="outside"),
        pytest.param(Schedule(freezes=(Freeze(NOW, NOW + timedelta(hours=1)),)), Reason.FROZEN, id="frozen"),
    ],
)
def test_what_is_in_flight_is_not_offered_again_either(of, reason):
    held = Fleet(live_grant=grant(), in_flight=1)

    assert decided(of, NOW, held).reason == reason
    assert decided(schedule.ALWAYS, NOW, held).grant == grant()


# What holds whatever is written

MOMENTS = st.integers(0, 2 * 365 * 86400).map(lambda seconds: at("2026-01-01") + timedelta(seconds=seconds))
WINDOWS = st.builds(
    Window,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.times().map(lambda local: local.replace(microsecond=0)),
    st.integers(1, windows.MAX_WINDOW_SECONDS),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]).map(
        zones.zone
    ),
)
FREEZES = st.builds(lambda start, hours: Freeze(start, start + timedelta(hours=hours)), MOMENTS, st.integers(1, 2000))
SCHEDULES = st.builds(Schedule, st.lists(WINDOWS, max_size=3).map(tuple), st.lists(FREEZES, max_size=3).map(tuple))


@given(SCHEDULES, MOMENTS)
def test_nothing_is_offered_in_a_freeze_or_outside_the_union_of_windows(of, now):
    inside = not of.windows or any(window.is_open(now) for window in of.windows)
    frozen = any(freeze.start <= now < freeze.end for freeze in of.freezes)

    assert isinstance(decided(of, now), Offer) == (inside and not frozen)


@given(SCHEDULES, MOMENTS)
def test_until_is_the_very_moment_at_which_a_rule_lets_pass(of, now):
    question = decide.Question(group(schedule=of), asking("one"), Fleet(), now)
    for rule in (decide.frozen, decide.outside_window):
        refused = rule(question)
        if refused is not None:
            just_before = refused.until - timedelta(microseconds=1)
            assert rule(replace(question, now=just_before)) == refused
            assert rule(replace(question, now=refused.until)) is None


@given(SCHEDULES, MOMENTS, st.lists(st.floats(0, 1, exclude_max=True), max_size=5))
def test_an_answer_holds_all_through_its_stretch_and_is_kept(of, now, shares):
    standing = of.at(now)
    end = min(standing.until, now + timedelta(days=400))

    for share in shares:
        moment = min(now + (end - now) * share, end - timedelta(microseconds=1))
        assert of.at(moment) is standing
        fresh = Schedule(of.windows, of.freezes).at(moment)
        assert (fresh.thaws_at, fresh.opens_at) == (standing.thaws_at, standing.opens_at)
    if standing.until != NEVER:
        assert of.at(standing.until) is not standing


@given(SCHEDULES, st.lists(MOMENTS, min_size=2, max_size=6))
def test_what_is_kept_never_answers_for_another_time(of, moments):
    for moment in moments:
        assert of.at(moment).thaws_at == windows.thaws_at(of.freezes, moment)
        assert of.at(moment).opens_at == windows.opens_at(of.windows, moment)


@given(SCHEDULES, MOMENTS)
def test_the_next_chance_is_the_first_moment_at_which_something_is_given_out(of, now):
    clear = of.clear_at(now)

    assert isinstance(decided(of, clear), Offer)
    if clear > now:
        assert isinstance(decided(of, clear - timedelta(microseconds=1)), Refusal)


@given(SCHEDULES, MOMENTS)
def test_the_end_of_giving_out_is_the_first_moment_at_which_something_refuses(of, now):
    shut = of.shut_at(now)
    if shut is None:
        return

    assert isinstance(decided(of, shut), Refusal)
    if shut > now:
        assert isinstance(decided(of, shut - timedelta(microseconds=1)), Offer)
        assert isinstance(decided(of, now), Offer)


def test_windows_that_follow_on_each_other_are_open_until_the_last_one_shuts():
    late = replace(NIGHTS, start=time(5))

    assert Schedule((NIGHTS, late)).shut_at(at("2026-11-22T02:00")) == at("2026-11-22T08:00")


@given(SCHEDULES, MOMENTS)
def test_a_refusal_is_told_in_words_that_stay_the_same_as_long_as_it_holds(of, now):
    asked = trace.trace(group(schedule=of, limits=Limits()), asking("one"), Fleet(), now)
    if isinstance(asked.decision, Offer):
        return
    later = now + (of.at(now).until - now) / 2

    said = explain.answer(asked)
    assert said == explain.answer(trace.trace(asked.question.group, asking("one"), Fleet(), later))
    assert "None" not in said


@pytest.mark.parametrize(
    ("of", "now", "words"),
    [
        pytest.param(
            Schedule((NIGHTS,)),
            "2026-11-23T12:00",
            ["outside its maintenance windows", "Sunday 2026-11-29 at 02:00 in Europe/Berlin, 2026-11-29T01:00:00Z"],
            id="outside",
        ),
        pytest.param(
            Schedule((Window(WEEKEND, time(22, 30), HOUR, zones.zone("UTC")),)),
            "2026-11-23T12:00",
            ["opens on Saturday at 2026-11-28T22:30:00Z"],
            id="in UTC it is said once",
        ),
        pytest.param(
            Schedule((NIGHTS,), (Freeze(at("2026-11-29"), at("2026-11-30")),)),
            "2026-11-28T12:00",
            ["but is frozen then; updates are given out again from 2026-12-06T01:00:00Z on"],
            id="the next opening is frozen",
        ),
        pytest.param(
            Schedule(freezes=(Freeze(at("2026-12-20"), at("2027-01-04"), "nobody is there", "holidays"),)),
            "2026-12-24T18:00",
            ["is frozen until 2027-01-04T00:00:00Z (holidays: nobody is there)", "spec.freezes"],
            id="frozen",
        ),
    ],
)
def test_an_instance_is_told_when_on_whose_clock_and_why(of, now, words):
    said = explain.answer(trace.trace(group(schedule=of), asking("one"), Fleet(), at(now)))

    assert [word for word in words if word not in said] == []


def test_a_group_without_windows_and_freezes_is_offered_at_any_time():
    assert schedule.ALWAYS.always
    assert decided(schedule.ALWAYS, NOW).version == NEW
    assert schedule.ALWAYS.at(NOW).until == NEVER
