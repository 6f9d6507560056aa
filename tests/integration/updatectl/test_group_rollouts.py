"""What people say of a rollout: `group approve`, `promote`, `halt` and `resume` against a real API server; the test is the operator."""

import json

import pytest

from support.kube_fleet import KubeFleet

SINCE = "2026-03-01T12:00:00Z"
TYPED = ("--wave", "canary:20i,bake=1h", "--wave", "early:5%", "--wave", "late:50,approval")
NAME = "app-fake1"


@pytest.fixture
def fleet(control_plane, namespace, app_id, updatectl) -> KubeFleet:
    """Group fake1 in rollout 1 to 1.1.0, in three waves of which the first is open; the third and the last need an approval."""
    fleet = KubeFleet(control_plane, namespace, app_id)
    fleet.roll_out("1.1.0")
    updatectl(
        "group", "update", app_id, "fake1", *TYPED, "--wave", "everybody:100,approval", "--halt-on-failures", "5%"
    )
    stamp(fleet, open=[wave("canary", cap=20)])
    return fleet


def wave(name: str, **share) -> dict:
    return {"name": name, "openedTime": SINCE, "expected": 10, **share}


def stamp(fleet: KubeFleet, *, history: list | None = None, **rollout) -> None:
    """Write what the operator writes of its rollout."""
    _, group = fleet._access.request("GET", fleet.path("Group", NAME))
    status = group["status"]
    status["rollout"] |= rollout
    if history is not None:
        status["history"] = history
    fleet.update("Group", NAME, suffix="/status", status=status)


HALTED = {
    "time": SINCE,
    "reason": "FailurePercent",
    "message": "6 of 20 failed.",
    "wave": "canary",
    "errors": [{"code": 9, "count": 6}],
}


@pytest.fixture
def policy(updatectl, fleet):
    """Reads spec.rollout."""
    return lambda: json.loads(updatectl("group", "get", fleet.app_id, "fake1", "-o", "json").stdout)["spec"]["rollout"]


@pytest.fixture
def group(updatectl, fleet):
    """Runs `group VERB APP_ID fake1` with options: what it printed."""
    return lambda verb, *options: updatectl("group", verb, fleet.app_id, "fake1", *options).stdout


def test_the_next_wave_that_needs_it_is_approved_for_the_version_of_now(updatectl, fleet, group, policy):
    said = group("approve")

    assert said == (
        f"approved wave: late, of version: 1.1.0, for group: fake1, for application: {fleet.app_id}: "
        "waits for an approval → opens once wave early has settled\n"
    )
    assert policy()["approval"] == {"version": "1.1.0", "wave": "late", "bake": "Respect"}
    assert "wave everybody, approved" not in group("approve", "--wave", "everybody")
    assert policy()["approval"]["wave"] == "everybody"
    assert "wave late is approved already" in group("approve", "--wave", "late")


def test_a_group_may_be_named_by_its_object_as_the_operator_does(updatectl, fleet, policy):
    updatectl("group", "approve", NAME)
    assert policy()["approval"]["wave"] == "late"
    assert "approved already" in updatectl("group", "approve", "fake1", "--wave", "late").stdout

    assert "no Group of namespace" in updatectl.fails("group", "approve", "nobody")


def test_the_bake_may_be_skipped(group, policy):
    assert "waits for an approval → opens at once" in group("approve", "--skip-bake")
    assert policy()["approval"] == {"version": "1.1.0", "wave": "late", "bake": "Skip"}


def test_the_next_wave_is_opened_at_once_or_all_of_them(fleet, group, policy):
    assert "promoted wave: early, of version: 1.1.0" in (said := group("promote"))
    assert "opens once wave canary has settled and baked → opens at once" in said
    assert policy()["approval"] == {"version": "1.1.0", "wave": "early", "bake": "Skip"}
    assert "was promoted already" in group("promote")

    stamp(fleet, open=[wave("canary", cap=20), wave("early", threshold=50_000)])
    group("promote")
    assert policy()["approval"]["wave"] == "late"
    group("promote", "--all")
    assert policy()["approval"] == {"version": "1.1.0", "wave": "everybody", "bake": "Skip"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            ("approve", "--wave", "canary"), "wave canary is open already. To come are: early, late", id="open"
        ),
        pytest.param(("promote", "--wave", "canary"), "wave canary is open already", id="open-promoted"),
        pytest.param(
            ("approve", "--wave", "noon"), "there is no wave noon. They are: canary, early, late", id="unknown"
        ),
        pytest.param(("approve", "--wave", "early"), "needs no approval: it opens once wave canary", id="needs-none"),
    ],
)
def test_a_wave_that_can_not_be_opened_is_refused_with_what_to_do(updatectl, fleet, arguments, says):
    verb, *options = arguments
    assert says in updatectl.fails("group", verb, fleet.app_id, "fake1", *options)


