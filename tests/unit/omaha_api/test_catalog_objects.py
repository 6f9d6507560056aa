"""Resources become a catalog piece by piece, in any order, and only what can change a decision changes it."""

import copy
import itertools

import pytest

from omaha_api.catalog import catalog_objects, snapshot
from support import omaha_fleet as fleet

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
BASE = "http://packages.test/"


def objects_of(resources):
    return catalog_objects.load(resources, package_base_url=BASE)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_resources_resolve_in_any_order(order):
    resources = fleet.fleet(APP)
    one_by_one = objects_of([])
    for index in order:
        one_by_one.put(resources[index])
        built = one_by_one.build()

    group = built.group(APP, "fake1")
    assert (group.stamp.version, group.payloads[0].codebase) == ("1.1.0", BASE)
    assert built == objects_of(resources).build()


def test_counts_messages_and_metadata_are_no_change():
    resources = fleet.fleet(APP)
    objects = objects_of(resources)
    objects.build()
    noisy = copy.deepcopy(resources[3])
    noisy["metadata"] |= {"resourceVersion": "7", "generation": 3, "labels": {"a": "b"}, "managedFields": [{}]}
    noisy["status"] |= {"instances": {"total": 5}, "progress": "0/5", "conditions": [_ready("True", "Reconciled")]}

    assert not objects.put(noisy)
    assert not objects.dirty


LINEAR = {"linear": {"startThreshold": 0, "durationSeconds": 3600, "percent": "1.2"}}


def test_the_share_that_is_shown_of_a_linear_rollout_is_no_change():
    objects = objects_of(fleet.fleet(APP, course=LINEAR))
    objects.build()

    later = {"linear": LINEAR["linear"] | {"percent": "1.3"}}
    assert not objects.put(fleet.fleet(APP, course=later)[-1])


HALTED = {"time": fleet.STARTED, "reason": "FailurePercent", "message": "3 of 10 failed"}


@pytest.mark.parametrize(
    "course",
    [
        pytest.param({"open": [fleet.wave("canary", percent=1), fleet.wave("rest", percent=100)]}, id="a wave opens"),
        pytest.param({"epoch": 1}, id="resumed"),
        pytest.param({"halted": HALTED}, id="halted"),
        pytest.param({"stoppedSeconds": 60}, id="it stood still"),
        pytest.param({"dependenciesMetTime": fleet.STARTED}, id="others went first"),
    ],
)
def test_how_far_a_rollout_is_is_a_change(course):
    begun = {"open": [fleet.wave("canary", percent=1)]}
    objects = objects_of(fleet.fleet(APP, course=begun))
    before = objects.build().group(APP, "fake1")

    assert objects.put(fleet.fleet(APP, course=begun | course)[-1])
    assert objects.build().group(APP, "fake1").course != before.course


def test_a_change_resolves_its_own_application_and_no_other():
    other = "other.app"
    others = [fleet.application(other, name="other"), fleet.channel("1.0.0", name="o-master", app="other")]
    objects = objects_of([*fleet.fleet(APP), *others])
    before = objects.build()

    objects.put(fleet.channel("1.2.0"))
    after = objects.build()

    assert after.applications[other] is before.applications[other]
    assert after.group(APP, "fake1").stamp is None
    assert before.group(APP, "fake1").stamp is not None


@pytest.mark.parametrize("kind", ["Application", "Channel", "Group", "Package"])
def test_a_deleted_resource_leaves_nothing_behind(kind):
    resources = fleet.fleet(APP)
    objects = objects_of(resources)
    objects.build()

    assert objects.remove(kind, _key(resources, kind))
    assert not objects.remove(kind, _key(resources, kind))

    rest = [obj for obj in resources if obj["kind"] != kind]
    assert objects.build() == objects_of(rest).build()
    assert len(objects.trimmed()) == 3


def test_an_object_that_breaks_its_schema_leaves_the_last_good_one_served(caplog):
    objects = objects_of(fleet.fleet(APP))
    before = objects.build()
    broken = fleet.channel("not a version")

    assert not objects.put(broken)

    assert objects.build() == before
    assert "Channel default/app-master doesn't satisfy its schema" in caplog.text


def test_of_two_namespaces_with_one_appid_the_one_that_lost_the_claim_answers_nothing():
    lost = fleet.application(APP, name="app") | {"status": {"conditions": [_ready("False", "AppIdConflict")]}}
    won = copy.deepcopy(fleet.application(APP, name="app")) | {"status": {"conditions": [_ready("True", "Reconciled")]}}
    won["metadata"]["namespace"] = "second"

    assert objects_of([lost, won]).build().applications[APP].namespace == "second"
    assert objects_of([lost]).build().applications == {}


def test_a_snapshot_gives_the_same_catalog_back(tmp_path):
    objects = objects_of(fleet.fleet(APP))
    snapshot.save(tmp_path / "catalog.json", objects.trimmed())

    loaded = snapshot.load(tmp_path / "catalog.json")

    assert objects_of(loaded).build() == objects.build()
    assert [file.name for file in tmp_path.iterdir()] == ["catalog.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": "other"}',
        b'{"format": "update-service catalog 1", "objects": [1]}',
        b"\xff",
    ],
    ids=["empty", "cut", "list", "null", "foreign", "no objects", "not text"],
)
def test_a_file_that_is_no_snapshot_is_said_and_left_aside(tmp_path, caplog, content):
    file = tmp_path / "catalog.json"
    file.write_bytes(content)

    assert snapshot.load(file) is None
    assert str(file) in caplog.text


def test_a_missing_snapshot_is_the_normal_first_start(tmp_path, caplog):
    assert snapshot.load(tmp_path / "catalog.json") is None
    assert caplog.text == ""


def test_a_snapshot_that_cannot_be_written_leaves_the_earlier_one(tmp_path):
    file = tmp_path / "catalog.json"
    snapshot.save(file, [])
    (tmp_path / ".catalog.json.new").mkdir()

    with pytest.raises(snapshot.SnapshotError, match="can't be written"):
        snapshot.save(file, fleet.fleet(APP))
    assert snapshot.load(file) == []


def _ready(status, reason):
    return {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": "2026-01-01T00:00:00Z"}


def _key(resources, kind):
    (metadata,) = [obj["metadata"] for obj in resources if obj["kind"] == kind]
    return (metadata["namespace"], metadata["name"])
