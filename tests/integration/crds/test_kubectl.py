"""What a person meets with kubectl: the examples, lists, explanations, selections, and the manners of server-side apply."""

import json
import random
import re
import time
from pathlib import Path

import pytest
import yaml

from update_core.resources import crds

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"
PUBLISHED_WITHIN_SECONDS = 30.0
TRANSITION = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module", autouse=True)
def published(control_plane) -> None:
    """kubectl caches what kinds there are, and the API server publishes a new kind's documents a second or so after the kind itself."""
    deadline = time.monotonic() + PUBLISHED_WITHIN_SECONDS
    for manifest in crds.manifests():
        (short_name,) = manifest["spec"]["names"]["shortNames"]
        while (told := control_plane.kubectl("explain", f"{short_name}.spec", check=False)).returncode != 0:
            assert time.monotonic() < deadline, told.stderr
            control_plane.kubectl("api-resources", "--cached=false", check=False)


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("attempt", ["first", "second", "third"])
def test_the_examples_apply_in_any_order(attempt, kubectl):
    seed = random.randrange(10_000)
    documents = [
        document
        for path in sorted(EXAMPLES.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    random.Random(seed).shuffle(documents)
    print(f"shuffled with seed {seed}")  # noqa: T201 - pytest shows it beside a failure

    for document in documents:
        kubectl("apply", "-f", "-", input=yaml.safe_dump(document))

    assert {document["kind"] for document in documents} == {"Application", "Channel", "Group", "Package"}
    names = kubectl("get", "updates", "-o", "name").stdout.split()
    assert len(names) == len(documents)


def test_the_folder_of_examples_applies_as_a_whole_and_again_without_a_change(kubectl):
    kubectl("apply", "--server-side", "-f", str(EXAMPLES))
    second = kubectl("apply", "-f", str(EXAMPLES), "--server-side").stdout

    before = kubectl("get", "updates", "-o", "jsonpath={.items[*].metadata.resourceVersion}").stdout
    kubectl("apply", "--server-side", "-f", str(EXAMPLES))
    assert "serverside-applied" in second
    assert kubectl("get", "updates", "-o", "jsonpath={.items[*].metadata.resourceVersion}").stdout == before


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("uapp", "NAME APPID DISPLAY READY STATUS AGE"),
        ("uchan", "NAME APP CHANNEL VERSION GROUPS COMPLETE ROLLEDOUT READY AGE"),
        ("ugroup", "NAME APP CHANNEL TARGET PROGRESS READY STATUS AGE"),
        ("upkg", "NAME APP VERSION ARCH SIZE READY STATUS AGE"),
    ],
)
def test_lists_answer_how_it_is_going(resource, columns, kubectl):
    kubectl("apply", "-f", str(EXAMPLES))

    narrow, wide = kubectl("get", resource).stdout, kubectl("get", resource, "-o", "wide").stdout

    assert narrow.splitlines()[0].split() == columns.split()
    assert len(wide.splitlines()[0].split()) > len(columns.split())


def test_a_group_in_mid_rollout_is_one_readable_line(control_plane, kubectl, namespace):
    kubectl("apply", "-f", str(EXAMPLES / "groups.yaml"))
    write_group_status(control_plane, namespace, "operator", group_status())

    line = kubectl("get", "ugroup", "webapp-berlin", "--no-headers").stdout.split()

    assert line[:-1] == ["webapp-berlin", "webapp", "webapp-stable", "1.2.0", "3/10", "True", "RollingOut"]


@pytest.mark.parametrize("manifest", crds.manifests(), ids=lambda manifest: manifest["spec"]["names"]["kind"])
def test_explain_tells_what_each_field_means(manifest, kubectl):
    short_name = manifest["spec"]["names"]["shortNames"][0]
    properties = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        told = squeezed(kubectl("explain", f"{short_name}.{part}").stdout)
        for field, schema in properties[part]["properties"].items():
            assert f"{field} <" in told
            assert schema["description"] in told


def test_explain_of_a_nested_field_tells_its_parts(kubectl):
    told = squeezed(kubectl("explain", "ugroup.spec.rateLimit").stdout)

    assert "How fast updates are given out" in told
    assert "maxUpdates <integer> -required- How many instances may be given an update" in told
    assert "periodSeconds <integer> -required- Length of the interval in seconds" in told


def test_explain_tells_the_words_of_the_protocol(kubectl):
    told = squeezed(kubectl("explain", "upkg.spec.postinstall").stdout)
    listed = squeezed(kubectl("explain", "upkg.spec.extraFiles").stdout)

    assert "maxFailureCountPerURL <integer>" in told
    assert "DisablePayloadBackoff" in told
    assert "name <string> -required- Its plain file name" in listed
    assert "ENUM: amd64 arm64" in squeezed(kubectl("explain", "upkg.spec.arch").stdout)


