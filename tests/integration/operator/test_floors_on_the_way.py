"""Operator and Omaha service, each as it is shipped: instances go by way of a Channel's floors, and never past one."""

import pytest

from support import control_plane as planes
from support import omaha_fleet
from support.eventually import eventually
from support.fleet_cluster import FleetCluster
from support.operator_cluster import OperatorCluster, Tenant, application, channel, group, package, private_plane

KEYS = {"1.5.0": "key rotation"}


@pytest.fixture
async def fleet(tmp_path):
    """The service, registered in a control plane of its own."""
    with private_plane() as plane:
        cluster = FleetCluster(planes.access_to(plane), tmp_path)
        await cluster.start()
        yield cluster
        cluster.omaha.kill()


@pytest.fixture
async def operator(fleet, tmp_path):
    folder = tmp_path / "operator"
    folder.mkdir()
    operators = OperatorCluster(fleet.access, folder)
    await operators.prepare()
    yield operators.start()
    operators.stop_all()


async def test_instances_go_by_way_of_the_floors_and_nowhere_while_one_is_withdrawn(fleet, operator, app_id):
    tenant = Tenant(fleet.access)

    def answer(version, machine="one"):
        return fleet.omaha.answer(omaha_fleet.check(app_id, machine, version, track="prod"))

    def status():
        return tenant.get("groups", "prod").get("status", {})

    # The floor has no package yet: who is above it goes, who is below it doesn't.
    tenant.apply(application(app_id), package("2.0.0"), channel("2.0.0", floors=KEYS), group())
    await eventually(lambda: tenant.target("prod") == "2.0.0", saying=operator.text)
    await eventually(lambda: answer("1.6.0", "above") == "2.0.0", saying=status)
    assert answer("1.0.0") == "noupdate"
    assert tenant.condition("groups", "prod", "PackageAvailable") == ("False", "PackageNotFound")
    assert "floor 1.5.0" in tenant.message("channels", "stable", "PackageAvailable")
    assert [blocker["reason"] for blocker in status()["blockers"]] == ["PackageUnavailable"]

    # It appears: its bytes are a rollout of their own, by way of it.
    tenant.apply(package("1.5.0", digest="5"))
    await eventually(lambda: status()["rollout"]["sequence"] == 2, saying=operator.text)
    assert status()["target"]["floorVersions"] == ["1.5.0"]
    await eventually(lambda: answer("1.0.0") == "1.5.0", saying=status)
    assert tenant.condition("groups", "prod", "PackageAvailable") == ("True", "PackageFound")
    assert status().get("blockers", []) == []

    # The floor is withdrawn: the offer that stands ends at once, and the target isn't offered in its place.
    tenant.apply(package("1.5.0", digest="5", withdrawn={"reason": "loses keys"}))
    await eventually(lambda: answer("1.0.0") == "noupdate", saying=status)
    assert answer("1.0.0", "another") == "noupdate"
    await eventually(lambda: tenant.condition("groups", "prod", "PackageAvailable") == ("False", "Withdrawn"))
    assert status()["rollout"]["sequence"] == 2

    # It is given out again: one hop, and then the other.
    tenant.apply(package("1.5.0", digest="5"))
    await eventually(lambda: answer("1.0.0") == "1.5.0", saying=status)
    assert answer("1.5.0") == "2.0.0"
    await eventually(lambda: status()["instances"]["onTarget"] == 0, saying=status)
    assert answer("2.0.0") == "noupdate"
    await eventually(lambda: status()["instances"]["onTarget"] == 1, saying=status)

    # Without the floor is another way, and another rollout.
    tenant.apply(channel("2.0.0", floors={}))
    await eventually(lambda: status()["rollout"]["sequence"] == 3, saying=operator.text)
    await eventually(lambda: answer("1.0.0", "late") == "2.0.0", saying=status)
    tenant.remove()
