"""What becomes of a rollout that its failures, or a person, stopped, and what lets it go on."""

import pytest

from support import kinds
from support.group_lives import Life, latched
from update_core.resources.conditions import Reason
from update_operator.reconcile.outcome import Contact, Severity

BACK = {"onHalt": "Rollback", "haltOn": {"failurePercent": 20}}
ALLOWED = {"versionPolicy": {"allowDowngrade": True}}


def halted(**spec):
    """A Group that has completed 1.0.0, and whose rollout to 2.0.0 has just been halted by its failures."""
    life = Life(**spec)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=spec.get("rollout", {}))
    life.fail()
    return life


def moved_back():
    """One that is moved back from 2.0.0 to 1.0.0."""
    return halted(rollout=BACK, **ALLOWED)


def test_a_halt_by_failures_is_stamped_and_told_with_the_errors_that_were_reported_most():
    life = halted()

    assert life.rollout.halted.message == "6 of 10 instances failed."
    assert life.conditions["Halted"] == "True RolloutHalted"
    assert life.conditions["Progressing"] == "False RolloutHalted"
    (notice,) = life.told
    assert (notice.severity, notice.reason) == (Severity.WARNING, Reason.ROLLOUT_HALTED)
    assert notice.note == (
        "Rollout 2 to 2.0.0 is halted: 6 of 10 instances failed. Reported most: error 37 by 5, -1 by 1."
    )
    assert "`updatectl group resume prod`" in life.blockers["Halted"]


def test_a_halt_is_stamped_from_what_was_heard_last_also_while_the_fleet_api_is_away():
    life = Life()
    life.look()
    life.count(latch=latched(life.rollout))
    life.contact = Contact.AWAY

    assert life.look(1).rollout.halted is not None


def test_a_halt_of_an_earlier_rollout_halts_nothing():
    life = Life()
    life.look()
    earlier = latched(life.rollout)
    life.promote("2.0.0")
    life.count(total=1, active=1, latch=earlier)

    life.look(1)

    assert life.conditions["Halted"] == "False NotHalted"


def test_what_was_halted_when_another_version_took_its_place_is_remembered_so():
    life = halted()

    life.promote("2.0.1")

    assert life.history[0] == (2, "2.0.0", "Halted")
    assert life.conditions["Halted"] == "False NotHalted"


def test_a_resume_lifts_the_halt_once():
    life = halted()
    resumed = {"resume": {"sequence": 2}}

    life.look(1, rollout=resumed)
    assert (life.conditions["Halted"], life.rollout.epoch) == ("False NotHalted", 1)
    assert life.reasons == ["RolloutResumed"]
    life.fail()
    assert life.rollout.halted is not None
    life.look(1)
    assert life.conditions["Halted"] == "True RolloutHalted"
    life.look(1, rollout={"resume": {"sequence": 2, "epoch": 2}})
    assert (life.conditions["Halted"], life.rollout.epoch) == ("False NotHalted", 2)


def test_a_person_halts_one_version_for_as_long_as_it_says_so():
    life = Life()
    life.look()
    request = {"halt": {"version": "1.0.0", "reason": "crashes at night"}}

    life.look(1, rollout=request)
    assert life.conditions["Halted"] == "True HaltRequested"
    assert life.reasons == ["HaltRequested"]
    assert "crashes at night" in life.blockers["Halted"]
    life.promote("2.0.0")
    assert life.conditions["Halted"] == "False NotHalted"
    assert life.history == [(1, "1.0.0", "Halted")]
    life.promote("1.0.0")
    assert life.conditions["Halted"] == "True HaltRequested"
    life.look(1, rollout={})
    assert life.conditions["Halted"] == "False NotHalted"
    assert life.reasons == ["NotHalted"]


def test_what_a_person_halted_is_neither_completed_nor_moved_back():
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=BACK | {"halt": {"version": "2.0.0", "reason": "no"}})
    life.count(total=4, active=4, on_target=4)

    life.look(1)

    assert (life.rollout.kind, life.rollout.completed_time) == ("Update", None)


