"""What `kubectl get` prints of the fleet."""

from dataclasses import replace
from datetime import timedelta

import pytest

from omaha_api.fleet_api import ages, kinds, objects, tables
from omaha_api.fleet_api.negotiation import Negotiated
from support.fleet_values import APP_ID, NOW, TRACK, grant
from update_core import names
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import GrantState
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.fleet.reading import InstanceRow, Placement, ProgressRow
from update_core.fleet.store import InstanceRecord
from update_core.rollout.advance import WaveCounts
from update_core.rollout.plan import Course, HaltReason, Latch
from update_core.rollout.waves import Linear, Opened

PLACEMENT = Placement(APP_ID, "team", "app", {TRACK: "app-stable"})
SLUG = names.instance_slug(APP_ID, "m1")
RECORD = InstanceRecord(APP_ID, "m1", TRACK, "1.0.0", NOW, NOW, "Paused", Attributes(oem="qemu"), "front door")
INSTANCE = objects.instance(InstanceRow(RECORD, SLUG, 7, "Failed", grant(GrantState.FAILED)), PLACEMENT, epoch=0)
COUNTED = GroupProgress(APP_ID, TRACK, RolloutRecord(2, "1.1.0", "salt", NOW), 9, 8, 7, 6, 5, 4)
PROGRESS = objects.progress(ProgressRow(COUNTED, 7, NOW), PLACEMENT, epoch=0)
ROWS = Negotiated("Table")


def test_an_instances_row_says_what_it_runs_and_how_it_goes():
    shown = tables.transform(kinds.INSTANCES, INSTANCE, ROWS, NOW)

    assert cells(shown, 0) == {
        "Name": names.instance("app", SLUG), "App": "app", "Group": "app-stable", "Version": "1.0.0", "State": "Failed",
        "Last-Seen": "0s", "Age": "0s",
    }  # fmt: skip
    assert cells(shown, 1) == {
        "Instance-ID": "m1",
        "Update": "1.1.0",
        "Refusal": "Paused",
        "Alias": "front door",
        "OEM": "qemu",
    }


def test_a_groups_row_says_where_it_moves_and_how_far_it_is():
    shown = tables.transform(kinds.GROUPPROGRESSES, PROGRESS, ROWS, NOW)

    assert cells(shown, 0) == {
        "Name": "app-stable", "App": "app", "Track": "stable", "Target": "1.1.0", "Sequence": 2, "Waves": "", "Halted": "",
        "Active": 8, "On-Target": 7, "In-Progress": 6, "Failed": 4, "Age": "0s",
    }  # fmt: skip


LATCH = Latch(2, 0, NOW, HaltReason.CONSECUTIVE_FAILURES, "the last 3 failed")
TWO = {"canary": WaveCounts(), "everybody": WaveCounts()}


@pytest.mark.parametrize(
    ("course", "latch", "waves", "shown"),
    [
        pytest.param(Course(opened=()), None, TWO, ("0/2", ""), id="none is open"),
        pytest.param(Course(opened=(Opened("canary", NOW, ppm=1),)), None, TWO, ("1/2", ""), id="one of two"),
        pytest.param(
            Course(opened=(Opened("left", NOW, ppm=1),)), None, TWO, ("1/3", ""), id="one that was planned before"
        ),
        pytest.param(Course(linear=Linear(0, 3600)), None, {}, ("25%", ""), id="linear"),
        pytest.param(Course(opened=()), LATCH, {}, ("0/0", "ConsecutiveFailures"), id="halted a moment ago"),
        pytest.param(Course(opened=(), halted=LATCH), LATCH, {}, ("0/0", "ConsecutiveFailures"), id="halted"),
        pytest.param(Course(opened=(), epoch=1), LATCH, {}, ("0/0", ""), id="resumed"),
    ],
)
def test_a_groups_row_says_which_waves_are_open_and_what_halted_it(course, latch, waves, shown):
    rollout = replace(COUNTED.rollout, course=course)
    counted = replace(COUNTED, rollout=rollout, latch=latch, waves=waves)
    progress = objects.progress(ProgressRow(counted, 7, NOW), PLACEMENT, epoch=0)

    row = cells(tables.transform(kinds.GROUPPROGRESSES, progress, ROWS, NOW + timedelta(seconds=900)), 0)

    assert (row["Waves"], row["Halted"]) == shown


@pytest.mark.parametrize(
    ("include", "kind"),
    [("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "Instance")],
    ids=["none", "metadata", "object"],
)
def test_rows_carry_what_was_asked_for(include, kind):
    (row,) = tables.transform(kinds.INSTANCES, INSTANCE, Negotiated("Table", include), NOW)["rows"]

    assert row.get("object", {}).get("kind") == kind


def test_a_watch_names_its_columns_once():
    shown = tables.transform(kinds.INSTANCES, INSTANCE, ROWS, NOW, columns=False)

    assert shown["columnDefinitions"] == []
    assert shown["metadata"]["resourceVersion"] == INSTANCE["metadata"]["resourceVersion"]


# What k8s.io/apimachinery/pkg/util/duration writes.
@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"), (10_800, "3h"),
        (10_860, "3h1m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (176_400, "2d1h"), (691_200, "8d"), (694_800, "8d"),
        (63_071_999, "729d"), (63_072_000, "2y"), (63_158_400, "2y1d"), (252_288_000, "8y"),
    ],
)  # fmt: skip
def test_ages_are_written_as_kubectl_writes_them(seconds, text):
    assert ages.duration(seconds) == text


def cells(table, priority):
    (row,) = table["rows"]
    named = zip(table["columnDefinitions"], row["cells"], strict=True)
    return {column["name"]: cell for column, cell in named if column["priority"] == priority}
