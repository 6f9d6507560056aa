"""One cluster with a served fleet API for all of these tests: starting it takes most of their time."""

import asyncio

import pytest

from support import control_plane as planes
from support import lifeline
from support.fleet_cluster import FleetCluster, Team


@pytest.fixture(scope="session")
def own_control_plane():
    """A private control plane for these tests; it doesn't outlive a test run that is killed."""
    run = planes.Run.begin()
    line = lifeline.Lifeline(run.folder)
    run.guard()
    plane = planes.plane_on(run.folder / "control-plane")
    plane.start()
    yield plane
    plane.stop()
    run.end()
    line.release()


@pytest.fixture(scope="session")
def fleet_cluster(own_control_plane, tmp_path_factory):
    """The service behind an APIService."""
    cluster = FleetCluster(planes.access_to(own_control_plane), tmp_path_factory.mktemp("fleet"))
    try:
        asyncio.run(cluster.start())
        yield cluster
    finally:
        cluster.omaha.kill()


@pytest.fixture
def team(fleet_cluster):
    """A namespace of the test's own."""
    return Team(fleet_cluster)