@pytest.mark.parametrize(
    ("resource", "selector", "expected"),
    [
        ("uapp", "spec.appId=5d3c1a6e-7e0e-4c54-9f0b-6f1d2b8a4c11", ["webapp"]),
        ("uchan", "spec.applicationRef.name=webapp,spec.name=beta", ["webapp-beta"]),
        ("ugroup", "spec.channelRef.name=webapp-stable", ["webapp-berlin", "webapp-field", "webapp-kiosks"]),
        ("ugroup", "spec.applicationRef.name=webapp,spec.track=testers", ["webapp-testers"]),
        ("upkg", "spec.applicationRef.name=webapp,spec.version=1.2.1", ["webapp-1.2.1"]),
        ("upkg", "spec.version=1.2.2", ["webapp-1.2.2-arm64", "webapp-1.2.2-i386"]),
        ("upkg", "spec.version=1.2.2,spec.arch=arm64", ["webapp-1.2.2-arm64"]),
        ("upkg", "spec.version=1.2.1,spec.arch=", ["webapp-1.2.1"]),
        ("upkg", "spec.applicationRef.name=other", []),
    ],
)
def test_objects_are_found_by_what_people_know_of_them(resource, selector, expected, kubectl):
    kubectl("apply", "-f", str(EXAMPLES))

    found = kubectl("get", resource, f"--field-selector={selector}", "-o", "jsonpath={.items[*].metadata.name}").stdout

    assert found.split() == expected


@pytest.mark.parametrize("resource", ["uapp", "uchan", "ugroup", "upkg"])
def test_a_new_object_says_that_nobody_has_reconciled_it(resource, kubectl):
    kubectl("apply", "-f", str(EXAMPLES))

    (item, *_) = json.loads(kubectl("get", resource, "-o", "json").stdout)["items"]

    assert item["status"] == {"observedGeneration": -1}
    assert item["metadata"]["generation"] == 1


def test_a_status_write_leaves_the_generation_and_the_spec_alone(control_plane, kubectl, namespace):
    kubectl("apply", "-f", str(EXAMPLES / "groups.yaml"))
    status = write_group_status(control_plane, namespace, "operator", group_status())

    assert status["metadata"]["generation"] == 1
    assert status["spec"]["maxInFlight"] == 10
    assert status["status"]["observedGeneration"] == 1


def test_conditions_of_two_appliers_live_side_by_side(control_plane, kubectl, namespace):
    kubectl("apply", "-f", str(EXAMPLES / "groups.yaml"))
    write_group_status(control_plane, namespace, "operator", group_status())
    other = {"conditions": [condition("Approved", "True", "Signed")]}
    group = write_group_status(control_plane, namespace, "approver", other)

    assert [entry["type"] for entry in group["status"]["conditions"]] == ["Ready", "Progressing", "Approved"]
    assert group["status"]["progress"] == "3/10"


def test_a_field_of_another_applier_is_not_taken_over_silently(kubectl):
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", str(EXAMPLES / "groups.yaml"))
    mine = yaml.safe_dump(
        {
            "apiVersion": "updateservice.dev/v1alpha1",
            "kind": "Group",
            "metadata": {"name": "webapp-berlin"},
            "spec": {"rateLimit": {"maxUpdates": 5}},
        }
    )

    refused = kubectl("apply", "--server-side", "--field-manager=updatectl", "-f", "-", input=mine, check=False)

    assert refused.returncode != 0
    assert re.search(r'conflict with "flux".*\.spec\.rateLimit\.maxUpdates', squeezed(refused.stderr))


def test_bounds_are_refused_with_the_field_named(kubectl):
    group = yaml.safe_load((EXAMPLES / "groups.yaml").read_text(encoding="utf-8").split("---")[0])
    group["spec"]["rateLimit"] = {"maxUpdates": 0, "periodSeconds": 60}

    refused = kubectl("apply", "-f", "-", input=yaml.safe_dump(group), check=False)

    assert "spec.rateLimit.maxUpdates" in refused.stderr
    assert "greater than or equal to 1" in refused.stderr


def condition(type_: str, status: str, reason: str) -> dict[str, object]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "observedGeneration": 1,
        "lastTransitionTime": TRANSITION,
        "message": "",
    }


def group_status() -> dict[str, object]:
    package = {"name": "webapp-1.2.0", "uid": "2f9c5f0c-5d1c-4a77-9d0a-1d9f27e7d0f1", "sha256": "b6" * 32}
    return {
        "observedGeneration": 1,
        "conditions": [condition("Ready", "True", "Reconciled"), condition("Progressing", "True", "RollingOut")],
        "target": {"version": "1.2.0", "packages": [package]},
        "rollout": {"sequence": 7, "version": "1.2.0", "kind": "Update", "salt": "3q2-7w", "startedTime": TRANSITION},
        "instances": {"total": 12, "active": 10, "onTarget": 3, "inProgress": 2, "failed": 0},
        "progress": "3/10",
    }


def write_group_status(control_plane, namespace, manager, status):
    """The Group webapp-berlin after a server-side apply of its status."""
    body = {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "webapp-berlin", "namespace": namespace},
        "status": status,
    }
    done = control_plane.kubectl(
        *("apply", "--server-side", "--subresource=status", f"--field-manager={manager}", "-o", "json", "-f", "-"),
        namespace=namespace,
        input=json.dumps(body),
    )
    return json.loads(done.stdout)
