"""What moves a grant, row by row of the table in docs/rollouts.md, and that nothing ever moves it backwards."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from support.fleet_values import NEW, NOW, OLD, TIMEOUTS, grant
from update_core.fleet import evidence
from update_core.fleet.evidence import Event, Reported
from update_core.fleet.grants import PROGRESS, GrantState

LATER = NOW + timedelta(minutes=5)
LIVE = list(PROGRESS)
ENDED = [state for state in GrantState if not state.live]
# update_engine prints 32 bits as a signed number; this is 44 on a developer's machine with a server of its own.
ROLLED_BACK_WITH_FLAGS = 44 + (1 << 31) + (1 << 28) - (1 << 32)

FORWARD = [
    pytest.param(Event(13, 1), "Downloading", id="13:1"),
    pytest.param(Event(14, 1), "Downloaded", id="14:1"),
    pytest.param(Event(1, 1), "Downloaded", id="1:1"),
    pytest.param(Event(3, 1), "Installed", id="3:1"),
    pytest.param(Event(2, 1), "Installed", id="2:1"),
    pytest.param(Event(6, 1), "Installed", id="6:1"),
    pytest.param(Event(800, 1), "Installed", id="800:1"),
    pytest.param(Event(3, 9), "OnHold", id="3:9"),
]
NOTHING = [
    pytest.param(Event(3, 2), id="3:2"),
    pytest.param(Event(54, 1), id="54:1"),
    pytest.param(Event(13, 0), id="13:0"),
    pytest.param(Event(14, 0), id="14:0"),
    pytest.param(Event(1, 0), id="1:0"),
    pytest.param(Event(777, 1), id="unknown type"),
    pytest.param(Event(3, 77), id="unknown result"),
    pytest.param(Event(-1, -1), id="no numbers"),
    pytest.param(Event(3, 0, 2), id="request failed"),
    pytest.param(Event(3, 0, 34 + (1 << 28)), id="response invalid, with a flag"),
    pytest.param(Event(3, 0, 3), id="response handled badly"),
    pytest.param(Event(3, 0, 30), id="response empty"),
    pytest.param(Event(3, 0, 31), id="response not XML"),
    pytest.param(Event(3, 0, 37), id="HTTP error of the service"),
    pytest.param(Event(3, 0, 2001), id="2001"),
    pytest.param(Event(3, 0, 2999), id="2999"),
    pytest.param(Event(2, 0, 2503), id="2:0 with 2503"),
    pytest.param(Reported(OLD), id="old version"),
    pytest.param(Reported(OLD, asked=True), id="check at the old version"),
    pytest.param(Reported("1.2.0"), id="another version"),
    pytest.param(Reported("garbage"), id="no version"),
]
FAILURES = [
    pytest.param(Event(3, 0), id="3:0"),
    pytest.param(Event(3, 5), id="3:5"),
    pytest.param(Event(3, 6), id="3:6"),
    pytest.param(Event(3, 8), id="3:8"),
    pytest.param(Event(2, 0), id="2:0"),
    pytest.param(Event(3, 0, 2000), id="exactly 2000"),
    pytest.param(Event(3, 0, 3000), id="3000"),
    pytest.param(Event(3, 0, 9), id="download failed"),
    pytest.param(Event(3, 0, 6), id="boot flag not set"),
    pytest.param(Event(3, 0, 10), id="hash mismatch"),
    pytest.param(Event(3, 0, 2, own_codes=True), id="a 2 of another client than update_engine"),
]


def weigh(before, item):
    return evidence.weigh(before, item, TIMEOUTS, LATER)


@pytest.mark.parametrize(("item", "state"), FORWARD)
def test_progress_moves_a_granted_instance_forward(item, state):
    after = weigh(grant(), item)

    assert (after.state, after.moved_at) == (state, LATER)


@pytest.mark.parametrize(("item", "state"), FORWARD)
@pytest.mark.parametrize("before", LIVE)
def test_progress_never_moves_backwards(before, item, state):
    after = weigh(grant(before), item)

    ahead = PROGRESS[GrantState(state)] > PROGRESS[before]
    assert (after.state if after else None) == (state if ahead else None)


@pytest.mark.parametrize(
    ("item", "seconds"),
    [
        pytest.param(Event(13, 1), TIMEOUTS.update_seconds, id="downloading"),
        pytest.param(Event(14, 1), TIMEOUTS.update_seconds, id="downloaded"),
        pytest.param(Event(3, 1), TIMEOUTS.reboot_seconds, id="installed"),
        pytest.param(Event(3, 9), TIMEOUTS.reboot_seconds, id="on hold"),
    ],
)
def test_each_move_forward_sets_a_new_deadline(item, seconds):
    assert weigh(grant(), item).deadline == LATER + timedelta(seconds=seconds)


@pytest.mark.parametrize("item", NOTHING)
@pytest.mark.parametrize("before", LIVE)
def test_what_says_nothing_about_the_update_moves_nothing(before, item):
    assert weigh(grant(before), item) is None


@pytest.mark.parametrize("item", FAILURES)
@pytest.mark.parametrize("before", LIVE)
def test_failure_ends_the_grant_in_any_live_state(before, item):
    after = weigh(grant(before), item)

    assert (after.state, after.error_code, after.detail) == ("Failed", item.errorcode, "")


@pytest.mark.parametrize("code", [44, ROLLED_BACK_WITH_FLAGS], ids=["plain", "with flags, signed"])
def test_rollback_on_the_machine_is_a_failure_of_its_own_kind(code):
    after = weigh(grant(GrantState.INSTALLED), Event(3, 0, code))

    assert (after.state, after.error_code, after.detail) == ("Failed", code, "RolledBack")


def test_cancelled_update_is_released_and_no_failure():
    assert weigh(grant(), Event(3, 4)).state == "Released"


@pytest.mark.parametrize("version", [NEW, "1.1", "1.1.0+build"])
@pytest.mark.parametrize("before", [*LIVE, GrantState.TIMED_OUT, GrantState.LAPSED])
def test_reporting_the_granted_version_completes(before, version):
    assert weigh(grant(before), Reported(version)).state == "Complete"


@pytest.mark.parametrize("before", [s for s in ENDED if not s.revivable])
def test_what_ended_otherwise_than_by_the_clock_stays_ended(before):
    assert weigh(grant(before), Reported(NEW)) is None


@pytest.mark.parametrize("before", [GrantState.INSTALLED, GrantState.ON_HOLD])
def test_check_at_the_old_version_after_a_restart_is_a_failure(before):
    after = weigh(grant(before, boot_id="b1"), Reported(OLD, boot_id="b2", asked=True))

    assert (after.state, after.detail) == ("Failed", "BootedOldVersion")


@pytest.mark.parametrize(
    ("at_install", "now"), [("", "b2"), ("b1", ""), ("b1", "b1")], ids=["unknown then", "unknown now", "same boot"]
)
def test_without_two_different_boots_nothing_is_concluded(at_install, now):
    assert weigh(grant(GrantState.INSTALLED, boot_id=at_install), Reported(OLD, boot_id=now, asked=True)) is None


@pytest.mark.parametrize("ping_alone", [False, True], ids=["no check", "a ping alone"])
def test_another_boot_that_is_told_without_asking_is_no_failure(ping_alone):
    held = grant(GrantState.ON_HOLD, boot_id="b1")

    assert weigh(held, Reported(OLD, boot_id="b2", ping_alone=ping_alone)) is None


def test_restart_in_the_middle_of_a_download_is_no_failure():
    assert weigh(grant(GrantState.DOWNLOADING, boot_id="b1"), Reported(OLD, boot_id="b2", asked=True)) is None


def test_boot_is_remembered_from_the_moment_of_installing():
    downloaded = weigh(grant(), Event(14, 1, boot_id="b0"))
    installed = weigh(downloaded, Event(3, 1, boot_id="b1"))

    assert (downloaded.boot_id, installed.boot_id) == ("", "b1")


def test_ping_alone_after_installing_is_waiting_for_the_restart():
    assert weigh(grant(GrantState.INSTALLED), Reported(OLD, ping_alone=True)).state == "OnHold"


@pytest.mark.parametrize("before", [GrantState.GRANTED, GrantState.DOWNLOADING, GrantState.DOWNLOADED])
def test_ping_alone_before_installing_says_nothing(before):
    assert weigh(grant(before), Reported(OLD, ping_alone=True)) is None


@pytest.mark.parametrize("before", ENDED)
def test_no_event_moves_a_grant_that_has_ended(before):
    types, results = [*range(-1, 20), 54, 800], range(-1, 11)

    moved = [e for e in itertools.starmap(Event, itertools.product(types, results)) if weigh(grant(before), e)]

    assert moved == []


@pytest.mark.parametrize(
    ("before", "state"),
    [
        ("Granted", "Lapsed"),
        ("Downloading", "Lapsed"),
        ("Downloaded", "TimedOut"),
        ("Installed", "TimedOut"),
        ("OnHold", "TimedOut"),
    ],
)
def test_deadline_ends_a_live_grant(before, state):
    live = grant(GrantState(before))

    ended = evidence.expire(live, live.deadline)

    assert ended == replace(live, state=GrantState(state), moved_at=live.deadline)


def test_deadline_is_never_early():
    live = grant()

    assert evidence.expire(live, live.deadline - timedelta(microseconds=1)) is None


@pytest.mark.parametrize("before", ENDED)
def test_deadline_means_nothing_to_a_grant_that_has_ended(before):
    assert evidence.expire(grant(before), NOW + timedelta(days=365)) is None
