"""One instance's decision and history, and what people do to it, through a real API server: with their names, and within their rights."""

import json
import subprocess

import pytest

from support.fleet_cluster import VERSION, Team
from support.waiting import until

MACHINE = "machine-one"


@pytest.fixture
def waiting(fleet_cluster):
    """One machine that was given an update, another that waits for its place."""
    team = Team(fleet_cluster).roll_out("1.1.0", maxInFlight=1)
    return team.hear([MACHINE], "1.0.0").hear(["machine-two"], "1.0.0")


def path(team, machine, subresource):
    return f"{VERSION}/namespaces/{team.name}/instances/{team.name_of(machine)}/{subresource}"


def post(team, role, machine, subresource, body) -> subprocess.CompletedProcess[str]:
    """kubectl create --raw, with the token of an account that has the role."""
    file = team.cluster.folder / "body.json"
    file.write_text(json.dumps(body))
    url = path(team, machine, subresource)
    return team.kubectl("create", "--raw", url, "-f", str(file), role=role, check=False)


def action(kind, **spec):
    return {"apiVersion": "fleet.updateservice.dev/v1alpha1", "kind": kind, "spec": spec}


def test_a_viewer_reads_why_an_instance_waits(waiting):
    printed = waiting.kubectl("get", "--raw", path(waiting, "machine-two", "decision"), role="viewer").stdout
    supposed = waiting.kubectl("get", "--raw", path(waiting, "machine-two", "decision") + "?version=1.1.0").stdout

    status = json.loads(printed)["status"]
    assert (status["answer"], status["reason"]) == ("Refusal", "TooManyInFlight")
    assert "1 of 1 instances are in flight; the first times out at 20" in status["message"]
    assert json.loads(supposed)["status"]["reason"] == "UpToDate"


def test_a_reset_is_an_event_with_the_name_that_the_api_server_knows(waiting):
    done = post(waiting, "operator", MACHINE, "reset", action("InstanceReset", reason="stuck since Monday"))

    user = f"system:serviceaccount:{waiting.name}:operator"
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["kind"], made["status"]) == ("InstanceReset", {"user": user, "endedVersion": "1.1.0"})

    def told():
        events = waiting.json("get", "events.events.k8s.io")["items"]
        return [event for event in events if event["reason"] == "InstanceReset"]

    until(told, "the Event is written")
    (event,) = told()
    assert event["note"] == f"{user} reset it (stuck since Monday). Its update to 1.1.0 was ended."
    assert event["regarding"]["name"] == waiting.name_of(MACHINE)
    assert event["regarding"]["uid"] == waiting.instances()[0]["metadata"]["uid"]
    history = waiting.cluster.get(path(waiting, MACHINE, "history"))
    assert [move["toState"] for move in history["moves"]] == ["Granted", "Forgotten"]


def test_a_forgotten_instance_leaves_every_list(waiting):
    assert post(waiting, "operator", "machine-two", "forget", action("InstanceForget")).returncode == 0

    assert waiting.ids() == [MACHINE]


@pytest.mark.parametrize(
    ("role", "subresource", "body", "words"),
    [
        pytest.param("viewer", "reset", action("InstanceReset"), "Forbidden", id="viewer"),
        pytest.param("viewer", "forget", action("InstanceForget"), "Forbidden", id="viewer forgets"),
        pytest.param("operator", "reset", action("InstanceForget"), "has to be an InstanceReset", id="wrong kind"),
        pytest.param("operator", "reset", action("InstanceReset", why="x"), 'unknown field "spec.why"', id="field"),
    ],
)
def test_what_may_not_be_done_is_refused_with_a_reason_and_not_done(waiting, role, subresource, body, words):
    refused = post(waiting, role, MACHINE, subresource, body)

    assert refused.returncode != 0
    assert words in refused.stderr
    assert waiting.cluster.get(path(waiting, MACHINE, "history"))["moves"][-1]["toState"] == "Granted"
