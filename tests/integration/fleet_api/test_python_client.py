"""The fleet through the Kubernetes client of Python, typed by nothing but discovery."""

import itertools

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.dynamic.exceptions import NotFoundError

from support.fleet_cluster import Team

GROUP, VERSION = "fleet.updateservice.dev", "v1alpha1"
MACHINES = [f"machine-{number:02}" for number in range(12)]


@pytest.fixture(scope="module")
def fleet(fleet_cluster):
    """12 machines of one group."""
    return Team(fleet_cluster).roll_out().hear(MACHINES, oem="qemu")


@pytest.fixture(scope="module")
def connection(fleet_cluster):
    """As the administrator."""
    with config.new_client_from_config(str(fleet_cluster.access.kubeconfig)) as connected:
        yield connected


def test_custom_objects_lists_page_by_page(fleet, connection):
    api = client.CustomObjectsApi(connection)
    found, token = [], ""
    for _ in itertools.count():
        page = api.list_namespaced_custom_object(GROUP, VERSION, fleet.name, "instances", limit=5, _continue=token)
        found.append([item["spec"]["instanceId"] for item in page["items"]])
        token = page["metadata"].get("continue", "")
        if not token:
            break

    assert [len(part) for part in found] == [5, 5, 2]
    assert list(itertools.chain(*found)) == MACHINES


def test_custom_objects_get_one_and_its_parts(fleet, connection):
    api = client.CustomObjectsApi(connection)
    name = fleet.name_of("machine-03")

    one = api.get_namespaced_custom_object(GROUP, VERSION, fleet.name, "instances", name)
    selected = api.list_cluster_custom_object(
        GROUP, VERSION, "instances", field_selector=f"metadata.name={name}", label_selector=f"{GROUP}/oem=qemu"
    )

    assert selected["items"] == [one]
    with pytest.raises(client.ApiException) as missing:
        api.get_namespaced_custom_object(GROUP, VERSION, fleet.name, "instances", "nobody")
    assert missing.value.status == 404


def test_the_dynamic_client_finds_the_kinds_by_discovery(fleet, connection):
    resource = dynamic.DynamicClient(connection).resources.get(api_version=f"{GROUP}/{VERSION}", kind="Instance")

    listed = resource.get(namespace=fleet.name, label_selector=f"{GROUP}/oem=qemu")
    assert [item.spec.instanceId for item in listed.items] == MACHINES
    one = resource.get(name=fleet.name_of("machine-05"), namespace=fleet.name)
    assert one.status.version == "1.1.0"
    with pytest.raises(NotFoundError):
        resource.get(name="nobody", namespace=fleet.name)


def test_a_watch_goes_on_where_a_list_ended(fleet, connection):
    api = client.CustomObjectsApi(connection)
    listed = api.list_namespaced_custom_object(GROUP, VERSION, fleet.name, "instances")
    fleet.hear(["machine-77"])
    stream = watch.Watch()
    events = stream.stream(
        api.list_namespaced_custom_object,
        GROUP, VERSION, fleet.name, "instances",
        resource_version=listed["metadata"]["resourceVersion"], timeout_seconds=30,
    )  # fmt: skip

    first = next(event for event in events if event["type"] == "ADDED")
    stream.stop()
    events.close()

    assert first["object"]["spec"]["instanceId"] == "machine-77"
