"""`updatectl group simulate` with a real API server: the group, its channel and its packages as they are there."""

import json

import pytest

from support.kube_fleet import KubeFleet


@pytest.fixture
def fleet(control_plane, namespace, app_id) -> KubeFleet:
    """Group fake1 in rollout 1 to 1.1.0, at most two updates in a minute."""
    fleet = KubeFleet(control_plane, namespace, app_id)
    fleet.roll_out("1.1.0", rateLimit={"maxUpdates": 2, "periodSeconds": 60})
    return fleet


def test_group_is_simulated_as_it_stands_in_the_cluster(updatectl, fleet):
    done = updatectl("group", "simulate", "app-fake1", "--fleet", "40", "--failure-rate", "0", "-o", "json")

    told = json.loads(done.stdout)
    assert (told["group"], told["version"], told["outcome"]) == ("app-fake1", "1.1.0", "Complete")
    assert told["updates"]["granted"] == 40


def test_group_that_is_not_there_is_said(updatectl, fleet):
    assert "no Group" in updatectl.fails("group", "simulate", "nobody")
