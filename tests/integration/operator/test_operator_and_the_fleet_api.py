"""What does the operator do while it can't read the fleet's progress, and what does it tell people?"""

import asyncio
import contextlib
import json
import time

import pytest
import yaml

from support import operator_cluster
from support.eventually import eventually
from support.operator_cluster import SYSTEM, application, channel, group, manifest, package
from support.scripted_fleet import concerns

LOOK = "`kubectl get apiservice v1alpha1.fleet.updateservice.dev`"
FOREVER = 10**6
UNAVAILABLE = ("False", "FleetUnavailable")
ANSWERED = ("True", "FleetAnswered")


def status(code, reason, message):
    """An answer of the API server."""
    wire = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return code, json.dumps(wire | {"message": message})


SERVICE_AWAY = status(503, "ServiceUnavailable", "error trying to reach service: connect: connection refused")


def through(operators, through_proxy, **settings):
    """An operator behind the proxy, which is slow whenever the test does something else: not a case for another leader."""
    return operators.start(kubeconfig=through_proxy, lease_seconds=15, **settings)


def take_away(proxy, answer=SERVICE_AWAY):
    """From now on the fleet API doesn't answer."""
    proxy.answer(*answer, matches=concerns, times=FOREVER)
    proxy.reset_watches(concerns)


def fleet_events(operators):
    """What is told of the fleet where the operator's own affairs are told."""
    return [event["reason"] for event in operator_cluster.events(operators.access, SYSTEM, "Lease", "update-operator")]


class Bookmarks:
    """What the fleet API says every two seconds, said in the watches of the fleet's progress; `silent` ends it."""

    def __init__(self, proxy):
        self.silent = False
        self._proxy = proxy

    async def run(self):
        obj = {"kind": "GroupProgress", "metadata": {"resourceVersion": "1"}}
        while True:
            if not self.silent:
                self._proxy.inject(json.dumps({"type": "BOOKMARK", "object": obj}).encode() + b"\n", concerns)
            await asyncio.sleep(0.2)


@pytest.fixture
async def bookmarks(proxy):
    """Bookmarks are said until the end of the test."""
    saying = Bookmarks(proxy)
    task = asyncio.create_task(saying.run())
    yield saying
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(SERVICE_AWAY, "is unavailable", id="the service is away"),
        pytest.param(status(404, "NotFound", "404 page not found"), "is not registered", id="nobody serves the group"),
        pytest.param((200, "<html>log in</html>"), "did not answer", id="something else answers"),
    ],
)
async def test_nothing_begins_before_the_fleet_api_has_answered(
    operators, tenant, fleet, app_id, proxy, through_proxy, answer, said
):
    take_away(proxy, answer)
    operator = through(operators, through_proxy)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())

    await eventually(
        lambda: tenant.condition("groups", "prod", "FleetReported") == UNAVAILABLE, 30, saying=operator.text
    )
    assert tenant.condition("groups", "prod", "Reconciling") == ("True", "RolloutPending")
    assert tenant.condition("groups", "prod", "Progressing") == UNAVAILABLE
    assert tenant.target("prod") is None
    message = tenant.message("groups", "prod", "FleetReported")
    assert said in message
    assert LOOK in message

    proxy.pass_on()
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
    await eventually(lambda: tenant.condition("groups", "prod", "FleetReported") == ANSWERED)
    await eventually(lambda: tenant.condition("groups", "prod", "Reconciling") is None)


