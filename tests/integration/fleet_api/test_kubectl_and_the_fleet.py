"""The fleet in kubectl: like any other resource, as far as reading goes, and like no other where it would do harm."""

import pytest

from support.fleet_cluster import Team
from support.waiting import until

MACHINES = [f"machine-{number:03}" for number in range(30)]


@pytest.fixture(scope="module")
def fleet(fleet_cluster):
    """30 machines of one group: 20 on its version, of which 5 are of another make, and 10 that want it."""
    team = Team(fleet_cluster).roll_out("1.1.0")
    team.hear(MACHINES[:15], oem="qemu", board="amd64-usr", machinealias="front door")
    team.hear(MACHINES[15:20], oem="ami")
    return team.hear(MACHINES[20:], "1.0.0", oem="qemu")


def lines(done):
    return done.stdout.splitlines()


def test_get_prints_the_columns_that_tell_how_it_goes(fleet):
    head, *rows = lines(fleet.kubectl("get", "instances"))

    assert head.split() == ["NAME", "APP", "GROUP", "VERSION", "STATE", "LAST-SEEN", "AGE"]
    assert len(rows) == 30
    assert rows == sorted(rows, key=lambda row: row.split()[0])


def test_wide_prints_more(fleet):
    head, row = lines(fleet.kubectl("get", "uinst", "-o", "wide", "--field-selector=spec.instanceId=machine-001"))

    assert head.split()[-5:] == ["INSTANCE-ID", "UPDATE", "REFUSAL", "ALIAS", "OEM"]
    assert "machine-001" in row
    assert "front door" in row
    assert row.split()[-1] == "qemu"


def test_labels_are_shown_as_columns(fleet):
    selected = "--field-selector=spec.instanceId=machine-001"
    (row,) = lines(fleet.kubectl("get", "instances", "-L", "fleet.updateservice.dev/oem", "--no-headers", selected))

    assert row.split()[-1] == "qemu"


def test_all_namespaces_and_other_outputs(fleet):
    assert fleet.name in fleet.kubectl("get", "instances", "-A").stdout
    names = lines(fleet.kubectl("get", "instances", "-o", "name"))
    assert names[0].startswith("instance.fleet.updateservice.dev/app-machine-000-")
    path = "-o=jsonpath={.items[*].spec.instanceId}"
    assert fleet.kubectl("get", "instances", path).stdout.split() == MACHINES
    columns = "-o=custom-columns=ID:.spec.instanceId"
    assert lines(fleet.kubectl("get", "instances", columns, "--no-headers")) == MACHINES
    by_time = fleet.kubectl("get", "instances", "--sort-by=.spec.instanceId", "--no-headers")
    assert len(lines(by_time)) == 30


def test_yaml_of_one_says_everything(fleet):
    printed = fleet.kubectl("get", "instance", fleet.name_of("machine-001"), "-o", "yaml").stdout

    for part in (
        "kind: Instance",
        "alias: front door",
        "board: amd64-usr",
        "fleet.updateservice.dev/oem: qemu",
        "version: 1.1.0",
    ):
        assert part in printed


@pytest.mark.parametrize("size", [1, 7, 30, 500])
def test_chunks_of_any_size_are_the_whole_list(fleet, size):
    printed = lines(fleet.kubectl("get", "instances", f"--chunk-size={size}", "--no-headers"))

    assert [row.split()[0] for row in printed] == [item["metadata"]["name"] for item in fleet.instances()]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--field-selector=spec.group=app-fake1"], 30),
        (["--field-selector=spec.group=other"], 0),
        (["--field-selector=status.version=1.0.0"], 10),
        (["--field-selector=status.version!=1.0.0"], 20),
        (["--field-selector=status.state=Granted"], 10),
        (["-l", "fleet.updateservice.dev/oem=qemu"], 25),
        (["-l", "fleet.updateservice.dev/oem in (ami,gce)"], 5),
        (["-l", "!fleet.updateservice.dev/board"], 15),
        (["-l", "fleet.updateservice.dev/oem=qemu", "--field-selector=status.state=Idle"], 15),
        (["-l", "fleet.updateservice.dev/oem=ami", "--chunk-size=2"], 5),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_selectors_select(fleet, arguments, count):
    assert len(lines(fleet.kubectl("get", "instances", "--no-headers", *arguments))) == count


def test_a_selector_that_isnt_one_says_what_is(fleet):
    refused = fleet.kubectl("get", "instances", "--field-selector=spec.alias=x", check=False)

    assert refused.returncode != 0
    assert "spec.group" in refused.stderr


def test_describe_reads_well(fleet):
    described = fleet.kubectl("describe", "instance", fleet.name_of("machine-025")).stdout

    for part in (
        "Kind:         Instance",
        "Instance Id:",
        "Granted Time:",
        "State:",
        "fleet.updateservice.dev/oem=qemu",
    ):
        assert part in described


