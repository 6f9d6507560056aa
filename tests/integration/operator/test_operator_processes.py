"""What do operator processes do when things go wrong: a deaf watch, a dead leader, a lost Lease, a missing right?"""

import json
import signal
import time

import yaml

from support.eventually import eventually
from support.operator_cluster import SYSTEM, application, channel, group, manifest, package
from update_operator import keys

LOST_LEASE = 3


async def test_a_package_deleted_while_the_watch_is_deaf_is_noticed_and_the_watch_begins_anew(
    operators, tenant, fleet, app_id, proxy, through_proxy
):
    operator = operators.start(kubeconfig=through_proxy, resync_seconds=1)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
    # Only a watch that is open can go deaf: the list may have brought the target before the watches began.
    await eventually(lambda: proxy.watches == len(keys.TYPES) + 1, saying=operator.text)

    proxy.go_silent()
    tenant.delete("packages", "app-1.0.0")

    await eventually(lambda: tenant.condition("groups", "prod", "PackageAvailable") == ("False", "PackageNotFound"))
    assert tenant.target("prod") == "1.0.0"
    await eventually(lambda: operator.metric("update_operator_watch_missed_total") >= 1)
    await eventually(lambda: operator.metric("update_operator_watch_restarts_total") >= 1)
    await proxy.restore()
    # Heard by watch again: relists alone would need a second each.
    await eventually(lambda: operator.get("/readyz")[0] == 200)
    tenant.apply(package("1.0.0"))
    await eventually(lambda: tenant.condition("groups", "prod", "PackageAvailable") == ("True", "PackageFound"))


async def test_a_deletion_that_a_new_list_of_the_watch_skips_is_noticed_soon(
    operators, tenant, fleet, app_id, proxy, through_proxy
):
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    operator = operators.start(kubeconfig=through_proxy, resync_seconds=300)
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
    # The list that follows the beginning of the watches is not the one that this is about.
    await eventually(lambda: operator.metric("update_operator_relists_total") == 2)

    lost = []
    proxy.rewrite = lambda line: lost.append(line) or []
    tenant.delete("packages", "app-1.0.0")
    await eventually(lambda: any(b"DELETED" in line for line in lost))
    proxy.rewrite = lambda line: [line]
    proxy.inject(json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}).encode() + b"\n")

    await eventually(lambda: tenant.condition("groups", "prod", "PackageAvailable") == ("False", "PackageNotFound"))


async def test_after_the_api_server_was_out_of_reach_everything_is_caught_up(
    operators, tenant, fleet, app_id, proxy, through_proxy
):
    operator = operators.start(kubeconfig=through_proxy, resync_seconds=1, lease_seconds=15)
    tenant.apply(application(app_id), package("1.0.0"), package("1.1.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)

    await proxy.cut()
    tenant.apply(channel("1.1.0"))
    tenant.delete("packages", "app-1.0.0")
    await eventually(lambda: operator.get("/readyz")[0] == 503)
    await proxy.restore()

    await eventually(lambda: tenant.target("prod") == "1.1.0", saying=operator.text)
    await eventually(lambda: operator.get("/readyz")[0] == 200)


async def test_a_stand_by_takes_over_from_a_leader_that_was_killed(operators, tenant, fleet, app_id):
    leader = operators.start()
    await eventually(leader.leads, saying=leader.text)
    stand_by = operators.start()
    await eventually(lambda: stand_by.get("/readyz")[0] == 200, saying=stand_by.text)
    assert not stand_by.metric("update_operator_leader")

    leader.send(signal.SIGKILL)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())

    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=stand_by.text)
    assert stand_by.metric("update_operator_leader") == 1


async def test_sigterm_ends_a_leader_quickly_and_frees_the_lease(operators, fleet):
    operator = operators.start()
    await eventually(operator.leads, saying=operator.text)

    begun = time.monotonic()
    assert operator.stop() == 0

    assert time.monotonic() - begun < 3
    assert "Traceback" not in operator.text()
    assert not operators.lease()["spec"]["holderIdentity"]


