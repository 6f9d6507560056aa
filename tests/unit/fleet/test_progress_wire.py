"""A progress report survives the way to the operator, and what isn't one is refused."""

from datetime import UTC, datetime

import pytest

from update_core.fleet import progress
from update_core.fleet.progress import GroupProgress, ProgressReport, RolloutRecord

STARTED = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ROLLOUT = RolloutRecord(3, "1.1.0", "salt", STARTED, "Rollback", completed_at=STARTED)
WHOLE = ProgressReport(
    "e1",
    7,
    full=True,
    groups=(
        GroupProgress("app", "stable", ROLLOUT, 10, 9, 3, 2, 1, 1),
        GroupProgress("app", "beta", RolloutRecord(1, "1.0.0", "s", STARTED)),
        GroupProgress("app", "none"),
    ),
)


def test_report_reads_back_as_it_was():
    assert progress.from_wire(progress.to_wire(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param({}, id="empty"),
        pytest.param(progress.to_wire(WHOLE) | {"groups": None}, id="no groups"),
        pytest.param(progress.to_wire(WHOLE) | {"groups": [{"app_id": "app"}]}, id="half a group"),
        pytest.param(progress.to_wire(WHOLE) | {"revision": "soon"}, id="revision is no number"),
    ],
)
def test_anything_else_is_refused(wire):
    with pytest.raises(ValueError, match="not a progress report"):
        progress.from_wire(wire)


def test_only_groups_that_differ_are_changed():
    earlier = (GroupProgress("app", "a", total=1), GroupProgress("app", "b", total=1))
    later = (GroupProgress("app", "a", total=1), GroupProgress("app", "b", total=2), GroupProgress("app", "c"))

    assert progress.changed(earlier, later) == [later[1], later[2]]
