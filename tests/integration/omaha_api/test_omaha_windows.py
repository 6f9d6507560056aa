"""Does the Omaha service, as a process, give nothing out but inside a window and outside a freeze, on its own clock?"""

from datetime import UTC, datetime, timedelta

from support import omaha_fleet, short_windows
from support.local_stack import wait_until

SHUT = {"days": ["Sunday"], "startTime": "02:00", "durationSeconds": 1, "timeZone": "Europe/Berlin"}


def check(app_id, machine="m"):
    return omaha_fleet.check(app_id, machine)


def counted(omaha, reason):
    """Whether a check was refused with this reason."""
    return f'answer="{reason}"' in omaha.private("/metrics")[1]


def test_a_window_opens_and_closes_by_itself_and_what_is_in_flight_finishes(omaha, fleet, app_id):
    omaha.start()
    window, opens = short_windows.opening_in(4, for_seconds=4)
    fleet.roll_out("1.1.0", maintenanceWindows=[window])
    omaha.wait_for_answer(check(app_id), "noupdate")

    refused_last, offered_first = None, None
    while offered_first is None:
        assert datetime.now(UTC) < opens + timedelta(seconds=4), "nothing was offered while the window was open"
        asked = datetime.now(UTC)
        if omaha.answer(check(app_id)) == "noupdate":
            refused_last = asked
        else:
            offered_first = datetime.now(UTC)

    assert refused_last < opens <= offered_first
    # Shut again, the update in flight is not offered again; it finishes all the same.
    omaha.wait_for_answer(check(app_id), "noupdate")
    assert omaha.answer(check(app_id, "another")) == "noupdate"
    for eventtype in (13, 14, 3):
        assert omaha.post(omaha_fleet.event(app_id, "m", eventtype)).status == 200
    assert omaha.answer(omaha_fleet.check(app_id, "m", "1.1.0", boot="{b008}")) == "noupdate"
    wait_until(lambda: omaha.progress_of(app_id, "fake1").on_target == 1, "the update has finished outside the window")


def test_a_freeze_and_a_window_that_is_added_end_the_offers_at_once(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    omaha.start()
    omaha.wait_for_answer(check(app_id), "1.1.0")
    freeze, _ = short_windows.freeze_until(3600)

    fleet.update("Group", "app-fake1", spec={"freezes": [freeze]})
    omaha.wait_for_answer(check(app_id), "noupdate")
    assert counted(omaha, "Frozen")
    fleet.update("Group", "app-fake1", spec={"freezes": []})
    omaha.wait_for_answer(check(app_id), "1.1.0")
    fleet.update("Group", "app-fake1", spec={"maintenanceWindows": [SHUT]})
    omaha.wait_for_answer(check(app_id), "noupdate")


def test_windows_that_cannot_be_read_shut_the_group(omaha, fleet, app_id):
    fleet.roll_out("1.1.0", maintenanceWindows=[SHUT | {"timeZone": "Europe/Atlantis"}])
    omaha.start()

    omaha.wait_for_answer(check(app_id), "noupdate")
    assert counted(omaha, "OutsideWindow")
    fleet.update("Group", "app-fake1", spec={"maintenanceWindows": []})
    omaha.wait_for_answer(check(app_id), "1.1.0")
