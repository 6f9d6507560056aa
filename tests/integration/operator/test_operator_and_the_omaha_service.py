"""Do the operator and the Omaha service, each as it is shipped, understand each other through a real API server?"""

import os
import signal

import pytest

from support import control_plane as planes
from support import omaha_fleet
from support.eventually import eventually
from support.fleet_cluster import FleetCluster
from support.operator_cluster import OperatorCluster, Tenant, application, channel, group, package, private_plane

# The API server looks again later and later, up to half a minute, whether a service that was gone is back.
BACK_SECONDS = 60
UNAVAILABLE = ("False", "FleetUnavailable")
ANSWERED = ("True", "FleetAnswered")


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
    """An operator as patient with silence as it is in production."""
    folder = tmp_path / "operator"
    folder.mkdir()
    operators = OperatorCluster(fleet.access, folder)
    await operators.prepare()
    yield operators.start(fleet_silence_seconds=5.0)
    operators.stop_all()


async def test_a_rollout_completes_an_outage_is_told_and_over_when_it_is_over(fleet, operator, app_id):
    tenant = Tenant(fleet.access)
    packages = [package(version) for version in ("1.0.0", "1.1.0", "1.2.0")]
    tenant.apply(application(app_id), *packages, channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0", saying=operator.text)
    check = omaha_fleet.check(app_id, "one", "1.0.0", track="prod")
    await eventually(lambda: fleet.omaha.answer(check) == "noupdate")
    await eventually(
        lambda: tenant.condition("channels", "stable", "RolledOut") == ("True", "RolloutCompleted"),
        15,
        saying=lambda: (tenant.get("groups", "prod"), operator.text()),
    )
    await eventually(lambda: tenant.get("groups", "prod")["status"].get("progress") == "1/1")

    # Gone: nobody listens where the APIService leads.
    fleet.omaha.kill()
    await eventually(
        lambda: tenant.condition("groups", "prod", "FleetReported") == UNAVAILABLE, 30, saying=operator.text
    )
    assert "APIService v1alpha1.fleet.updateservice.dev" in tenant.message("groups", "prod", "FleetReported")
    tenant.apply(channel("1.1.0"))
    await eventually(lambda: tenant.condition("groups", "prod", "Progressing") == UNAVAILABLE)
    assert operator.get("/readyz")[0] == 200
    fleet.omaha.start()
    await eventually(lambda: tenant.target("prod") == "1.1.0", BACK_SECONDS, saying=operator.text)
    await eventually(lambda: tenant.condition("groups", "prod", "FleetReported") == ANSWERED)

    # Hung: connections stand, and nothing is said.
    os.kill(fleet.omaha.pid, signal.SIGSTOP)
    await eventually(
        lambda: tenant.condition("groups", "prod", "FleetReported") == UNAVAILABLE, 30, saying=operator.text
    )
    tenant.apply(channel("1.2.0"))
    await eventually(lambda: tenant.condition("groups", "prod", "Progressing") == UNAVAILABLE)
    os.kill(fleet.omaha.pid, signal.SIGCONT)
    await eventually(lambda: tenant.target("prod") == "1.2.0", BACK_SECONDS, saying=operator.text)
    assert tenant.get("groups", "prod")["status"]["rollout"]["sequence"] == 3
    tenant.remove()