def test_without_a_rollout_or_waves_there_is_nothing_to_open(updatectl, fleet, group):
    stamp(fleet, open=[wave(name, threshold=1) for name in ("canary", "early", "late", "everybody")])
    assert "all waves of rollout 1 to 1.1.0 are open already" in updatectl.fails(
        "group", "promote", fleet.app_id, "fake1"
    )

    fleet.update("Group", NAME, suffix="/status", status={"observedGeneration": 1})
    for verb in ("approve", "promote", "resume"):
        assert "has no rollout yet. `updatectl group status" in updatectl.fails("group", verb, fleet.app_id, "fake1")
    assert "has no rollout yet" in updatectl.fails("group", "halt", fleet.app_id, "fake1", "--reason", "bad")


def test_a_halt_is_of_one_version_and_is_taken_away_again(fleet, group, policy):
    assert "not halted → halted by spec.rollout.halt: loses sessions" in group("halt", "--reason", "loses sessions")
    assert policy()["halt"] == {"version": "1.1.0", "reason": "loses sessions"}
    assert "already" in group("halt", "--reason", "loses sessions")

    assert "halted by spec.rollout.halt: loses sessions → rollout 1 to 1.1.0 goes on" in group("resume")
    assert "halt" not in policy()
    assert "rollout 1 to 1.1.0 isn't halted" in group("resume")


def test_a_rollout_that_failures_halted_is_resumed_once_for_each_time(updatectl, fleet, group, policy):
    stamp(fleet, halted=HALTED)
    assert "halted by its failures: 6 of 20 failed → rollout 1 to 1.1.0 goes on" in group("resume")
    assert policy()["resume"] == {"sequence": 1, "epoch": 1}
    assert "was resumed already" in group("resume")
    assert "No wave of it opens before" in updatectl.fails("group", "promote", fleet.app_id, "fake1")

    stamp(fleet, epoch=1)
    group("resume")
    assert policy()["resume"] == {"sequence": 1, "epoch": 2}


def test_a_version_that_was_rolled_back_is_begun_anew(fleet, group, policy):
    entry = {"sequence": 1, "version": "1.1.0", "outcome": "RolledBack", "startedTime": SINCE, "endedTime": SINCE}
    stamp(fleet, history=[entry], sequence=2, version="1.0.0", kind="Rollback", fromVersion="1.1.0")

    assert "moved back from 1.1.0 to 1.0.0 → a new rollout to 1.1.0 begins" in group("resume")
    assert policy()["resume"] == {"sequence": 1, "epoch": 1}

    fleet.update("Channel", "app-master", spec={"version": "1.2.0"})
    stamp(fleet, history=[entry | {"epoch": 1}])
    assert "the channel names 1.2.0: that isn't halted" in group("resume")


def test_programs_get_the_object_and_a_dry_run_changes_nothing(updatectl, fleet, policy):
    done = updatectl("group", "approve", fleet.app_id, "fake1", "-o", "json", "--dry-run")

    assert json.loads(done.stdout)["spec"]["rollout"]["approval"]["wave"] == "late"
    assert "(server dry run)" in done.stderr
    assert "approval" not in policy()
    assert updatectl("group", "halt", NAME, "--reason", "bad", "-o", "name").stdout.startswith(
        "group.updateservice.dev/"
    )


def test_what_else_holds_it_up_is_said(updatectl, fleet):
    fleet.update("Group", NAME, spec={"paused": True})

    assert "(it is paused: `updatectl group unpause" in updatectl("group", "approve", NAME).stderr


def test_a_word_that_git_owns_is_left_with_what_to_write_there(updatectl, kubectl, fleet, policy):
    theirs = {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Group",
        "metadata": {"name": NAME},
        "spec": {
            "rollout": {
                "approval": {"version": "1.0.0", "wave": "early"},
                "halt": {"version": "1.1.0", "reason": "from Git"},
            }
        },
    }
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(theirs))

    refused = updatectl.fails("group", "approve", NAME)
    assert "spec.rollout.approval.version is owned by 'flux'" in refused
    assert 'There, write spec.rollout.approval: {version: "1.1.0", wave: "late", bake: "Respect"}.' in refused
    refused = updatectl.fails("group", "resume", NAME)
    assert "spec.rollout.halt is owned by 'flux'" in refused
    assert "There, take spec.rollout.halt out." in refused
    assert policy()["halt"]["reason"] == "from Git"

    updatectl("group", "resume", NAME, "--force-conflicts")
    updatectl("group", "approve", NAME, "--force-conflicts")
    assert "halt" not in policy()
    assert policy()["approval"]["version"] == "1.1.0"


def test_the_history_has_the_rollout_of_now_and_those_before(updatectl, fleet, group):
    entry = {"sequence": 1, "version": "1.0.0", "outcome": "Promoted", "startedTime": SINCE, "endedTime": SINCE}
    stamp(fleet, history=[entry | {"onTarget": 4, "changedBy": "flux"}], sequence=2, halted=HALTED)

    lines = [line.split() for line in group("history").splitlines()]
    assert lines[0][:4] == ["Sequence", "Version", "Kind", "Outcome"]
    assert lines[1][:4] == ["2", "1.1.0", "Update", "(halted)"]
    assert lines[2][:4] == ["1", "1.0.0", "Update", "Promoted"]
    assert lines[2][-3:] == ["4", "0", "flux"]
    found = json.loads(group("history", "-o", "json"))
    assert (found["rollout"]["sequence"], found["history"][0]["outcome"]) == (2, "Promoted")
