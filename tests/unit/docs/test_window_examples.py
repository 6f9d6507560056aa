"""docs/rollouts.md tells when a window is open in the nights in which the clock is changed: as it really is."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from update_core import schedules
from update_core.resources.group import GroupSpec

PAGE = (Path(__file__).parents[3] / "docs" / "rollouts.md").read_text()
WINDOW = {"days": ["Sunday"], "startTime": "02:00", "durationSeconds": 14400, "timeZone": "Europe/Berlin"}
SPEC = {"applicationRef": {"name": "a"}, "channelRef": {"name": "c"}, "track": "t", "maintenanceWindows": [WINDOW]}
ROWS = re.findall(r"^\| (\d+ [A-Z][a-z]+) \| (\d\d:\d\d) \| (\d\d:\d\d) \| (\d+):00 to (\d+):00", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("day", "opens", "shuts", "local_opens", "local_shuts"), ROWS, ids=[row[0] for row in ROWS])
def test_a_window_is_open_when_the_page_says_so(day, opens, shuts, local_opens, local_shuts):
    schedule = schedules.read(GroupSpec.model_validate(SPEC))
    (window,) = schedule.windows
    first, end = (datetime.strptime(f"2026 {day} {clock} +0000", "%Y %d %B %H:%M %z") for clock in (opens, shuts))

    assert schedule.at(first - timedelta(microseconds=1)).opens_at == first
    assert schedule.at(first).closes_at == end
    assert [moment.astimezone(window.zone).hour for moment in (first, end)] == [int(local_opens), int(local_shuts)]


def test_the_page_has_the_window_that_its_table_is_about():
    for field, value in WINDOW.items():
        shown = {"days": "[Sunday]", "startTime": '"02:00"'}.get(field, value)
        assert f"`{field}: {shown}`" in PAGE
    assert len(ROWS) == 5
    assert datetime(2026, 3, 29, tzinfo=UTC).weekday() == datetime(2026, 10, 25, tzinfo=UTC).weekday() == 6