def test_failures_move_instances_back_to_what_was_completed_last():
    life = moved_back()

    rollout = life.rollout
    assert (rollout.sequence, rollout.kind, rollout.version, rollout.from_version) == (3, "Rollback", "1.0.0", "2.0.0")
    assert [package.name for package in life.status.target.packages] == ["p-1.0.0"]
    assert (life.open, rollout.halted) == (["everybody"], None)
    assert life.reasons == ["RolloutHalted", "RolloutRolledBack"]
    assert life.history == [(2, "2.0.0", "RolledBack"), (1, "1.0.0", "Promoted")]
    assert life.conditions["Progressing"] == "True RollingBack"
    assert life.conditions["RolloutComplete"] == "False RolloutRolledBack"
    assert list(life.blockers) == ["RolledBack"]


def test_neither_waves_nor_other_groups_hold_a_move_back():
    waves = {"waves": [{"name": "canary", "percent": 1, "approval": "Required"}]}
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=BACK | waves | {"dependsOn": [{"groupRef": {"name": "first"}}]})
    life.fail()

    assert (life.rollout.kind, life.open) == ("Rollback", ["everybody"])
    assert life.rollout.dependencies_met_time is not None


WITHDRAWN = kinds.package("1.0.0")
WITHDRAWN = WITHDRAWN.model_copy(
    update={"spec": WITHDRAWN.spec.model_validate(WITHDRAWN.spec.to_wire() | {"withdrawn": {"reason": "holes"}})}
)


@pytest.mark.parametrize(
    ("spec", "packages", "words"),
    [
        pytest.param({}, None, "versionPolicy.allowDowngrade isn't set", id="downgrades not allowed"),
        pytest.param(ALLOWED, (), "no lower version", id="its Package is gone"),
        pytest.param(ALLOWED, (WITHDRAWN,), "no lower version", id="its Package is withdrawn"),
        pytest.param(
            {"versionPolicy": {"allowDowngrade": True, "blockedVersions": ["1.0.0"]}},
            None,
            "no lower version",
            id="the group blocks it",
        ),
    ],
)
def test_where_nothing_can_be_moved_back_the_rollout_stays_halted_and_it_is_said_why(spec, packages, words):
    life = Life(**spec)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=BACK)
    if packages is not None:
        life.packages["1.0.0"] = packages

    life.fail()

    assert (life.rollout.kind, life.rollout.version) == ("Update", "2.0.0")
    assert words in life.blockers["Halted"]
    assert words in life.message("Halted")


def test_a_first_version_is_not_moved_back_to_anything():
    life = Life(rollout=BACK, **ALLOWED)
    life.look()

    life.fail()

    assert (life.rollout.kind, life.conditions["Halted"]) == ("Update", "True RolloutHalted")


def test_a_higher_version_that_was_completed_is_nothing_to_move_back_to():
    life = Life(**ALLOWED)
    life.complete("3.0.0")
    life.promote("2.0.0", rollout=BACK)

    life.fail()

    assert life.rollout.kind == "Update"


def test_of_two_completed_versions_the_later_is_moved_back_to():
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.complete("1.1.0")
    life.promote("2.0.0", rollout=BACK)

    life.fail()

    assert life.rollout.version == "1.1.0"


def test_moving_back_needs_the_stores_word():
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=BACK)
    life.count(latch=latched(life.rollout))
    life.contact = Contact.AWAY

    life.look(1)
    assert life.rollout.kind == "Update"
    assert "Instances aren't moved back yet" in life.blockers["Halted"]
    life.contact = Contact.ANSWERING
    life.look(1)
    assert life.rollout.kind == "Rollback"


