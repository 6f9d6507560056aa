"""Windows and freezes as typed → fields of a Group's spec, and back; and how they read on the screen."""

from datetime import UTC, datetime

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from updatectl import schedules
from updatectl.fleet import group_times

NOW = datetime(2026, 11, 23, 14, 40, 12, tzinfo=UTC)
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKEND = {"days": ["Saturday", "Sunday"], "startTime": "02:00", "durationSeconds": 14400, "timeZone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        pytest.param("Sat,Sun 02:00 4h Europe/Berlin", {}, id="as in the help"),
        pytest.param("sunday,SAT 2:00 240m Europe/Berlin", {}, id="in another way"),
        pytest.param("Sat-Sun  02:00  3h60min  Europe/Berlin", {}, id="range and spaces"),
        pytest.param("daily 02:00 4h UTC", {"days": WEEK, "timeZone": "UTC"}, id="daily"),
        pytest.param(
            "Fri-Mon 02:00 4h Europe/Berlin", {"days": ["Monday", "Friday", "Saturday", "Sunday"]}, id="wraps"
        ),
        pytest.param("Sat-Sun 22:30:15 4h Europe/Berlin", {"startTime": "22:30:15"}, id="seconds"),
        pytest.param("Sat-Sun 02:00 7d Europe/Berlin", {"durationSeconds": 604800}, id="a week"),
        pytest.param("Sat-Sun 02:00 1d2h3m4s Europe/Berlin", {"durationSeconds": 93784}, id="all units"),
    ],
)
def test_a_window_is_typed_as_it_is_said(text, changed):
    assert schedules.window(text) == WEEKEND | changed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("02:00 4h Europe/Berlin", "3 parts and not four; write days, time, length and zone", id="no day"),
        pytest.param("Sa 02:00 4h Europe/Berlin", "'Sa' is no day", id="two letters"),
        pytest.param("Sat,,Sun 02:00 4h Europe/Berlin", "'' is no day", id="empty day"),
        pytest.param("Sat 24:00 4h Europe/Berlin", "'24:00' is no time of day", id="time"),
        pytest.param("Sat 02:00 4 Europe/Berlin", "'4' is no length from 1s to 7d", id="no unit"),
        pytest.param("Sat 02:00 8d Europe/Berlin", "'8d' is no length", id="too long"),
        pytest.param("Sat 02:00 0h Europe/Berlin", "'0h' is no length", id="nothing"),
        pytest.param("Sat 02:00 4h Europe/Berln", "did you mean Europe/Berlin", id="zone"),
    ],
)
def test_a_window_that_cannot_be_read_is_refused_with_what_to_write(text, says):
    with pytest.raises(typer.BadParameter, match=says):
        schedules.window(text)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        pytest.param(
            "2026-12-20T00:00Z/2027-01-04T00:00Z=holidays",
            {"start": "2026-12-20T00:00:00Z", "end": "2027-01-04T00:00:00Z", "reason": "holidays"},
            id="as in the help",
        ),
        pytest.param(
            "2026-12-20T00:00:00+01:00/2027-01-04T00:00:00+01:00",
            {"start": "2026-12-20T00:00:00+01:00", "end": "2027-01-04T00:00:00+01:00"},
            id="on another clock, without a reason",
        ),
        pytest.param(
            "2026-12-20T00:00Z/2026-12-21T00:00Z=a/b=c",
            {"start": "2026-12-20T00:00:00Z", "end": "2026-12-21T00:00:00Z", "reason": "a/b=c"},
            id="a reason with signs",
        ),
    ],
)
def test_a_freeze_is_typed_as_an_interval(text, wire):
    assert schedules.freeze(text) == wire


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("2026-12-20T00:00Z", "no '/' between start and end; write start and end, such as", id="no end"),
        pytest.param("2026-12-20/2026-12-21", "doesn't say on whose clock", id="no zone"),
        pytest.param("tomorrow/2026-12-21T00:00Z", "'tomorrow' is no moment", id="word"),
        pytest.param("2026-12-21T00:00Z/2026-12-20T00:00Z", "it must end after it begins", id="backwards"),
    ],
)
def test_a_freeze_that_cannot_be_read_is_refused_with_what_to_write(text, says):
    with pytest.raises(typer.BadParameter, match=says):
        schedules.freeze(text)