async def test_while_the_fleet_api_is_away_counts_stay_promotions_wait_and_all_else_goes_on(
    operators, tenant, fleet, app_id, proxy, through_proxy
):
    operator = through(operators, through_proxy)
    tenant.apply(application(app_id), package("1.0.0"), package("1.1.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=3, active=3, on_target=1)
    await eventually(lambda: tenant.get("groups", "prod")["status"].get("progress") == "1/3")

    take_away(proxy)
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=3, active=3, on_target=3)
    await eventually(lambda: operator.metric("update_operator_fleet_answering") == 0, saying=operator.text)
    tenant.apply(channel("1.1.0"))

    await eventually(lambda: tenant.condition("groups", "prod", "Progressing") == UNAVAILABLE)
    await eventually(lambda: tenant.condition("groups", "prod", "FleetReported") == UNAVAILABLE)
    group_status = tenant.get("groups", "prod")["status"]
    assert (group_status["target"]["version"], group_status["progress"]) == ("1.0.0", "1/3")
    assert operator.get("/readyz") == (200, "ok\n")
    tenant.apply(group(paused=True))
    await eventually(lambda: tenant.condition("groups", "prod", "Paused") == ("True", "Paused"), saying=operator.text)
    tenant.apply(group())

    proxy.pass_on()
    await eventually(lambda: tenant.target("prod") == "1.1.0", saying=operator.text)
    await eventually(lambda: tenant.condition("groups", "prod", "FleetReported") == ANSWERED)


async def test_the_outage_is_told_once_and_of_those_groups_that_it_holds_back(
    operators, tenant, fleet, app_id, proxy, through_proxy
):
    operator = through(operators, through_proxy)
    tenant.apply(application(app_id), package("1.0.0"), package("1.1.0"), channel("1.0.0"), group())
    tenant.apply(channel("1.0.0", "beta"), group("calm", "beta"))
    for name in ("prod", "calm"):
        await eventually(lambda which=name: tenant.target(which) == "1.0.0", saying=operator.text)
    before = fleet_events(operators).count("FleetUnavailable")

    take_away(proxy)
    await eventually(lambda: operator.metric("update_operator_fleet_answering") == 0, saying=operator.text)
    tenant.apply(channel("1.1.0"))

    await eventually(lambda: "FleetUnavailable" in tenant.event_reasons("Group", "prod"))
    await eventually(lambda: tenant.condition("groups", "calm", "FleetReported") == UNAVAILABLE)
    assert "FleetUnavailable" not in tenant.event_reasons("Group", "calm")
    assert fleet_events(operators).count("FleetUnavailable") == before + 1
    away = 'update_operator_fleet_away_total{cause="Unavailable"} 1.0'
    assert away in operator.get("/metrics")[1].splitlines()
    proxy.pass_on()
    await eventually(lambda: "FleetAnswered" in fleet_events(operators))


async def test_a_short_outage_and_a_forgotten_watch_are_no_news(operators, tenant, fleet, app_id, proxy, through_proxy):
    operator = through(operators, through_proxy)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)

    take_away(proxy)
    await eventually(lambda: proxy.count(concerns) >= 4)
    proxy.pass_on()
    await eventually(lambda: any(concerns(seen) for seen in proxy.open))
    expired = {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}
    asked = proxy.count(concerns)
    proxy.inject(json.dumps({"type": "ERROR", "object": expired}).encode() + b"\n", concerns)
    await eventually(lambda: proxy.count(concerns) >= asked + 2, saying=operator.text)

    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=2, active=2, on_target=2)
    await eventually(lambda: tenant.condition("groups", "prod", "RolloutComplete") == ("True", "RolloutCompleted"))
    assert operator.metric("update_operator_fleet_away_total") == 0


async def test_a_watch_that_says_nothing_is_an_outage_until_it_says_that_nothing_is_outstanding(
    operators, tenant, fleet, app_id, proxy, through_proxy, bookmarks
):
    operator = through(operators, through_proxy, fleet_silence_seconds=3)
    tenant.apply(application(app_id), package("1.0.0"), package("1.1.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
    heard_for = time.monotonic()
    await eventually(lambda: time.monotonic() > heard_for + 4)
    assert operator.metric("update_operator_fleet_away_total") == 0

    bookmarks.silent = True
    await eventually(lambda: tenant.condition("groups", "prod", "FleetReported") == UNAVAILABLE, saying=operator.text)
    assert "says nothing" in tenant.message("groups", "prod", "FleetReported")
    tenant.apply(channel("1.1.0"))
    await eventually(lambda: tenant.condition("groups", "prod", "Progressing") == UNAVAILABLE)

    bookmarks.silent = False
    await eventually(lambda: tenant.target("prod") == "1.1.0", saying=operator.text)
    await eventually(lambda: tenant.condition("groups", "prod", "FleetReported") == ANSWERED)


@pytest.mark.parametrize("verb", ["list", "watch"])
async def test_a_missing_right_to_the_fleets_progress_is_named_in_the_condition(operators, tenant, fleet, app_id, verb):
    shipped = [document for document in yaml.safe_load_all(manifest().read_text()) if document["kind"] == "ClusterRole"]
    (role,) = shipped
    (rule,) = [rule for rule in role["rules"] if rule["resources"] == ["groupprogresses"]]
    rule["verbs"].remove(verb)
    operators.access.kubectl("replace", "-f", "-", input=json.dumps(role))

    operator = operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())

    await eventually(
        lambda: tenant.condition("groups", "prod", "FleetReported") == UNAVAILABLE, 30, saying=operator.text
    )
    message = tenant.message("groups", "prod", "FleetReported")
    assert "a right is missing in the roles of the operator's service account" in message
    assert f'cannot {verb} resource "groupprogresses" in API group "fleet.updateservice.dev"' in message
    assert tenant.target("prod") is None
    assert operator.get("/readyz")[0] == 200
    operators.access.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest()))
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
