"""One cluster with a served fleet API for all of these tests: starting it takes most of their time."""

import pytest

from support.fleet_cluster import Team, served
from support.operator_cluster import private_plane


@pytest.fixture(scope="session")
def own_control_plane():
    """A private control plane for these tests; it doesn't outlive a test run that is killed."""
    with private_plane() as plane:
        yield plane


@pytest.fixture(scope="session")
def fleet_cluster(own_control_plane, tmp_path_factory):
    """The service behind an APIService."""
    with served(own_control_plane, tmp_path_factory.mktemp("fleet")) as cluster:
        yield cluster


@pytest.fixture
def team(fleet_cluster):
    """A namespace of the test's own."""
    return Team(fleet_cluster)