WINDOWS = st.fixed_dictionaries(
    {
        "days": st.sets(st.sampled_from(WEEK), min_size=1).map(lambda days: sorted(days, key=WEEK.index)),
        "startTime": st.times().map(lambda local: local.strftime("%H:%M:%S")),
        "durationSeconds": st.integers(1, 604800),
        "timeZone": st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]),
    }
)


@given(WINDOWS)
def test_what_is_shown_of_a_window_can_be_typed_again(window):
    assert schedules.window(schedules.window_text(window)) == window


def test_what_is_shown_of_a_freeze_can_be_typed_again():
    wire = schedules.freeze("2026-12-20T00:00Z/2027-01-04T00:00+01:00=holidays")

    assert schedules.freeze(schedules.freeze_text(wire)) == wire


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(
            {"no_windows": True, "no_freezes": True}, {"maintenanceWindows": None, "freezes": None}, id="none"
        ),
    ],
)
def test_what_is_not_named_stays_and_what_is_taken_away_goes(typed, fields):
    assert schedules.given(None, None, **typed).changes() == fields


def test_an_option_and_its_opposite_are_refused():
    with pytest.raises(typer.BadParameter, match="--window and --no-windows contradict"):
        schedules.given(["daily 02:00 4h UTC"], None, no_windows=True)


@pytest.mark.parametrize(
    ("spec", "rows"),
    [
        pytest.param({}, [], id="always"),
        pytest.param(
            {"maintenanceWindows": [WEEKEND]},
            [
                ("Windows", "Sat,Sun 02:00 4h Europe/Berlin"),
                ("Gives out", "not now; again from 2026-11-28 01:00:00 UTC (in 4 d 10 h) on"),
            ],
            id="shut",
        ),
        pytest.param(
            {"maintenanceWindows": [WEEKEND | {"days": ["Monday"], "startTime": "15:00"}, WEEKEND]},
            [
                ("Windows", "Mon 15:00 4h Europe/Berlin"),
                ("", "Sat,Sun 02:00 4h Europe/Berlin"),
                ("Gives out", "now, until 2026-11-23 18:00:00 UTC (in 3 h 19 min)"),
            ],
            id="open",
        ),
        pytest.param(
            {
                "freezes": [
                    {"start": "2026-10-01T00:00:00Z", "end": "2026-10-02T00:00:00Z"},
                    {"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z", "name": "fair", "reason": "busy"},
                ]
            },
            [
                ("Freezes", "2026-11-01T00:00:00Z/2026-12-01T00:00:00Z=fair: busy"),
                ("Gives out", "not now; again from 2026-12-01 00:00:00 UTC (in 7 d 9 h) on"),
            ],
            id="frozen, and one that is over",
        ),
        pytest.param(
            {"maintenanceWindows": [WEEKEND | {"timeZone": "Mars/Olympus"}]},
            [
                ("Windows", "Sat,Sun 02:00 4h Mars/Olympus"),
                (
                    "Gives out",
                    "never: spec.maintenanceWindows[0].timeZone: 'Mars/Olympus' is no IANA time zone (one is Europe/Berlin, another UTC).",
                ),
            ],
            id="unknown zone",
        ),
    ],
)
def test_the_screen_tells_the_windows_and_how_they_stand(spec, rows):
    references = {"applicationRef": {"name": "web"}, "channelRef": {"name": "web-stable"}, "track": "berlin"}

    assert list(group_times.rows(references | spec, NOW)) == rows
