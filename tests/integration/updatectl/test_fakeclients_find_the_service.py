"""Fake clients find the Omaha service where the cluster publishes it."""

import asyncio

import pytest
import yaml

from support import scripted_omaha
from support.scripted_omaha import offer
from updatectl.local import installing

COMMAND = (
    *("fakeclients", "-c", "2", "-m", "0", "-M", "0.02", "--step", "0", "--errorrate", "-1"),
    *("--until-version", "1.1.0", "--timeout", "30", "a.b", "master", "1.0.0"),
)


@pytest.fixture
def service_namespace(control_plane) -> str:
    """The service's own namespace; it stays for other tests."""
    status, answer = control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "update-system"}})
    assert status in {201, 409}, answer
    return "update-system"


async def test_the_address_comes_from_the_cluster_and_its_absence_is_said(updatectl, control_plane, service_namespace):
    missing = updatectl.fails(*COMMAND)
    assert "no ConfigMap update-service-info in namespace update-system" in missing
    assert "--omaha-url" in missing

    configmaps = f"/api/v1/namespaces/{service_namespace}/configmaps"
    async with scripted_omaha.serving(lambda told: offer("1.1.0")) as omaha:
        info = {"metadata": {"name": "update-service-info"}, "data": {"omahaURL": omaha.url}}
        control_plane.request("POST", configmaps, info)
        try:
            done = await asyncio.to_thread(updatectl, *COMMAND)
        finally:
            control_plane.request("DELETE", f"{configmaps}/update-service-info")

    assert "{fake-client-001}: updated from 1.0.0 to 1.1.0" in done.stdout


def test_the_local_modes_roles_let_admin_do_everything_and_everybody_read_the_address(
    control_plane, service_account, service_namespace, updatectl, app_id
):
    # Before the role is there, and in this test: the control plane is shared with others that run at the same time.
    refused = updatectl.fails("-k", service_account("nobody"), "-s", control_plane.server, *COMMAND)
    assert "may not read the ConfigMap update-service-info" in refused
    assert "--omaha-url" in refused

    objects = [
        m
        for m in installing.manifests()
        if m["metadata"]["name"] in {"admin", "update-service-admin", "update-service-info"}
    ]
    control_plane.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(objects))
    token = control_plane.kubectl("create", "token", "admin", namespace="default").stdout.strip()
    admin = ("-u", "admin", "-k", token, "-s", control_plane.server)

    updatectl(*admin, "update-app", app_id, "FakeApp", "-")
    updatectl(*admin, "update-channel", app_id, "master", "1.0.0")
    updatectl(*admin, "new-group", app_id, "master", "fake1", "Fake Clients")
    updatectl(*admin, "delete-group", app_id, "fake1")
    updatectl(*admin, "channel", "delete", app_id, "master")
    updatectl(*admin, "delete-app", app_id)
    assert "no ConfigMap" in updatectl.fails(*admin, *COMMAND)
    assert "not allowed" in updatectl.fails(*admin, "-n", "kube-system", "list-apps")
