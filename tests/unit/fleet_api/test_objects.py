"""The objects that are made by hand are those that the models describe, field for field."""

from dataclasses import replace
from datetime import timedelta

import pytest

from omaha_api.fleet_api import objects
from support.fleet_values import APP_ID, NOW, TRACK, grant
from update_core import courses, names
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import GrantState
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.fleet.reading import InstanceRow, Placement, ProgressRow
from update_core.fleet.store import InstanceRecord
from update_core.resources.fleet.instance import Instance
from update_core.resources.fleet.progress import GroupProgress as GroupProgressResource
from update_core.rollout.advance import WaveCounts
from update_core.rollout.model import Attempts
from update_core.rollout.plan import Course, HaltReason, Latch
from update_core.rollout.waves import Linear, Opened, Requirement

PLACEMENT = Placement(APP_ID, "team", "app", {TRACK: "app-stable"})
ATTRIBUTES = Attributes(oem="qemu", board="amd64 usr!", arch="x86_64", lang="en-US")
RECORD = InstanceRecord(
    APP_ID, "{Machine-1}", TRACK, "1.0.0", NOW, NOW + timedelta(seconds=5.7), "Paused", ATTRIBUTES, "front door"
)
ROW = InstanceRow(RECORD, names.instance_slug(APP_ID, "{Machine-1}"), revision=7)

ROWS = {
    "idle": ROW,
    "in flight": replace(ROW, state="Downloading", grant=grant(GrantState.DOWNLOADING)),
    "failed": replace(ROW, state="Failed", grant=grant(GrantState.FAILED, error_code=37, detail="RolledBack")),
    "let in by a wave, and failed twice": replace(
        ROW,
        record=replace(RECORD, attempts=(Attempts("1.1.0", 2, NOW, 1, 0), Attempts("1.0.9", 5, NOW, 1, 0))),
        state="Failed",
        grant=grant(GrantState.FAILED, wave="canary"),
    ),
    "says nothing of itself": replace(ROW, record=replace(RECORD, attributes=Attributes(), alias="", last_refusal="")),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_an_instance_is_what_its_model_says(row):
    made = objects.instance(row, PLACEMENT, epoch=3)
    parsed = Instance.parse(made)

    for part in ("spec", "status"):
        assert without_empty(made[part]) == without_empty(parsed.to_wire()[part]), part
    assert (made["apiVersion"], made["kind"]) == ("fleet.updateservice.dev/v1alpha1", "Instance")


def test_an_instance_is_identified_by_what_it_sends():
    metadata = objects.instance(ROW, PLACEMENT, epoch=3)["metadata"]

    assert metadata["name"] == names.instance("app", ROW.slug)
    assert metadata["uid"] == names.instance_uid(APP_ID, "{Machine-1}")
    assert metadata["resourceVersion"] == str((3 << 40) + 7)
    assert metadata["creationTimestamp"] == "2026-03-01T12:00:00Z"
    assert metadata["labels"]["fleet.updateservice.dev/board"] == "amd64-usr"


def test_only_an_update_in_flight_has_a_deadline():
    ended = objects.instance(ROWS["failed"], PLACEMENT, epoch=0)["status"]["update"]
    running = objects.instance(ROWS["in flight"], PLACEMENT, epoch=0)["status"]["update"]

    assert "deadline" not in ended
    assert "deadline" in running


def test_an_update_says_how_often_its_version_failed_and_which_wave_let_it_in():
    update = objects.instance(ROWS["let in by a wave, and failed twice"], PLACEMENT, epoch=0)["status"]["update"]

    assert (update["wave"], update["failures"]) == ("canary", 2)


LATCH = Latch(2, 1, NOW, HaltReason.FAILURE_PERCENT, "3 of 10 failed", "canary", ((44, 2), (37, 1)))
MATCH = (Requirement("oem", frozenset({"qemu", "ec2"}), negated=True),)
COURSES = {
    "waves": Course(
        opened=(
            Opened("canary", NOW, instances=5, expected=5, settled_at=NOW, settled_after_stopped_seconds=7),
            Opened("some", NOW, ppm=50_000, match=MATCH),
        ),
        epoch=1,
        halted=LATCH,
        stopped_seconds=7,
        stopped_since=NOW,
        dependencies_met_at=NOW,
    ),
    "none open": Course(opened=(), soaking=(("app-first", NOW),)),
    "linear": Course(linear=Linear(10_000, 3600)),
}


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_a_rollout_can_be_made_again_from_its_progress(course):
    record = RolloutRecord(2, "1.0.0", "salt", NOW, "Rollback", from_version="1.1.0", course=course)
    waves = {"canary": WaveCounts(5, 3, 1, 0), "some": WaveCounts(waiting=90, ahead=4)}
    progress = GroupProgress(APP_ID, TRACK, record, active=9, finished=3, waves=waves, latch=LATCH, settled=False)

    status = GroupProgressResource.parse(made_of(progress)).status

    assert status.rollout is not None
    assert courses.read(status.rollout) == course
    assert (status.rollout.kind, status.rollout.from_version, status.rollout.salt) == ("Rollback", "1.1.0", "salt")
    assert {
        wave.name: (wave.granted, wave.succeeded, wave.failed, wave.waiting, wave.ahead) for wave in status.waves
    } == {
        "canary": (5, 3, 1, 0, None),
        "some": (0, 0, 0, 90, 4),
    }
    assert status.latch is not None
    assert (status.latch.sequence, status.latch.epoch, status.latch.reason) == (2, 1, "FailurePercent")
    assert [(error.code, error.count) for error in status.latch.errors] == [(44, 2), (37, 1)]
    assert (status.instances.finished, status.settled) == (3, False)


def made_of(progress):
    made = objects.progress(ProgressRow(progress, 5, NOW), PLACEMENT, epoch=1)
    assert made is not None
    return made


@pytest.mark.parametrize(
    "rollout",
    [
        None,
        RolloutRecord(1, "1.1.0", "salt", NOW),
        RolloutRecord(2, "1.0.0", "salt", NOW, "Rollback", NOW + timedelta(hours=1)),
    ],
    ids=["before the first rollout", "rolling out", "complete"],
)
def test_a_groups_progress_is_what_its_model_says(rollout):
    progress = GroupProgress(APP_ID, TRACK, rollout, 9, 8, 7, 6, 5, 4, 3)
    made = objects.progress(ProgressRow(progress, 5, NOW), PLACEMENT, epoch=1)
    parsed = GroupProgressResource.parse(made)

    assert made["metadata"]["name"] == "app-stable"
    for part in ("spec", "status"):
        assert made[part] == parsed.to_wire()[part], part
    assert list(made["status"]["instances"].values()) == [9, 8, 7, 6, 4, 5, 3]


def test_a_track_that_no_group_ever_had_has_no_progress_to_show():
    row = ProgressRow(GroupProgress(APP_ID, "other", total=1), 5, NOW)

    assert objects.progress(row, PLACEMENT, epoch=1) is None


def without_empty(value):
    if not isinstance(value, dict):
        return value
    cleaned = {key: without_empty(inner) for key, inner in value.items()}
    return {key: inner for key, inner in cleaned.items() if inner not in ("", {})}
