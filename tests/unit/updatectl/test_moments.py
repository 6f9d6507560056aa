"""Times and signs as people read them."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest

from updatectl.fleet import moments, signs

NOW = datetime(2026, 11, 23, 14, 40, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        pytest.param(0.4, "now", id="now"),
        pytest.param(42, "in 42 s", id="seconds"),
        pytest.param(-60, "1 min ago", id="a-minute-ago"),
        pytest.param(185, "in 3 min 5 s", id="minutes"),
        pytest.param(3600 + 59, "in 1 h", id="an-hour-and-less-than-a-minute"),
        pytest.param(-(2 * 86400 + 3 * 3600 + 600), "2 d 3 h ago", id="days"),
    ],
)
def test_a_moment_is_told_by_its_distance(seconds, says):
    assert moments.relative(NOW + timedelta(seconds=seconds), NOW) == says


def test_a_moment_is_told_in_utc_wherever_it_was_written():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))

    assert moments.both(elsewhere, NOW - timedelta(seconds=42)) == "2026-11-23 14:40:12 UTC (in 42 s)"


def test_a_clock_that_runs_ahead_of_ours_saw_nothing_in_the_future():
    assert moments.ago("2026-11-23T14:41:00Z", NOW) == "now"


@pytest.mark.parametrize("text", [None, "", "soon", "2026-11-23T14:40:12"], ids=["none", "empty", "word", "no-zone"])
def test_what_is_no_time_is_left_out(text):
    assert moments.parse(text) is None
    assert moments.ago(text, NOW) == ""


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        pytest.param("utf-8", signs.UNICODE, id="utf-8"),
        pytest.param("ascii", signs.ASCII, id="ascii"),
        pytest.param("iso-8859-1", signs.ASCII, id="latin-1"),
    ],
)
def test_the_signs_are_those_that_the_output_can_show(encoding, found):
    assert signs.of(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is found
