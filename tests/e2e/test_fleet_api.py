"""A fleet of 2,000 in kubectl: it behaves like any other resource, and not one of it is in etcd."""

import base64
import contextlib
import http.client
import json
import re
import ssl
import uuid

import pytest
import yaml

from support.local_stack import LocalStack, wait_until
from support.people import Person
from update_kube.resources import GROUPS
from updatectl.local.control_plane import layout

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

MANY = 2000
FEW = 3
OEM = "fleet.updateservice.dev/oem"
INSTANCES = "/apis/fleet.updateservice.dev/v1alpha1/namespaces/default/instances"


@pytest.fixture(scope="module")
def many(stack) -> str:
    """The appId of an application with MANY instances, each of which has asked once."""
    app_id = str(uuid.uuid4())
    stack.application(app_id)
    with stack.clients(app_id, "-c", str(MANY), "-m", "0", "-M", "6", "--until-version", "1.0.0") as clients:
        assert clients.process.wait(100) == 0, clients.lines[-20:]
    return app_id


@pytest.fixture(scope="module")
def few(stack):
    """The appId of an application with FEW instances of another OEM, which go on asking."""
    app_id = str(uuid.uuid4())
    stack.application(app_id)
    with stack.clients(app_id, "-c", str(FEW), "-m", "0.3", "-M", "0.6", "--oem", "kiosk"):
        yield app_id


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("kubectl")


@pytest.fixture(scope="module")
def person(stack, cache) -> Person:
    return Person(stack, cache / "person")


@pytest.fixture(scope="module")
def viewer(stack, cache) -> Person:
    return Person(stack, cache / "viewer", "viewer")


def group(app_id: str) -> str:
    return f"{app_id}-fake1"


def listed(person: Person, *arguments: str) -> list[dict]:
    return json.loads(person.kubectl("get", "instances", *arguments, "-o", "json"))["items"]


def ids(instances: list[dict]) -> set[str]:
    return {instance["spec"]["instanceId"] for instance in instances}


def of_few(person: Person, app_id: str) -> list[dict]:
    selected = ("--field-selector", f"spec.group={group(app_id)}")
    wait_until(lambda: len(listed(person, *selected)) == FEW, "the few to be heard")
    return listed(person, *selected)


def test_lists_select_by_group_and_by_label(person, many, few):
    assert ids(of_few(person, few)) == {f"{{fake-client-{number:03d}}}" for number in range(FEW)}
    assert {i["spec"]["appId"] for i in listed(person, "-l", f"{OEM}=kiosk")} == {few}
    assert len(listed(person, "--field-selector", f"spec.group={group(many)}")) == MANY
    assert not listed(person, "-l", f"{OEM}=kiosk", "--field-selector", f"spec.group={group(many)}")

    refused = person.try_("get", "instances", "--field-selector", "spec.alias=x")
    assert "spec.group" in refused.stderr, "the message names what can be selected by"


def test_a_great_list_comes_in_pages_and_is_whole(person, many):
    ran = person.try_("get", "uinst", "--chunk-size=100", "--field-selector", f"spec.group={group(many)}", "-v=6")
    lines = ran.stdout.splitlines()

    assert len(set(re.findall(r"[?&]continue=(\w+)", ran.stderr))) == MANY / 100 - 1
    assert lines[0].split() == ["NAME", "APP", "GROUP", "VERSION", "STATE", "LAST-SEEN", "AGE"]
    names = [line.split()[0] for line in lines[1:]]
    assert len(names) == MANY
    assert names == sorted(set(names))


def test_yaml_of_one_is_the_object_itself(person, few):
    name = of_few(person, few)[0]["metadata"]["name"]
    shown = yaml.safe_load(person.kubectl("get", "instance", name, "-o", "yaml"))

    assert (shown["apiVersion"], shown["kind"]) == ("fleet.updateservice.dev/v1alpha1", "Instance")
    assert shown["metadata"]["labels"][OEM] == shown["spec"]["attributes"]["oem"] == "kiosk"
    assert (shown["spec"]["appId"], shown["spec"]["group"]) == (few, group(few))
    assert shown["status"]["version"] == "1.0.0"


def test_a_watch_tells_who_goes_and_who_comes_back(stack, person, few):
    instance = of_few(person, few)[-1]
    name, id_ = instance["metadata"]["name"], instance["spec"]["instanceId"]
    follow = ("get", "instances", "-w", "--output-watch-events", "--field-selector", f"spec.group={group(few)}")
    with person.following(*follow) as lines:
        wait_until(lambda: sum(line.startswith("ADDED") for line in lines) == FEW, "the ones that are there")

        stack.updatectl("instance", "forget", few, id_, "--yes")

        wait_until(lambda: any(line.startswith("DELETED") and name in line for line in lines), "the forgotten one")
        wait_until(lambda: sum(line.startswith("ADDED") and name in line for line in lines) == 2, "it asked again")


def test_describe_tells_who_reset_it_and_why(stack, person, few):
    instance = of_few(person, few)[0]
    name, id_ = instance["metadata"]["name"], instance["spec"]["instanceId"]

    stack.updatectl("instance", "reset", few, id_, "--reason", "disk replaced")

    wait_until(lambda: "InstanceReset" in person.kubectl("describe", "instance", name), "the Event")
    described = person.kubectl("describe", "instance", name)
    assert "disk replaced" in described
    assert "local-admin" in described, "the user of the kubeconfig"
    assert f"Instance Id:  {id_}" in described


