"""Lists through the API server while the fleet moves, and while the service comes and goes."""

import itertools
import ssl
import threading
import urllib.error
import urllib.request

import pytest

from support import omaha_fleet
from support.fleet_cluster import VERSION
from support.waiting import until

MACHINES = [f"machine-{number:02}" for number in range(20)]


def pages(team, limit, token=""):
    """The ids on each page, from a token on."""
    found = []
    while True:
        query = f"?limit={limit}" + (f"&continue={token}" if token else "")
        page = team.cluster.get(f"namespaces/{team.name}/instances{query}")
        found.append([item["spec"]["instanceId"] for item in page["items"]])
        token = page["metadata"].get("continue", "")
        if not token:
            return found


def test_pages_hold_while_the_fleet_moves(team):
    team.roll_out().hear(MACHINES)
    stop = threading.Event()
    answers = []

    def move() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            machine = MACHINES[number % 20] if number % 2 else f"newcomer-{number}"
            body = omaha_fleet.check(team.app_id, machine, f"1.{1 + number % 3}.0")
            answers.append(team.cluster.omaha.post(body).status)

    moving = threading.Thread(target=move)
    moving.start()
    try:
        for limit in (1, 3, 7):
            found = list(itertools.chain(*pages(team, limit)))
            assert len(found) == len(set(found))
            assert [machine for machine in found if machine in MACHINES] == MACHINES
    finally:
        stop.set()
        moving.join()
    assert set(answers) == {200}


def test_a_token_outlives_the_service_and_its_absence_is_told(team, fleet_cluster):
    team.roll_out().hear(MACHINES)
    first = fleet_cluster.get(f"namespaces/{team.name}/instances?limit=8")
    path = f"namespaces/{team.name}/instances"

    assert fleet_cluster.omaha.stop() == 0
    assert fleet_cluster.try_get(path)[0] == 503
    assert "instances" not in team.kubectl("get", "instances", "-o", "name", check=False).stdout
    # Everything else goes on.
    assert team.kubectl("get", "groups", "-o", "name").stdout.split() == ["group.updateservice.dev/app-fake1"]

    fleet_cluster.omaha.start()
    until(lambda: fleet_cluster.try_get(path)[0] == 200, "the API server reaches the service again")
    rest = list(itertools.chain(*pages(team, 5, first["metadata"]["continue"])))
    assert [item["spec"]["instanceId"] for item in first["items"]] + rest == MACHINES


def test_what_was_asked_is_counted(team, fleet_cluster):
    team.roll_out().hear(MACHINES[:2])
    assert fleet_cluster.try_get(f"namespaces/{team.name}/instances/nobody")[0] == 404

    strangers = ssl.create_default_context(cafile=fleet_cluster.certificates.fleet_authority.certificate)
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(f"https://localhost:{fleet_cluster.fleet_port}{VERSION}/instances", context=strangers)
    refused.value.close()

    metrics = fleet_cluster.omaha.private("/metrics")[1]

    assert 'omaha_fleet_api_requests_total{resource="instances",status="200",verb="list"}' in metrics
    assert 'omaha_fleet_api_requests_total{resource="instances",status="404",verb="get"}' in metrics
    assert 'omaha_fleet_api_requests_total{resource="other",status="401",verb="other"}' in metrics
    assert "nobody" not in metrics
    assert team.name not in metrics


def test_a_machine_is_reset_and_forgotten_by_creating_that_on_it(team):
    team.roll_out().hear(["machine-01"], "1.0.0")
    name = team.name_of("machine-01")
    for part, kind in (("reset", "InstanceReset"), ("forget", "InstanceForget")):
        body = {"apiVersion": "fleet.updateservice.dev/v1alpha1", "kind": kind, "spec": {"reason": "it burned"}}
        path = f"{VERSION}/namespaces/{team.name}/instances/{name}/{part}"
        status, answer = team.cluster.access.request("POST", path, body)
        assert (status, answer["kind"], answer["metadata"]["name"]) == (201, kind, name), answer

    assert team.instances() == []
    reasons = until(
        lambda: (
            {event["reason"] for event in team.json("get", "events.events.k8s.io")["items"]}
            >= {"InstanceReset", "InstanceForgotten"}
        ),
        "both are told as Events",
    )
    assert reasons