def test_explain_is_documentation(fleet):
    kind = fleet.kubectl("explain", "instances").stdout
    update = fleet.kubectl("explain", "instances.status.update").stdout
    counts = fleet.kubectl("explain", "ugp.status.instances.failed").stdout

    assert "KIND:       Instance" in kind
    assert "An instance that asks for updates." in kind
    assert "ObjectMeta" in kind
    for field in ("grantedTime", "deadline", "errorCode", "The latest update, absent before the first."):
        assert field in update
    assert "last attempt in this rollout failed" in counts
    assert "resourceVersion" in fleet.kubectl("explain", "instances.metadata").stdout


def test_api_resources_show_two_kinds_that_can_be_read(fleet):
    shown = lines(fleet.kubectl("api-resources", "--api-group=fleet.updateservice.dev", "-o", "wide", "--no-headers"))

    assert sorted(" ".join(line.split()) for line in shown) == [
        "groupprogresses ugp fleet.updateservice.dev/v1alpha1 true GroupProgress get,list,watch",
        "instances uinst fleet.updateservice.dev/v1alpha1 true Instance get,list,watch",
    ]


def test_the_categories_dont_print_a_fleet(fleet):
    assert "machine-001" not in fleet.kubectl("get", "updates").stdout
    assert "machine-001" not in fleet.kubectl("get", "all", check=False).stdout
    assert "app-fake1" in fleet.kubectl("get", "updates").stdout


def test_groups_have_their_progress(fleet):
    counts = ["app-fake1", "app", "fake1", "1.1.0", "1", "30", "20", "10", "0"]
    until(lambda: lines(fleet.kubectl("get", "ugp"))[-1].split()[:-1] == counts, "everybody has been counted")

    head = lines(fleet.kubectl("get", "groupprogresses"))[0]

    assert head.split() == [
        "NAME", "APP", "TRACK", "TARGET", "SEQUENCE", "WAVES", "HALTED", "ACTIVE", "ON-TARGET", "IN-PROGRESS", "FAILED", "AGE"
    ]  # fmt: skip


def test_raw_requests_are_answered_as_they_are(fleet):
    path = f"/apis/fleet.updateservice.dev/v1alpha1/namespaces/{fleet.name}/instances?limit=2"
    answer = fleet.kubectl("get", "--raw", path).stdout

    assert answer.startswith('{"kind":"InstanceList"')
    assert answer.count('"kind":"Instance"') == 2
    assert "instances/decision" in fleet.kubectl("get", "--raw", "/apis/fleet.updateservice.dev/v1alpha1").stdout


def test_an_action_is_created_on_an_instance(fleet):
    name = fleet.name_of("machine-029")
    path = f"/apis/fleet.updateservice.dev/v1alpha1/namespaces/{fleet.name}/instances/{name}/decision"

    assert '"kind":"InstanceDecision"' in fleet.kubectl("get", "--raw", path).stdout


def test_nobody_writes_an_instance(fleet):
    name = fleet.name_of("machine-001")
    for arguments in (
        ["delete", "instance", name, "--wait=false"],
        ["label", "instance", name, "a=b"],
        ["patch", "instance", name, "--type=merge", "-p", "{}"],
        ["delete", "instances", "--all", "--wait=false"],
    ):
        refused = fleet.kubectl(*arguments, check=False)
        assert refused.returncode != 0, arguments
        assert "isn't possible" in refused.stderr or "not support" in refused.stderr, refused.stderr


def test_a_viewer_looks_and_may_do_nothing(fleet):
    assert len(lines(fleet.kubectl("get", "instances", "--no-headers", role="viewer"))) == 30
    may = {
        (verb, resource): fleet.kubectl("auth", "can-i", verb, resource, role="viewer", check=False).stdout.strip()
        for verb, resource in (
            ("list", "instances"), ("watch", "groupprogresses"), ("reset", "instances"), ("create", "instances/reset"),
            ("delete", "instances"),
        )
    }  # fmt: skip
    assert list(may.values()) == ["yes", "yes", "no", "no", "no"]
    elsewhere = fleet.kubectl("get", "instances", "-A", role="viewer", check=False)
    assert elsewhere.returncode != 0
    assert "Forbidden" in elsewhere.stderr


def test_etcd_knows_no_instance(fleet, own_control_plane):
    files = [path for path in own_control_plane.layout.etcd_data.rglob("*") if path.is_file()]

    assert fleet.name_of("machine-001")
    assert any(b"app-fake1" in path.read_bytes() for path in files)
    assert not any(b"machine-001" in path.read_bytes() for path in files)
