"""Does a status reach only the very object that it was computed from, and only when it says something new?"""

import pytest

from support import control_plane as planes
from support.operator_cluster import application
from update_core.resources.application import Application, ApplicationStatus
from update_kube import client, configuration, errors
from update_kube.resources import APPLICATIONS
from update_operator.keys import Key
from update_operator.pacing import Pace, Pacer
from update_operator.status_writer import StatusWriter, Unchanged, Written

SEEN = ApplicationStatus(observed_generation=1)


@pytest.fixture
async def kube(own_control_plane):
    """The administrator."""
    access = planes.access_to(own_control_plane)
    async with await client.connect(configuration.load(access.kubeconfig)) as connected:
        yield connected


@pytest.fixture
def writer(kube):
    return StatusWriter(kube, Pacer(Pace(), lambda: 0.0))


@pytest.fixture
async def entry(kube, tenant, app_id):
    """An Application as it is in the cluster."""
    return Application.parse(await kube.create(APPLICATIONS, application(app_id), tenant.name))


@pytest.fixture
def key(tenant):
    return Key("Application", tenant.name, "app")


async def test_a_status_is_written_with_the_operators_field_manager(writer, entry, key):
    result = await writer.write(key, entry, entry.status, SEEN)

    assert isinstance(result, Written)
    assert result.object["status"]["observedGeneration"] == 1
    managers = [
        (f["manager"], f["operation"], f.get("subresource")) for f in result.object["metadata"]["managedFields"]
    ]
    assert ("update-operator", "Apply", "status") in managers


async def test_a_status_that_is_there_is_not_written(writer, entry, key, tenant):
    assert isinstance(await writer.write(key, entry, SEEN, SEEN), Unchanged)
    assert tenant.get("applications", "app")["metadata"]["resourceVersion"] == entry.metadata.resource_version


async def test_a_status_computed_from_an_older_version_is_refused(writer, entry, key, tenant):
    await writer.write(key, entry, entry.status, SEEN)

    with pytest.raises(errors.Conflict):
        await writer.write(key, entry, entry.status, ApplicationStatus(observed_generation=0))
    assert tenant.get("applications", "app")["status"]["observedGeneration"] == 1


async def test_a_status_for_an_object_that_was_made_again_is_refused(writer, entry, key, kube, tenant, app_id):
    await kube.delete(APPLICATIONS, "app", tenant.name)
    await kube.create(APPLICATIONS, application(app_id), tenant.name)

    with pytest.raises(errors.Conflict):
        await writer.write(key, entry, entry.status, SEEN)
    assert tenant.get("applications", "app")["status"]["observedGeneration"] == -1


async def test_a_status_never_makes_an_object(writer, entry, key, kube, tenant):
    await kube.delete(APPLICATIONS, "app", tenant.name)

    with pytest.raises((errors.NotFound, errors.Conflict)):
        await writer.write(key, entry, entry.status, SEEN)
    assert tenant.get("applications", "app") == {}
