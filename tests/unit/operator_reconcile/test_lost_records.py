"""A status is lost, the store is, or both: what goes on, what begins, and what never narrows or widens by it."""

import dataclasses

import pytest

from support import kinds
from support.group_lives import Life, latched, mirrored
from update_core.fleet.progress import GroupProgress
from update_core.resources.group import GroupStatus
from update_operator.reconcile.dependencies import Depended
from update_operator.reconcile.outcome import Severity

WAVES = {
    "waves": [
        {"name": "few", "instances": 5, "settlePercent": 50},
        {"name": "canary", "percent": 10, "bakeSeconds": 60},
        {"name": "everybody", "percent": 100},
    ]
}
LOST = GroupStatus()
FAR_ENOUGH = {
    "observedGeneration": 1,
    "conditions": kinds.conditions(("Ready", "True", "R"), ("FleetReported", "True", "F")),
    "target": {"version": "7.0.0", "packages": [{"name": "p", "uid": "u", "sha256": "a" * 64}]},
    "rollout": {"sequence": 1, "version": "7.0.0", "salt": "s", "startedTime": kinds.BIRTH.isoformat()},
    "instances": {"active": 1, "onTarget": 1},
}


def begun(*waves, **counts):
    """A rollout of whose waves the first two are open, ten instances being expected in the second."""
    life = Life(rollout=WAVES)
    life.look()
    life.count(waves={"few": (5, 5, 0), "canary": (100, 0, 0)}, total=105, active=105)
    life.look(1)
    life.look(1)
    assert life.open == ["few", "canary"]
    assert life.rollout.open[1].expected == 10
    return life


def lost(life, after=1, **progress):
    """The same, after its status was lost; the store's row is as it was stamped last."""
    life.count(**progress)
    before = life.rollout
    life.status = LOST
    life.look(after)
    return before


def test_a_lost_status_goes_on_with_the_waves_that_were_open():
    life = begun()
    before = lost(life, waves={"few": (0, 2, 0), "canary": (9, 1, 0)}, total=105, active=105)

    assert life.open == ["few", "canary"]
    assert (life.rollout.sequence, life.rollout.salt, life.rollout.started_time) == (
        2,
        before.salt,
        before.started_time,
    )
    assert life.reasons == ["RolloutStarted"]
    assert life.told[0].note == "Rollout 2 to 1.0.0 goes on where rollout 1 was."


def test_a_wave_of_so_many_instances_has_room_for_the_rest_only():
    life = begun()

    lost(life, waves={"few": (3, 2, 0)}, total=105, active=105)
    assert life.rollout.open[0].cap == 3
    lost(life, waves={"few": (0, 3, 0)}, total=105, active=105)
    assert (life.rollout.open[0].cap, life.rollout.open[0].threshold) == (None, 0)


def test_outcomes_before_the_loss_are_not_waited_for_again():
    life = begun()
    lost(life, waves={"canary": (3, 6, 1)}, total=105, active=105)
    assert life.rollout.open[1].expected == 3

    life.count(waves={"canary": (0, 3, 0)}, total=105, active=105)
    life.look(1)
    assert life.rollout.open[1].settled_time is not None


def test_a_wave_that_had_settled_unseen_bakes_from_now_on():
    life = begun()

    lost(life, after=500, waves={"canary": (0, 10, 0)}, total=105, active=105)

    assert life.rollout.open[1].settled_time == kinds.later(502)


def test_a_bake_that_had_begun_goes_on():
    life = begun()
    life.count(waves={"canary": (0, 10, 0)}, total=105, active=105)
    life.look(1)
    settled = life.rollout.open[1].settled_time

    lost(life, waves={"canary": (0, 10, 0)}, total=105, active=105)

    assert life.rollout.open[1].settled_time == settled


@pytest.mark.parametrize("stamped", [True, False], ids=["in the status", "in the store alone"])
def test_a_halt_stays(stamped):
    life = Life()
    life.look()
    latch = latched(life.rollout)
    if stamped:
        life.fail()

    lost(life, latch=latch)

    assert (life.rollout.sequence, life.rollout.halted.message) == (2, "6 of 10 instances failed.")
    assert life.conditions["Halted"] == "True RolloutHalted"
    assert "It stays halted" in life.told[0].note
    life.look(1, rollout={"resume": {"sequence": 1}})
    assert life.conditions["Halted"] == "True RolloutHalted"
    life.look(1, rollout={"resume": {"sequence": 2}})
    assert life.conditions["Halted"] == "False NotHalted"


def test_a_resume_stays_and_its_old_latch_halts_nothing():
    life = Life()
    life.look()
    latch = latched(life.rollout)
    life.fail()
    life.look(1, rollout={"resume": {"sequence": 1}})

    lost(life, latch=latch)

    assert (life.rollout.epoch, life.rollout.halted) == (1, None)


def test_what_was_complete_stays_complete():
    life = Life()
    life.complete("1.0.0")
    done = life.rollout.completed_time

    lost(life, total=4, active=4, on_target=4)

    assert life.rollout.completed_time == done


def test_time_that_it_stood_still_stays():
    life = begun()
    life.look(10, paused=True)
    life.look(20, paused=False)
    stopped = life.rollout.stopped_seconds

    lost(life)

    assert life.rollout.stopped_seconds == stopped == 20


