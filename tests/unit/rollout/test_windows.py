"""Maintenance windows and freezes on real zones: days that are short, long, or don't exist."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.rollout import windows
from update_core.rollout.windows import Freeze, Window

BERLIN, NEW_YORK, APIA, LORD_HOWE = map(
    ZoneInfo, ("Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe")
)
SUNDAY = frozenset({6})
EVERY_DAY = frozenset(range(7))
HOUR = 3600


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "local", "zone", "expected"),
    [
        pytest.param(date(2026, 1, 15), time(2, 30), BERLIN, "2026-01-15T01:30", id="winter"),
        pytest.param(date(2026, 7, 15), time(2, 30), BERLIN, "2026-07-15T00:30", id="summer"),
        pytest.param(date(2026, 3, 29), time(2, 30), BERLIN, "2026-03-29T01:00", id="in the gap: at its end"),
        pytest.param(date(2026, 3, 29), time(2, 0), BERLIN, "2026-03-29T01:00", id="the gap's first moment"),
        pytest.param(date(2026, 3, 29), time(3, 0), BERLIN, "2026-03-29T01:00", id="the moment after the gap"),
        pytest.param(date(2026, 10, 25), time(2, 30), BERLIN, "2026-10-25T00:30", id="twice: the first time"),
        pytest.param(date(2026, 3, 8), time(2, 59, 59), NEW_YORK, "2026-03-08T07:00", id="New York's gap"),
        pytest.param(date(2026, 10, 4), time(2, 10), LORD_HOWE, "2026-10-03T15:30", id="a gap of half an hour"),
        pytest.param(date(2011, 12, 30), time(12, 0), APIA, "2011-12-30T10:00", id="a day that never was"),
    ],
)
def test_a_local_start_is_one_instant_whatever_the_clock_does_that_night(day, local, zone, expected):
    assert windows.instant(day, local, zone) == at(expected)


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        pytest.param("2026-03-22T00:59:59", False, id="before"),
        pytest.param("2026-03-22T01:00:00", True, id="its first second"),
        pytest.param("2026-03-22T04:59:59", True, id="its last second"),
        pytest.param("2026-03-22T05:00:00", False, id="its end is outside"),
        pytest.param("2026-03-29T04:59:59", True, id="four real hours also where the night is an hour short"),
        pytest.param("2026-03-29T05:00:00", False, id="and no more"),
        pytest.param("2026-10-25T03:59:59", True, id="four real hours where the night is an hour long"),
        pytest.param("2026-10-25T04:00:00", False, id="and no more there"),
        pytest.param("2026-03-23T02:00:00", False, id="another day"),
    ],
)
def test_a_window_is_as_long_as_it_says_in_every_night(now, is_open):
    # 2:00 on Sundays in Berlin; on 29 March that hour doesn't exist, on 25 October it comes twice.
    window = Window(SUNDAY, time(2), 4 * HOUR, BERLIN)
    assert window.is_open(at(now)) is is_open


def test_a_window_goes_on_over_midnight_and_belongs_to_the_day_that_it_starts_on():
    window = Window(SUNDAY, time(22), 10 * HOUR, ZoneInfo("UTC"))
    assert window.is_open(at("2026-11-23T07:59:59"))
    assert not window.is_open(at("2026-11-22T07:59:59"))


def test_windows_unite_and_the_next_of_them_counts():
    two = [Window(SUNDAY, time(2), HOUR, BERLIN), Window(frozenset({2}), time(2), HOUR, NEW_YORK)]
    assert windows.opens_at(two, at("2026-11-22T01:30")) is None
    assert windows.opens_at(two, at("2026-11-22T02:00")) == at("2026-11-25T07:00")
    assert windows.opens_at(two, at("2026-11-25T08:00")) == at("2026-11-29T01:00")


def test_without_windows_it_is_always_open():
    assert windows.opens_at([], at("2026-11-22T01:30")) is None


def test_freezes_that_follow_on_each_other_are_one():
    day = [at(f"2026-12-{number}") for number in range(20, 26)]
    freezes = [Freeze(day[3], day[4]), Freeze(day[0], day[2]), Freeze(day[1], day[3]), Freeze(day[5], day[5] + timedelta(1))]
    assert windows.thaws_at(freezes, day[0]) == day[4]
    assert windows.thaws_at(freezes, day[4] - timedelta(seconds=1)) == day[4]
    assert windows.thaws_at(freezes, day[4]) is None
    assert windows.thaws_at(freezes, day[0] - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Window(frozenset(), time(2), HOUR, BERLIN), id="on no day"),
        pytest.param(lambda: Window(frozenset({7}), time(2), HOUR, BERLIN), id="on an eighth day"),
        pytest.param(lambda: Window(SUNDAY, time(2), 0, BERLIN), id="no time at all"),
        pytest.param(lambda: Window(SUNDAY, time(2), windows.MAX_WINDOW_SECONDS + 1, BERLIN), id="over a week"),
        pytest.param(lambda: Freeze(at("2026-01-01"), at("2026-01-01")), id="an empty freeze"),
    ],
)
def test_an_interval_that_means_nothing_cannot_be_made(make):
    with pytest.raises(ValueError, match=r"days|long|ends"):
        make()


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"])
WINDOWS = st.builds(
    Window,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    start=st.times().map(lambda moment: moment.replace(microsecond=0)),
    seconds=st.integers(1, windows.MAX_WINDOW_SECONDS),
    zone=ZONES.map(ZoneInfo),
)
MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(st.lists(WINDOWS, min_size=1, max_size=3), MOMENTS)
def test_it_is_shut_until_the_moment_that_is_named_and_open_then(some, now):
    opening = windows.opens_at(some, now)
    if opening is None:
        assert any(window.is_open(now) for window in some)
        return
    assert now < opening
    assert windows.opens_at(some, opening) is None
    for share in range(20):
        assert windows.opens_at(some, now + (opening - now) * share / 20) == opening


@given(WINDOWS, MOMENTS)
def test_a_window_opens_only_when_its_clock_shows_its_start_or_was_put_forward_over_it(window, now):
    opening = window.next_opening(now)
    shown = opening.astimezone(window.zone)
    before = (opening - timedelta(seconds=1)).astimezone(window.zone)
    if shown.time() == window.start:
        assert shown.weekday() in window.days
    else:
        assert before.utcoffset() != shown.utcoffset()
        assert before.replace(tzinfo=None) < datetime.combine(shown.date(), window.start) < shown.replace(tzinfo=None) or (
            before.date() < shown.date()
        )
