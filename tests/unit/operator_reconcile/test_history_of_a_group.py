"""What is kept of the rollouts before, who made them, and how small the status stays."""

import json
from datetime import timedelta

import pytest

from support import kinds
from support.group_lives import Life
from update_core.resources.group import GroupStatus
from update_core.resources.rollout_status import MAX_HISTORY
from update_operator.reconcile import history, sizes


def test_a_rollout_that_is_completed_is_in_the_history_once():
    life = Life()
    life.surroundings["changed_by"] = "updatectl"
    life.complete("1.0.0")
    life.promote("2.0.0")

    (entry,) = life.status.history
    assert (entry.sequence, entry.version, entry.outcome, entry.changed_by) == (1, "1.0.0", "Promoted", "updatectl")
    assert (entry.started_time, entry.ended_time) == (kinds.later(1), kinds.later(2))
    assert (entry.on_target, entry.failed) == (4, 0)


def test_each_rollout_keeps_who_began_it():
    life = Life()
    life.surroundings["changed_by"] = "updatectl"
    life.promote("1.0.0")
    life.surroundings["changed_by"] = "argocd"
    life.promote("2.0.0")
    life.promote("3.0.0")

    assert [entry.changed_by for entry in life.status.history] == ["argocd", "updatectl"]


def test_counts_of_another_rollout_are_none_of_one_that_ends():
    life = Life()
    life.promote("1.0.0")
    life.count(total=5, active=5, on_target=3, failed=1)
    life.look(1)
    life.promote("2.0.0")
    life.promote("3.0.0")

    assert [(entry.version, entry.on_target, entry.failed) for entry in life.status.history] == [
        ("2.0.0", 0, 0),
        ("1.0.0", 3, 1),
    ]


def test_the_history_is_bounded_and_keeps_what_may_be_moved_back_to():
    life = Life()
    life.complete("1.0.0")
    life.complete("1.1.0")
    for number in range(30):
        life.promote(f"2.0.{number}")

    assert len(life.status.history) == MAX_HISTORY
    assert life.history[0] == (31, "2.0.28", "Superseded")
    assert life.history[-2:] == [(2, "1.1.0", "Promoted"), (1, "1.0.0", "Promoted")]


def test_trimming_takes_the_oldest_that_nobody_needs():
    life = Life()
    life.complete("1.0.0")
    for number in range(5):
        life.promote(f"2.0.{number}")

    assert [entry.sequence for entry in history.trimmed(life.status.history, 3)] == [5, 4, 1]


def test_what_a_resume_may_name_is_never_trimmed():
    life = Life(versionPolicy={"allowDowngrade": True})
    life.complete("1.0.0")
    life.promote("1.5.0", rollout={})
    life.promote("2.0.0", rollout={"onHalt": "Rollback"})
    life.fail()

    assert [entry.sequence for entry in history.trimmed(life.status.history, 0)] == [3, 1]


REQUIREMENT = {"attribute": "board", "values": ["v" * 110, "w" * 90]}


def largest():
    """A Group with the longest of everything that a person may write."""
    waves = [
        {"name": f"w{number:02}" + "a" * 60, "percent": f"{number}.0001", "match": [REQUIREMENT], "settlePercent": 0}
        for number in range(15)
    ]
    depends_on = [{"groupRef": {"name": f"{number}" + "g" * 252}} for number in range(8)]
    return Life(rollout={"waves": waves, "dependsOn": depends_on, "salt": "s" * 64})


def test_the_longest_status_is_still_small():
    life = largest()
    life.surroundings["changed_by"] = "m" * 128
    for number in range(30):
        life.promote(f"{2**31 - 40 + number}.{2**31 - 1}.{2**31 - 1}.{2**31 - 1}")
    life.spec["rollout"]["dependsOn"] = []
    life.promote("1.0.0")
    life.count(total=9, active=9)
    life.look(1)
    life.look(1, paused=True)

    assert len(life.open) == 16
    wire = life.status.to_wire()
    assert len(json.dumps(wire, ensure_ascii=False).encode()) <= sizes.MAX_BYTES
    assert GroupStatus.model_validate(wire) == life.status


def test_a_match_that_no_status_holds_is_refused():
    values = [f"{number}" + "v" * 120 for number in range(40)]
    life = Life(rollout={"waves": [{"name": "one", "percent": 1, "match": [{"attribute": "oem", "values": values}]}]})

    life.look()

    assert life.conditions["Ready"] == "False InvalidSpec"
    assert "Match by fewer values" in life.message("Ready")


def test_waves_that_are_renamed_again_and_again_never_outgrow_the_status():
    life = Life()
    life.look()
    life.count(total=9, active=9)
    for turn in range(5):
        waves = [{"name": f"t{turn}-{number}", "percent": number, "settlePercent": 0} for number in range(15)]
        last = {"name": "everybody", "percent": 100, "approval": "Required"}
        life.promote("2.0.0", rollout={"waves": [*waves, last]})
        life.count(total=9, active=9)
        life.look(1)

    assert len(life.open) == 17
    assert life.open[-1] == "t4-14"
    assert GroupStatus.model_validate(life.status.to_wire()) == life.status


LINEAR = {"linear": {"startPercent": 10, "durationSeconds": 36000}}


def test_a_growing_share_is_shown_in_a_hundred_steps_at_most():
    life = Life(rollout=LINEAR)
    life.look()
    shown = [life.rollout.linear.percent]
    for _ in range(610):
        life.look(60)
        shown.append(life.rollout.linear.percent)

    assert shown[0] == "10"
    assert shown[-1] == "100"
    assert len(set(shown)) == 101
    assert life.again_at is None


def test_a_short_one_is_refreshed_every_few_seconds_and_at_its_end():
    life = Life(rollout={"linear": {"durationSeconds": 12}})
    life.look()

    seen = [(life.rollout.linear.percent, life.again_at)]
    for _ in range(3):
        life.now = life.again_at
        life.look()
        seen.append((life.rollout.linear.percent, life.again_at))
    assert seen == [
        ("0", kinds.later(5)),
        ("41.6666", kinds.later(10)),
        ("83.3333", kinds.later(12)),
        ("100", None),
    ]


def test_a_growing_share_stands_still_while_the_group_is_paused():
    life = Life(rollout={"linear": {"durationSeconds": 100}})
    life.look()
    life.look(50, paused=True)
    assert (life.rollout.linear.percent, life.again_at) == ("50", None)

    life.look(1000)
    assert life.rollout.linear.percent == "50"
    life.look(0, paused=False)
    assert life.again_at == life.now + timedelta(seconds=5)
    life.look(25)
    assert life.rollout.linear.percent == "75"


@pytest.mark.parametrize("on_target", [10, 9])
def test_a_growing_share_is_complete_only_at_its_end(on_target):
    life = Life(rollout={"linear": {"durationSeconds": 100}})
    life.look()
    life.count(total=10, active=10, on_target=on_target)

    assert life.look(99).rollout.completed_time is None
    assert (life.look(1).rollout.completed_time is not None) is (on_target == 10)
