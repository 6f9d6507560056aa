"""What a Group's maintenanceWindows and freezes become, and that what can't be read is shut instead of open."""

from datetime import UTC, datetime, time

import pytest

from update_core import schedules
from update_core.resources.group import Freeze, Group, MaintenanceWindow
from update_core.rollout import windows, zones
from update_core.rollout.schedule import ALWAYS

WEEKEND = {"days": ["Saturday", "Sunday"], "startTime": "02:00", "durationSeconds": 14400, "timeZone": "Europe/Berlin"}
HOLIDAYS = {
    "name": "holidays",
    "start": "2026-12-20T00:00:00+01:00",
    "end": "2027-01-04T00:00:00Z",
    "reason": "nobody there",
}


def spec(*, opened=(), frozen=()):
    wire = {"applicationRef": {"name": "app"}, "channelRef": {"name": "app-main"}, "track": "stable"}
    whole = wire | {"maintenanceWindows": list(opened), "freezes": list(frozen)}
    return Group.parse({"metadata": {"name": "app-stable"}, "spec": whole}).spec


def test_windows_and_freezes_are_read_as_they_are_written():
    read = schedules.read(spec(opened=[WEEKEND, WEEKEND | {"startTime": "22:30:15"}], frozen=[HOLIDAYS]))

    berlin = zones.zone("Europe/Berlin")
    weekend = windows.Window(frozenset({5, 6}), time(2), 14400, berlin)
    assert read.windows == (weekend, windows.Window(frozenset({5, 6}), time(22, 30, 15), 14400, berlin))
    assert read.freezes == (
        windows.Freeze(
            datetime(2026, 12, 19, 23, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC), "nobody there", "holidays"
        ),
    )
    assert read.problem == ""


def test_a_group_without_either_is_always_open():
    assert schedules.read(spec()) is ALWAYS


@pytest.mark.parametrize(
    ("opened", "frozen", "words"),
    [
        pytest.param(
            [WEEKEND, WEEKEND | {"timeZone": "Europe/Berln"}],
            [],
            ["spec.maintenanceWindows[1].timeZone: 'Europe/Berln'", "did you mean Europe/Berlin"],
            id="a zone that is misspelt",
        ),
        pytest.param([WEEKEND | {"timeZone": "Berlin"}], [], ["did you mean Europe/Berlin"], id="a city alone"),
        pytest.param([WEEKEND | {"timeZone": "europe/berlin"}], [], ["did you mean Europe/Berlin"], id="in lower case"),
        pytest.param([WEEKEND | {"timeZone": "Xq/Zv"}], [], ["one is Europe/Berlin"], id="nothing near"),
        pytest.param(
            [WEEKEND | {"timeZone": "Mars/Olympus"}] * 3, [], ["2 more can't be read either"], id="several at once"
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_what_was_meant(opened, frozen, words):
    problem = schedules.read(spec(opened=opened, frozen=frozen)).problem

    assert [word for word in words if word not in problem] == []


def test_a_freeze_that_another_schema_let_through_shuts_the_group():
    backwards = Freeze(start=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 1, tzinfo=UTC))
    whole = spec(opened=[WEEKEND]).model_copy(update={"freezes": [backwards]})

    assert "spec.freezes[0]: a freeze ends after it starts" in schedules.read(whole).problem


def test_one_window_that_cannot_be_read_leaves_none_open():
    read = schedules.read(spec(opened=[WEEKEND, WEEKEND | {"timeZone": "Mars/Olympus"}]))

    assert read.windows == ()
    assert not read.always
    assert read.clear_at(datetime(2026, 11, 28, 2, tzinfo=UTC)) is None


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_every_form_of_a_zone_name_is_found_and_parsed_once(name):
    assert zones.zone(name) is zones.zone(name)
    assert zones.zone(name).key == name


@pytest.mark.parametrize("name", ["", "..", "../UTC", "zone.tab", "Europe", "/etc/passwd", "Europe//Berlin"])
def test_what_is_no_zone_is_never_looked_for_in_files(name):
    with pytest.raises(zones.UnknownZoneError):
        zones.zone(name)


def test_every_zone_can_be_written_in_a_spec():
    for name in zones.names():
        MaintenanceWindow(days=["Monday"], start_time="00:00", duration_seconds=1, time_zone=name)
        assert zones.zone(name).utcoffset(datetime(2026, 1, 1, tzinfo=UTC)) is not None
