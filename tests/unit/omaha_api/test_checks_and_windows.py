"""What memory keeps of a refusal that passes by itself: the moment at which a window opens or a freeze ends is never missed."""

from collections import Counter

import pytest

from support import omaha_fleet
from support.omaha_service import OmahaService

APP = omaha_fleet.APP_ID
HOUR = 3600
# The clock begins on Sunday, 1 March 2026, at noon.
AT_ONE = {"days": ["Sunday"], "startTime": "14:00", "durationSeconds": HOUR, "timeZone": "Europe/Berlin"}
UNTIL_ONE = {"start": "2026-03-01T12:00:00Z", "end": "2026-03-01T13:00:00Z"}


async def answers(omaha, machine, times=2):
    """The second of a form takes the shortcut."""
    return [(await omaha.post(omaha_fleet.check(APP, machine))).answer for _ in range(times)]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"maintenanceWindows": [AT_ONE]}, "OutsideWindow", id="window"),
        pytest.param({"freezes": [UNTIL_ONE]}, "Frozen", id="freeze"),
    ],
)
async def test_a_refusal_lasts_to_its_last_moment_and_not_a_moment_longer(store, spec, reason):
    omaha = await OmahaService(store).start(omaha_fleet.fleet(APP, **spec))
    assert await answers(omaha, "m", times=3) == ["noupdate"] * 3

    omaha.clock.advance(HOUR - 0.000001)
    assert await answers(omaha, "m") == ["noupdate"] * 2
    assert "grant" not in store.calls
    omaha.clock.advance(0.000001)

    assert await answers(omaha, "m") == ["1.1.0"] * 2
    assert omaha.service.tally.answers == Counter({reason: 5, "Offer": 2})


async def test_who_waits_outside_a_window_costs_the_store_nothing(store):
    omaha = await OmahaService(store).start(omaha_fleet.fleet(APP, maintenanceWindows=[AT_ONE]))
    for machine in range(50):
        assert await answers(omaha, f"m{machine}") == ["noupdate"] * 2

    assert "grant" not in store.calls


async def test_a_window_that_closes_ends_offers_and_repeated_offers(store):
    omaha = await OmahaService(store).start(omaha_fleet.fleet(APP, maintenanceWindows=[AT_ONE]))
    omaha.clock.advance(HOUR)
    assert await answers(omaha, "m") == ["1.1.0"] * 2

    omaha.clock.advance(HOUR - 0.000001)
    assert await answers(omaha, "late") == ["1.1.0"] * 2
    omaha.clock.advance(0.000001)

    assert await answers(omaha, "later") == ["noupdate"] * 2
    assert await answers(omaha, "m") == ["noupdate"] * 2


async def test_an_instance_that_is_up_to_date_is_told_so_in_and_out_of_the_window(store):
    omaha = await OmahaService(store).start(omaha_fleet.fleet(APP, maintenanceWindows=[AT_ONE]))
    for seconds in (0, HOUR):
        omaha.clock.advance(seconds)
        assert (await omaha.post(omaha_fleet.check(APP, "m", "1.1.0"))).answer == "noupdate"

    assert omaha.service.tally.answers == Counter({"UpToDate": 2})