def test_a_status_from_an_old_backup_goes_on_from_the_stores_row():
    life = Life(rollout=WAVES)
    old = life.look()
    life.count(waves={"few": (5, 0, 0)}, total=105, active=105)
    life.look(1)
    life.progress = dataclasses.replace(life.progress, rollout=dataclasses.replace(mirrored(life.rollout), sequence=4))
    life.status = old

    life.look(1)

    assert (life.rollout.sequence, life.open) == (5, ["few"])


def moved_back():
    life = Life(versionPolicy={"allowDowngrade": True})
    life.complete("1.0.0")
    life.promote("2.0.0", rollout={"onHalt": "Rollback"})
    life.fail()
    assert life.rollout.kind == "Rollback"
    return life


def test_a_move_back_goes_on_and_the_channels_version_does_not_begin():
    life = moved_back()

    lost(life, total=4, active=4)

    rollout = life.rollout
    assert (rollout.sequence, rollout.kind, rollout.version, rollout.from_version) == (4, "Rollback", "1.0.0", "2.0.0")
    assert life.status.target.version == "1.0.0"
    assert "Rollout 3 to 2.0.0 was halted" in life.blockers["RolledBack"]
    life.look(1, rollout={"onHalt": "Rollback", "resume": {"sequence": 2}})
    assert life.rollout.kind == "Rollback"
    life.look(1, rollout={"onHalt": "Rollback", "resume": {"sequence": 3}})
    assert (life.rollout.kind, life.rollout.version) == ("Update", "2.0.0")


def test_a_resume_of_the_move_back_itself_does_not_begin_what_was_halted():
    life = moved_back()
    life.fail()
    life.progress = dataclasses.replace(life.progress, rollout=mirrored(life.rollout))
    life.look(1, rollout={"onHalt": "Rollback", "resume": {"sequence": 3, "epoch": 1}})
    assert (life.rollout.sequence, life.rollout.kind, life.rollout.epoch) == (3, "Rollback", 1)

    # The store has yet to hear of it.
    life.status = LOST
    life.look(1)

    assert (life.rollout.sequence, life.rollout.kind, life.rollout.version) == (4, "Rollback", "1.0.0")
    life.look(1, rollout={"onHalt": "Rollback", "resume": {"sequence": 3, "epoch": 2}})
    assert (life.rollout.kind, life.rollout.version) == ("Update", "2.0.0")


def test_a_resume_of_an_earlier_move_back_does_not_begin_what_was_halted_again():
    life = moved_back()
    old = life.status
    life.look(1, rollout={"onHalt": "Rollback", "resume": {"sequence": 2, "epoch": 1}})
    assert (life.rollout.sequence, life.rollout.kind, life.rollout.version) == (4, "Update", "2.0.0")
    life.fail()
    assert (life.rollout.sequence, life.rollout.kind) == (5, "Rollback")

    life.count(total=4, active=4)
    life.status = old
    life.look(1)

    assert (life.rollout.sequence, life.rollout.kind, life.rollout.version) == (6, "Rollback", "1.0.0")
    assert life.history == [(5, "2.0.0", "RolledBack"), (2, "2.0.0", "RolledBack"), (1, "1.0.0", "Promoted")]


def test_a_move_back_to_what_the_channel_names_by_now_goes_on_to_its_end():
    life = moved_back()
    life.wanted = "1.0.0"

    lost(life, total=4, active=4)

    assert (life.rollout.sequence, life.rollout.kind, life.rollout.version) == (4, "Rollback", "1.0.0")


def test_groups_that_go_first_soak_anew():
    life = Life(rollout={"dependsOn": [{"groupRef": {"name": "first"}, "soakSeconds": 60}]})
    life.look()
    row = mirrored(life.rollout)
    soaking = dataclasses.replace(row.course, soaking=(("first", kinds.later(0)),))
    life.count()
    life.progress = dataclasses.replace(life.progress, rollout=dataclasses.replace(row, course=soaking))
    life.status = LOST
    first = kinds.group(name="first", app="other", status=FAR_ENOUGH)
    life.surroundings["depended"] = {"first": Depended(first, "7.0.0")}

    life.look(100)

    assert (life.rollout.sequence, life.rollout.soaking) == (2, [])


def test_a_move_back_whose_package_is_gone_waits_for_it():
    life = moved_back()
    life.packages["1.0.0"] = ()

    lost(life, total=4, active=4)
    assert life.status.rollout is None
    assert "no Package of 1.0.0, to which the group was being moved back" in life.blockers["RolloutPending"]
    life.packages["1.0.0"] = (kinds.package("1.0.0"),)
    life.look(1)
    assert life.rollout.kind == "Rollback"


def test_a_lost_store_is_told_by_the_status():
    life = begun()
    life.progress = None

    life.look(1)

    assert (life.rollout.sequence, life.open) == (1, ["few", "canary"])


def test_where_both_are_lost_the_first_wave_is_begun_with_and_it_is_told():
    life = Life(rollout=WAVES)
    life.progress = GroupProgress(kinds.APP_ID, "prod", total=12)

    life.look()

    assert life.open == []
    started, warning = life.told
    assert (started.reason, warning.reason, warning.severity) == ("RolloutStarted", "RecordsLost", Severity.WARNING)
    assert "though 12 instances are known" in warning.note


@pytest.mark.parametrize(
    ("rollout", "progress"),
    [
        pytest.param(WAVES, None, id="a new group"),
        pytest.param({}, GroupProgress(kinds.APP_ID, "prod", total=12), id="all may move at once anyway"),
    ],
)
def test_where_nothing_is_missed_nothing_is_told(rollout, progress):
    life = Life(rollout=rollout)
    life.progress = progress

    life.look()

    assert life.reasons == ["RolloutStarted"]