async def test_a_leader_that_was_paused_and_lost_its_lease_ends(operators, tenant, fleet, app_id):
    leader = operators.start()
    await eventually(leader.leads, saying=leader.text)
    leader.send(signal.SIGSTOP)
    successor = operators.start()
    await eventually(successor.leads, saying=successor.text)

    leader.send(signal.SIGCONT)

    assert leader.wait() == LOST_LEASE
    assert "the Lease is lost" in leader.text()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=successor.text)


async def test_a_missing_right_is_named_in_the_log_and_by_readyz(operators, fleet):
    shipped = [document for document in yaml.safe_load_all(manifest().read_text()) if document["kind"] == "ClusterRole"]
    (role,) = shipped
    role["rules"][0]["resources"].remove("groups")
    operators.access.kubectl("replace", "-f", "-", input=json.dumps(role))

    operator = operators.start()

    await eventually(lambda: 'cannot list resource "groups"' in operator.get("/readyz")[1], saying=operator.text)
    assert operator.get("/readyz")[0] == 503
    assert operator.get("/healthz")[0] == 200
    assert "a right is missing" in operator.text()
    operators.access.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest()))
    await eventually(lambda: operator.get("/readyz")[0] == 200, saying=operator.text)


async def test_a_missing_right_to_watch_is_unready_too_though_lists_work(operators, fleet):
    shipped = [document for document in yaml.safe_load_all(manifest().read_text()) if document["kind"] == "ClusterRole"]
    (role,) = shipped
    role["rules"][0]["verbs"].remove("watch")
    operators.access.kubectl("replace", "-f", "-", input=json.dumps(role))

    operator = operators.start()

    await eventually(lambda: "the watches end" in operator.get("/readyz")[1], saying=operator.text)
    assert "cannot watch resource" in operator.text()


async def test_an_unreachable_api_server_shows_in_log_and_readyz(operators, fleet, proxy, through_proxy):
    await proxy.cut()
    operator = operators.start(kubeconfig=through_proxy)

    await eventually(lambda: operator.get("/readyz")[0] == 503, saying=operator.text)
    await eventually(lambda: "cannot reach" in operator.text())
    assert operator.stop() == 0


async def test_a_port_in_use_is_said_so(operators, fleet):
    first = operators.start()
    await eventually(lambda: first.get("/healthz")[0] == 200, saying=first.text)
    second = operators.start(port=first.port)

    assert second.wait() == 1
    assert f"cannot listen on 127.0.0.1:{first.port}: address already in use" in second.text()


async def test_the_account_can_do_no_more_than_it_needs(operators):
    can = [
        ("patch", "groups.updateservice.dev/status", ""),
        ("create", "configmaps", SYSTEM),
        ("update", "leases/update-operator", SYSTEM),
        *((verb, "groupprogresses.fleet.updateservice.dev", "") for verb in ("get", "list", "watch")),
    ]
    cannot = [
        ("patch", "groups.updateservice.dev", ""),
        ("delete", "groups.updateservice.dev", ""),
        ("update", "configmaps", SYSTEM),
        ("delete", "configmaps", SYSTEM),
        ("get", "secrets", SYSTEM),
        ("list", "configmaps", "default"),
        ("update", "leases/another", SYSTEM),
        ("list", "namespaces", ""),
        ("list", "instances.fleet.updateservice.dev", ""),
        ("patch", "groupprogresses.fleet.updateservice.dev", ""),
        ("get", "apiservices.apiregistration.k8s.io", ""),
    ]

    assert [right for right in can if not operators.may(*right)] == []
    assert [right for right in cannot if operators.may(*right)] == []


async def test_a_killed_api_server_or_etcd_interrupts_and_loses_nothing(
    operators, own_control_plane, tenant, fleet, app_id
):
    operator = operators.start(lease_seconds=30)
    tenant.apply(application(app_id), package("1.0.0"), package("1.1.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)

    for component, version, sequence in (("kube-apiserver", "1.1.0", 2), ("etcd", "1.0.0", 3)):
        own_control_plane.kill(component)
        own_control_plane.restart(component)
        tenant.apply(channel(version))

        await eventually(lambda wanted=version: tenant.target("prod") == wanted, saying=operator.text)
        assert tenant.get("groups", "prod")["status"]["rollout"]["sequence"] == sequence
