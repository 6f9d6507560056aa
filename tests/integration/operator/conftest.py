"""A control plane of the operator's own tests: an operator serves the whole cluster, so it can't share one with tests of other parts."""

import pytest

from support import control_plane as planes
from support import lifeline
from support.operator_cluster import OperatorCluster, Tenant
from support.scripted_fleet import ScriptedFleet


@pytest.fixture(scope="session")
def own_control_plane():
    """A private control plane for these tests; it doesn't outlive a test run that is killed."""
    run = planes.Run.begin()
    line = lifeline.Lifeline(run.folder)
    run.guard()
    plane = planes.plane_on(run.folder / "control-plane")
    plane.start()
    planes.install_crds(planes.access_to(plane))
    yield plane
    plane.stop()
    run.end()
    line.release()


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
async def fleet():
    """The Omaha service's counts, scripted."""
    async with ScriptedFleet().running() as scripted:
        yield scripted
