"""A control plane of the operator's own tests: an operator serves the whole cluster, so it can't share one with tests of other parts."""

import asyncio

import pytest
import yaml

from support import control_plane as planes
from support import fault_proxy, scripted_fleet
from support.operator_cluster import OperatorCluster, Tenant, private_plane
from support.scripted_fleet import ScriptedFleet
from update_kube import configuration


@pytest.fixture(scope="session")
def own_control_plane():
    """A private control plane for these tests, with a CRD in the place of the fleet API."""
    with private_plane() as plane:
        scripted_fleet.install(planes.access_to(plane))
        yield plane


@pytest.fixture
async def operators(own_control_plane, tmp_path):
    """Starts operators in the cluster, and ends them."""
    cluster = OperatorCluster(planes.access_to(own_control_plane), tmp_path)
    await cluster.prepare()
    yield cluster
    cluster.stop_all()


@pytest.fixture
def tenant(own_control_plane):
    """A namespace of the test's own."""
    found = Tenant(planes.access_to(own_control_plane))
    yield found
    found.remove()


@pytest.fixture
def other_tenant(own_control_plane):
    """Another one."""
    found = Tenant(planes.access_to(own_control_plane))
    yield found
    found.remove()


@pytest.fixture
def fleet(tenant):
    """The fleet's counts, scripted."""
    return ScriptedFleet(tenant.access, tenant.name)


@pytest.fixture
async def proxy(operators):
    """A proxy in front of the API server that a test can make misbehave; it speaks as the operator's account."""
    upstream = configuration.from_service_account_dir(operators.account, operators.access.server)
    async with fault_proxy.FaultProxy(upstream).running() as running:
        yield running
        # While they still can give back the Lease, which the next test's operators would wait for.
        await running.restore()
        await asyncio.to_thread(operators.stop_all)


@pytest.fixture
def through_proxy(proxy, tmp_path):
    """A kubeconfig that leads to the proxy."""
    path = tmp_path / "proxy.kubeconfig"
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    cluster = {"name": "c", "cluster": {"server": proxy.config.server}}
    users = [{"name": "u", "user": {}}]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [context],
        "clusters": [cluster],
        "users": users,
    }
    path.write_text(yaml.safe_dump(document))
    return path
