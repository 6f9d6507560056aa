"""`updatectl group status` and `group watch` against a real API server, with the test as the operator; no fleet API is installed."""

import json

import pytest

from support.command_line import CommandLine, running
from support.kube_fleet import KubeFleet

SINCE = "2026-03-01T12:00:00Z"


@pytest.fixture
def fleet(control_plane, namespace, app_id) -> KubeFleet:
    """Group fake1 in rollout 1 to 1.1.0, at most two updates in a minute."""
    fleet = KubeFleet(control_plane, namespace, app_id)
    fleet.roll_out("1.1.0", rateLimit={"maxUpdates": 2, "periodSeconds": 60})
    report(fleet, on_target=0)
    return fleet


def report(fleet: KubeFleet, *, on_target: int, complete: bool = False) -> None:
    """Write what the operator writes when it has counted."""
    found = {"RolloutComplete": complete, "Progressing": not complete}
    conditions = [
        {"type": kind, "status": str(status), "reason": "RollingOut", "message": "", "lastTransitionTime": SINCE}
        | {"observedGeneration": 1}
        for kind, status in found.items()
    ]
    counts = {"total": 10, "active": 10, "onTarget": on_target, "inProgress": 0 if complete else 2, "failed": 0}
    _, group = fleet._access.request("GET", fleet.path("Group", "app-fake1"))
    fleet.update(
        "Group",
        "app-fake1",
        suffix="/status",
        status=group["status"] | {"conditions": conditions, "instances": counts},
    )


def test_the_status_is_one_screen_that_says_whose_counts_these_are(updatectl, fleet):
    shown = updatectl("group", "status", fleet.app_id, "fake1").stdout

    assert f"Group fake1 of application {fleet.app_id}: Progressing" in shown
    assert "1.1.0, rollout 1" in shown
    assert "0 of 10 on target" in shown
    assert "2 updates in any 1 min" in shown
    assert "the cluster has no fleet API" in shown
    assert "the counts may be old" in shown


def test_for_programs_the_status_is_a_list_of_the_objects(updatectl, fleet):
    done = updatectl("group", "status", fleet.app_id, "fake1", "-o", "json")

    listed = json.loads(done.stdout)
    assert [item["kind"] for item in listed["items"]] == ["Group"]
    assert listed["kind"] == "List"
    assert "without the counts of the fleet API" in done.stderr


def test_a_watch_prints_a_line_for_each_change_and_ends_well_with_ctrl_c(updatectl, fleet):
    with running(updatectl, "group", "watch", fleet.app_id, "fake1") as watch:
        watch.until("1.1.0  0/10 on target  2 in flight  Progressing")
        report(fleet, on_target=4)
        watch.until("1.1.0  4/10 on target  2 in flight  Progressing")
        report(fleet, on_target=10, complete=True)
        assert watch.until("Complete").count("\n") <= 1

        assert watch.interrupt() == (0, "")


def test_on_a_terminal_the_screen_is_drawn_over_itself(updatectl, fleet):
    with running(updatectl, "group", "watch", fleet.app_id, "fake1", terminal=True) as watch:
        assert "Waits for" in watch.until("10 active instances below the target")
        report(fleet, on_target=4)
        assert "\x1b[1A" in watch.until("4 of 10 on target")

        assert watch.interrupt()[0] == 0


def test_on_a_terminal_that_can_not_draw_there_are_lines(updatectl, fleet):
    dumb = CommandLine({**updatectl.environment, "TERM": "dumb"})
    with running(dumb, "group", "watch", fleet.app_id, "fake1", terminal=True) as watch:
        assert "\x1b" not in watch.until("0/10 on target  2 in flight  Progressing")


def test_for_programs_a_watch_is_an_object_per_line(updatectl, fleet):
    with running(updatectl, "group", "watch", fleet.app_id, "fake1", "-o", "json") as watch:
        first = json.loads(watch.until("\n"))
        report(fleet, on_target=4)
        second = json.loads(watch.until("\n"))

    assert [(event["type"], event["object"]["kind"]) for event in (first, second)] == [
        ("ADDED", "Group"),
        ("MODIFIED", "Group"),
    ]
    assert second["object"]["status"]["instances"]["onTarget"] == 4