def test_fields_are_explained(person, many):
    explained = person.kubectl("explain", "instances")
    assert "spec" in explained
    assert "status" in explained
    assert "Idle before the first update" in person.kubectl("explain", "instances.status.state")
    assert "in flight" in person.kubectl("explain", "groupprogresses.status.instances")


@pytest.mark.parametrize(
    ("account", "answer"), [pytest.param("viewer", "no", id="viewer"), pytest.param("admin", "yes", id="admin")]
)
def test_can_i_tells_the_truth_about_resetting(stack, cache, person, few, account, answer):
    somebody = Person(stack, cache / account, account)
    name = of_few(person, few)[0]["metadata"]["name"]
    body = json.dumps({"apiVersion": "fleet.updateservice.dev/v1alpha1", "kind": "InstanceReset"})

    assert somebody.try_("auth", "can-i", "reset", "instances").stdout.strip() == answer
    done = somebody.try_("create", "--raw", f"{INSTANCES}/{name}/reset", "-f", "-", stdin=body)
    if answer == "yes":
        assert f"system:serviceaccount:default:{account}" in done.stdout
    else:
        assert "forbidden" in done.stderr.lower()


def test_a_viewer_sees_the_fleet_and_why_and_changes_nothing(stack, viewer, person, few):
    name = of_few(viewer, few)[0]["metadata"]["name"]

    decision = json.loads(viewer.kubectl("get", "--raw", f"{INSTANCES}/{name}/decision"))
    assert decision["status"]["reason"] == "UpToDate"
    assert viewer.kubectl("get", "groupprogresses", group(few))
    assert viewer.try_("delete", "instance", name).returncode != 0
    assert viewer.try_("patch", "ugroup", group(few), "--type=merge", "-p", '{"spec":{"paused":true}}').returncode != 0
    assert "forbidden" in viewer.try_("get", "instances", "-n", "kube-system").stderr.lower()


def test_updatectl_works_with_a_viewers_token(stack, few):
    token = (stack.folders.service_account("viewer") / "token").read_text()

    shown = stack.updatectl("-u", "viewer", "-k", token, "-s", stack.kube_server, "instance", "list", few)

    assert shown.count("fake-client-") == FEW


def etcd_keys(stack: LocalStack) -> list[str]:
    """Every key, asked of etcd itself, as the API server asks."""
    where = layout.Layout(stack.folders.control_plane)
    files = where.certificates
    context = ssl.create_default_context(cafile=files.etcd_authority.certificate)
    context.load_cert_chain(files.etcd.certificate, files.etcd.key)
    address = f"127.0.0.1:{layout.stored_ports(where).etcd_client}"
    everything = base64.b64encode(b"\0").decode()
    with contextlib.closing(http.client.HTTPSConnection(address, timeout=30, context=context)) as connection:
        body = json.dumps({"key": everything, "range_end": everything, "keys_only": True})
        connection.request("POST", "/v3/kv/range", body)
        response = connection.getresponse()
        assert response.status == 200
        return [base64.b64decode(pair["key"]).decode() for pair in json.loads(response.read())["kvs"]]


def test_etcd_knows_the_group_and_no_instance(stack, many):
    keys = etcd_keys(stack)

    assert f"/registry/updateservice.dev/groups/default/{group(many)}" in keys
    # An Event about a person's act on an instance is named after it, for an hour.
    assert [key for key in keys if "fake-client" in key and not key.startswith("/registry/events/")] == []


def test_the_category_updates_prints_no_instance(person, many):
    shown = person.kubectl("get", "updates", "-o", "name")

    assert f"group.updateservice.dev/{group(many)}" in shown
    assert "fleet.updateservice.dev" not in shown


def fleet_reported(stack: LocalStack, app_id: str) -> str:
    conditions = stack.resource(GROUPS, app_id)["status"]["conditions"]
    return next(c["status"] for c in conditions if c["type"] == "FleetReported")


def test_while_the_omaha_service_is_away_all_else_goes_on_and_it_comes_back_by_itself(stack, person, few):
    wait_until(lambda: fleet_reported(stack, few) == "True", "the operator's first look")

    stack.kill_service("omaha-api")
    try:
        away = person.try_("get", "instances")
        assert away.returncode != 0
        assert "unable to handle the request" in away.stderr or "service unavailable" in away.stderr.lower()

        assert group(few) in person.kubectl("get", "ugroup")
        paused = {"apiVersion": "updateservice.dev/v1alpha1", "kind": "Group", "metadata": {"name": group(few)}}
        paused["spec"] = {"paused": True}
        applied = ("apply", "--server-side", "--field-manager=test", "-f", "-")
        person.kubectl(*applied, stdin=json.dumps(paused))
        wait_until(lambda: fleet_reported(stack, few) == "False", "the operator says that the fleet API is away")
        (message,) = (
            c["message"] for c in stack.resource(GROUPS, few)["status"]["conditions"] if c["type"] == "FleetReported"
        )
        assert "fleet.updateservice.dev" in message
        assert any(part.name == "fleet-api" and part.state == "Stopped" for part in stack.status())
    finally:
        stack.start_service("omaha-api")

    some = ("get", "instances", "--field-selector", f"spec.group={group(few)}")
    wait_until(lambda: person.try_(*some).returncode == 0, "the fleet API")
    assert len(of_few(person, few)) == FEW, "what the store had is there again"
    wait_until(lambda: fleet_reported(stack, few) == "True", "the operator to have heard")
    wait_until(lambda: all(part.state in {"Running", "Ready"} for part in stack.status()), "everything to be well")
