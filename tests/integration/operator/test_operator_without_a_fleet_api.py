"""Does the operator start and run where nobody serves the fleet API: not registered, registered without a service, and then there?"""

import json

import pytest

from support import control_plane as planes
from support import scripted_fleet
from support.eventually import eventually
from support.operator_cluster import (
    OperatorCluster,
    Tenant,
    application,
    channel,
    group,
    package,
    private_plane,
)
from support.ports import free_port

NAME = "v1alpha1.fleet.updateservice.dev"
READY = ("True", "Reconciled")


@pytest.fixture(scope="module")
def bare():
    """A control plane that knows the four kinds and has never heard of the fleet API."""
    with private_plane() as plane:
        yield planes.access_to(plane)


def register(access, port):
    """An APIService as the local mode has it, but nobody listens."""
    service = {"metadata": {"name": "omaha-api"}, "spec": {"type": "ExternalName", "externalName": "localhost"}}
    service["spec"]["ports"] = [{"port": port}]
    spec = {
        "group": "fleet.updateservice.dev",
        "version": "v1alpha1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 10,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "update-system", "name": "omaha-api", "port": port},
    }
    api_service = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": NAME}}
    objects = [{"apiVersion": "v1", "kind": "Service", **service}, {**api_service, "spec": spec}]
    documents = {"apiVersion": "v1", "kind": "List", "items": objects}
    access.kubectl("apply", "--namespace=update-system", "-f", "-", input=json.dumps(documents))
    access.kubectl("wait", "--for=condition=Available=False", "--timeout=30s", f"apiservice/{NAME}")


def restarted(cluster):
    """The operator, started anew: what it does at its start, it does in this cluster as it is now."""
    cluster.stop_all()
    # No list would find it so soon: what is noticed, the watch has said.
    return cluster.start(resync_seconds=300)


async def test_everything_but_beginning_rollouts_goes_on_whatever_has_become_of_the_api_service(bare, tmp_path, app_id):
    cluster, tenant = OperatorCluster(bare, tmp_path), Tenant(bare)
    await cluster.prepare()
    try:
        operator = restarted(cluster)
        await eventually(operator.leads, saying=operator.text)
        tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
        await said(tenant, operator, f"APIService {NAME} is not registered")
        await still_watches(tenant, operator, "not-registered")

        register(bare, free_port())
        await said(tenant, operator, f"APIService {NAME} is unavailable")
        operator = restarted(cluster)
        await eventually(operator.leads, saying=operator.text)
        await said(tenant, operator, f"APIService {NAME} is unavailable")
        await still_watches(tenant, operator, "unavailable")
        assert tenant.target("prod") is None

        bare.kubectl("delete", "apiservice", NAME)
        scripted_fleet.install(bare)
        await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
        assert operator.metric("update_operator_watch_restarts_total") == 0
    finally:
        cluster.stop_all()


async def said(tenant, operator, text):
    """Wait until people are told so."""
    await eventually(lambda: text in tenant.message("groups", "prod", "FleetReported"), saying=operator.text)
    assert operator.get("/readyz") == (200, "ok\n")


async def still_watches(tenant, operator, name):
    """A new object is noticed by kopf's watch, long before the next complete list."""
    tenant.apply(application(f"io.example.{tenant.name}.{name}", name))
    await eventually(lambda: tenant.condition("applications", name, "Ready") == READY, saying=operator.text)