def test_until_complete_ends_as_soon_as_the_rollout_is(updatectl, fleet):
    with running(updatectl, "group", "watch", fleet.app_id, "fake1", "--until-complete") as watch:
        watch.until("Progressing")
        report(fleet, on_target=10, complete=True)
        watch.until("Complete")

        assert watch.process.wait(timeout=30) == 0


def test_a_rollout_that_was_complete_before_the_channel_moved_on_does_not_count(updatectl, fleet):
    report(fleet, on_target=10, complete=True)
    updatectl("group", "watch", fleet.app_id, "fake1", "--until-complete")

    fleet.update("Channel", "app-master", spec={"version": "1.2.0"})
    late = updatectl("group", "watch", fleet.app_id, "fake1", "--until-complete", "--timeout", "0.5", check=False)

    assert late.returncode == 1
    assert "was not complete within 0.5 s" in late.stderr
    assert "yet to begin the rollout to 1.2.0" in late.stderr


def test_an_interrupted_wait_is_no_success(updatectl, fleet):
    with running(updatectl, "group", "watch", fleet.app_id, "fake1", "--until-complete") as watch:
        watch.until("Progressing")

        assert watch.interrupt()[0] == 130


def test_a_deleted_group_is_shown_and_ends_a_wait(updatectl, fleet):
    with running(updatectl, "group", "watch", fleet.app_id, "fake1", "--until-complete") as watch:
        watch.until("Progressing")
        fleet.delete("Group", "app-fake1")
        watch.until("Deleted")

        assert watch.process.wait(timeout=30) == 1


def test_without_an_end_a_time_out_is_no_failure(updatectl, fleet):
    assert "Progressing" in updatectl("group", "watch", fleet.app_id, "fake1", "--timeout", "0.2").stdout


def test_a_group_that_is_not_there_ends_at_once(updatectl, fleet):
    assert "has no group other" in updatectl.fails("group", "watch", fleet.app_id, "other")
    assert "names to show" in updatectl.fails("group", "watch", fleet.app_id, "fake1", "-o", "name", code=2)


def test_who_may_read_and_not_watch_is_told_so(control_plane, service_account, updatectl, fleet):
    token = service_account("reader", "get", "list")
    reader = CommandLine(
        {
            "UPDATECTL_KEY": token,
            "UPDATECTL_SERVER": control_plane.server,
            "UPDATECTL_CA": str(control_plane.ca_file),
        }
    )

    refused = reader("group", "watch", fleet.app_id, "fake1", check=False)

    assert refused.returncode == 1
    assert 'cannot watch resource "groups"' in refused.stderr or 'cannot watch resource "channels"' in refused.stderr


def test_a_watch_tells_of_each_wave_and_of_a_halt(updatectl, fleet):
    def stamp(**rollout):
        _, group = fleet._access.request("GET", fleet.path("Group", "app-fake1"))
        group["status"]["rollout"] |= rollout
        fleet.update("Group", "app-fake1", suffix="/status", status=group["status"])

    canary = {"name": "canary", "cap": 20, "openedTime": SINCE, "expected": 10}
    stamp(open=[canary])
    with running(updatectl, "group", "watch", fleet.app_id, "fake1") as watch:
        watch.until("Progressing")
        early = {"name": "early", "threshold": 50_000, "openedTime": SINCE}
        stamp(open=[canary | {"settledTime": SINCE}, early])
        watch.until("wave canary has settled\n")
        watch.until("wave early was opened: 5 %\n")
        stamp(halted={"time": SINCE, "reason": "FailurePercent", "message": "6 of 20 failed."})
        watch.until("rollout 1 was halted by its failures: 6 of 20 failed.\n")
        stamp(halted=None, epoch=1)
        watch.until("rollout 1 was resumed\n")
