"""What users fear most: something dies while a fleet is being updated. Nothing may be lost, and no limit exceeded."""

import datetime
import json
import subprocess

import pytest

from support.local_stack import wait_until
from update_kube.resources import GROUPS
from updatectl.local import demo_checks
from updatectl.local.control_plane import binaries

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

CLIENTS = 12
MAX_UPDATES = 2
PERIOD_SECONDS = 2
FLAGS = ("-c", str(CLIENTS), "-m", "0.3", "-M", "0.6", "--step", "0.1", "--errorrate", "-1", "--until-version", "1.1.0")
LIMITS = ("--update-count", str(MAX_UPDATES), "--update-interval", str(PERIOD_SECONDS))


def assert_limit_kept(stack, app_id):
    times = [datetime.datetime.fromtimestamp(g["granted_at"] / 1e6, datetime.UTC) for g in stack.grants(app_id)]
    assert demo_checks.most_within(times, PERIOD_SECONDS) <= MAX_UPDATES


def assert_everybody_updated_once(stack, app_id, clients):
    wait_until(lambda: stack.rolled_out(app_id), "RolledOut on the channel")
    assert clients.process.wait(60) == 0, clients.lines[-20:]
    grants = stack.grants(app_id)
    assert {g["state"] for g in grants} == {"Complete"}
    # A grant or an acknowledged event that was lost would have had to be given again.
    assert len(grants) == CLIENTS == len({g["instance_id"] for g in grants})
    assert_limit_kept(stack, app_id)


def begin(stack, app_id):
    stack.application(app_id, limits=LIMITS)


def in_mid_rollout(stack, app_id):
    wait_until(lambda: len(stack.grants(app_id)) >= 3, "the first grants")


VICTIMS = [
    "omaha-api",
    # What these have to keep, operators on an API server show by themselves, in less time.
    pytest.param("update-operator", marks=pytest.mark.slow),
    pytest.param("kube-apiserver", marks=pytest.mark.slow),
    pytest.param("etcd", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("victim", VICTIMS)
def test_sigkill_loses_no_grant_and_no_event_and_exceeds_no_limit(stack, app_id, victim):
    begin(stack, app_id)
    with stack.clients(app_id, *FLAGS) as clients:
        wait_until(lambda: len(clients.lines) >= CLIENTS, "the first answers")
        stack.release(app_id, "1.1.0")
        in_mid_rollout(stack, app_id)

        if victim in {"omaha-api", "update-operator"}:
            stack.kill_service(victim)
            stack.start_service(victim)
        else:
            plane = stack.control_plane(binaries.ensure(progress=print))
            plane.kill(victim)
            plane.restart(victim)

        assert_everybody_updated_once(stack, app_id, clients)


@pytest.mark.slow
def test_a_group_deleted_and_applied_again_goes_on_where_it_was(stack, app_id):
    begin(stack, app_id)
    with stack.clients(app_id, *FLAGS) as clients:
        wait_until(lambda: len(clients.lines) >= CLIENTS, "the first answers")
        stack.release(app_id, "1.1.0")
        in_mid_rollout(stack, app_id)
        before = stack.resource(GROUPS, app_id)

        manifest = {
            "apiVersion": before["apiVersion"],
            "kind": "Group",
            "metadata": {"name": before["metadata"]["name"], "namespace": before["metadata"]["namespace"]},
            "spec": before["spec"],
        }
        kubectl = [str(binaries.ensure_kubectl(progress=print)), "--kubeconfig", str(stack.kubeconfig)]
        subprocess.run([*kubectl, "delete", "ugroup", before["metadata"]["name"]], check=True, capture_output=True)
        applied = json.dumps(manifest)
        subprocess.run([*kubectl, "apply", "-f", "-"], input=applied, text=True, check=True, capture_output=True)

        wait_until(lambda: stack.rolled_out(app_id), "RolledOut on the channel")
        after = stack.resource(GROUPS, app_id)
    assert after["status"]["rollout"]["sequence"] == before["status"]["rollout"]["sequence"] + 1
    assert after["status"]["rollout"]["salt"] == before["status"]["rollout"]["salt"]
    assert after["status"]["rollout"]["startedTime"] == before["status"]["rollout"]["startedTime"]
    assert_limit_kept(stack, app_id)


@pytest.mark.slow
def test_moving_the_channel_back_ends_offers_at_once_without_the_operator(stack, app_id):
    begin(stack, app_id)
    with stack.clients(app_id, *FLAGS) as clients:
        wait_until(lambda: len(clients.lines) >= CLIENTS, "the first answers")
        stack.release(app_id, "1.1.0")
        in_mid_rollout(stack, app_id)
        stack.stop_service("update-operator")
        try:
            stack.updatectl("update-channel", app_id, "master", "1.0.0")
            given = len(stack.grants(app_id))
            # Twice as long as the rate limit would need for the next ones, in checks of the waiting clients.
            heard = len(clients.lines)
            wait_until(lambda: len(clients.lines) >= heard + 8 * CLIENTS, "further checks")
            assert len(stack.grants(app_id)) <= given + MAX_UPDATES  # what was asked before the catalog heard of it
            settled = len(stack.grants(app_id))
            wait_until(lambda: len(clients.lines) >= heard + 16 * CLIENTS, "still further checks")
            assert len(stack.grants(app_id)) == settled < CLIENTS
        finally:
            stack.start_service("update-operator")