def test_what_was_moved_back_from_does_not_begin_again_by_itself():
    life = moved_back()
    life.count(total=4, active=4, on_target=4)
    life.look(1)

    assert life.history[0] == (3, "1.0.0", "Promoted")
    assert life.conditions["Progressing"] == "False RolloutRolledBack"
    assert life.conditions["RolloutComplete"] == "False RolloutRolledBack"
    assert life.blockers["RolledBack"] == (
        "Rollout 2 to 2.0.0 was halted, and its instances are moved back to 1.0.0. Name a better version in the Channel, or "
        "begin it anew with `updatectl group resume prod`."
    )
    before = life.status
    assert life.look(86400) == before


def test_a_resume_of_what_was_moved_back_from_begins_it_anew():
    life = moved_back()

    life.look(1, rollout=BACK | {"resume": {"sequence": 2}})

    assert (life.rollout.sequence, life.rollout.version, life.rollout.kind, life.rollout.epoch) == (
        4,
        "2.0.0",
        "Update",
        0,
    )


def test_a_resume_from_before_the_halt_does_not_begin_it_anew():
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=BACK | {"onHalt": "Pause"})
    life.fail()
    resumed = BACK | {"resume": {"sequence": 2, "epoch": 1}}
    life.count(total=4, active=4)
    life.look(1, rollout=resumed)
    assert life.rollout.epoch == 1

    life.fail()
    assert (life.rollout.kind, life.status.history[0].epoch) == ("Rollback", 1)
    life.look(1)
    assert life.rollout.kind == "Rollback"
    life.look(1, rollout=BACK | {"resume": {"sequence": 2, "epoch": 2}})
    assert life.rollout.kind == "Update"


def test_another_version_takes_the_place_of_a_move_back():
    life = moved_back()

    life.promote("2.0.1")

    assert (life.rollout.sequence, life.rollout.version, life.rollout.kind) == (4, "2.0.1", "Update")
    assert life.history[0] == (3, "1.0.0", "Superseded")


def test_a_channel_that_follows_the_move_back_lets_it_come_to_its_end():
    life = moved_back()

    life.promote("1.0.0")
    assert (life.rollout.sequence, life.rollout.kind) == (3, "Rollback")
    life.count(total=4, active=4, on_target=4)
    life.look(1)
    life.look(1)
    assert (life.rollout.sequence, life.rollout.version, life.rollout.kind) == (4, "1.0.0", "Update")


def test_a_move_back_that_fails_is_halted_and_not_moved_back_again():
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.complete("1.1.0")
    life.promote("2.0.0", rollout=BACK)
    life.fail()
    assert (life.rollout.sequence, life.rollout.version) == (4, "1.1.0")

    life.fail()

    assert (life.rollout.sequence, life.rollout.kind) == (4, "Rollback")
    assert life.conditions["Halted"] == "True RolloutHalted"
    life.look(1, rollout=BACK | {"resume": {"sequence": 4}})
    assert (life.rollout.sequence, life.conditions["Halted"]) == (4, "False NotHalted")


def test_nothing_is_moved_back_while_the_spec_cannot_be_read():
    life = Life(**ALLOWED)
    life.complete("1.0.0")
    life.promote("2.0.0", rollout=BACK)
    life.spec["rollout"] = BACK | {"waves": [{"name": "neither"}]}

    life.fail()
    assert (life.rollout.kind, life.conditions["Halted"]) == ("Update", "True RolloutHalted")
    life.look(1, rollout=BACK)
    assert life.rollout.kind == "Rollback"


def test_what_was_complete_before_late_failures_is_halted_and_not_moved_back():
    life = Life(rollout=BACK, **ALLOWED)
    life.complete("1.0.0")
    life.complete("2.0.0")
    life.spec["rollout"] = BACK

    life.fail()

    assert (life.rollout.kind, life.conditions["Halted"]) == ("Update", "True RolloutHalted")
    assert life.conditions["RolloutComplete"] == "True RolloutCompleted"
    assert "Halted" in life.blockers
