"""Which conditions does a Group get, and why?"""

import dataclasses

import pytest

from support import kinds
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import GroupStatus
from update_operator.reconcile import group
from update_operator.reconcile.outcome import Contact, Fleet

NOW = kinds.later(100)
QUIET = Fleet(Contact.ANSWERING, known=True)
AWAY = Fleet(Contact.AWAY, known=True, trouble="one trouble")


def view(**changes):
    """A healthy Group on stable = 1.0.0, of which the store has never heard."""
    healthy = group.View(
        group=kinds.group(),
        application=kinds.application(),
        channel=kinds.channel("1.0.0"),
        fleet=QUIET,
        channel_holder=kinds.channel("1.0.0"),
        packages=(kinds.package("1.0.0"),),
    )
    return dataclasses.replace(healthy, **changes)


def reconciled(**changes):
    """The status of such a Group."""
    outcome = group.reconcile(view(**changes), NOW, "salt")
    assert outcome.status is not None
    return outcome.status


def follow(before, now=NOW, salt="salt", **changes):
    """The outcome one reconciliation later, the status before being `before`."""
    spec = changes.pop("spec", {})
    return group.reconcile(view(group=kinds.group(status=before, **spec), **changes), now, salt)


def counted(sequence, version="1.0.0", **counts):
    """The fleet as a store counts it that has seen a rollout."""
    record = RolloutRecord(sequence, version, "store-salt", kinds.later(7))
    return Fleet(Contact.ANSWERING, known=True, progress=GroupProgress(kinds.APP_ID, "prod", record, **counts))


OLDER = {"metadata": {"creationTimestamp": kinds.later(-5).isoformat()}}

TROUBLE = [
    pytest.param(
        {"application": None}, "False ReferenceNotFound", 'Application "app" does not exist', id="no application"
    ),
    pytest.param(
        {"application": kinds.application(ready="AppIdConflict")},
        "False AppIdConflict",
        'Application "app" is not ready',
        id="appId lost",
    ),
    pytest.param(
        {"channel": None, "packages": ()},
        "False ReferenceNotFound",
        'Channel "stable" does not exist',
        id="no channel",
    ),
    pytest.param(
        {"channel": kinds.channel(app="other")},
        "False ReferenceNotFound",
        'Channel "stable" belongs to Application "other", this Group to "app"',
        id="channel of another application",
    ),
    pytest.param(
        {"channel_holder": kinds.channel(name="older")},
        "False ReferenceNotFound",
        'the older Channel "older" has its name "stable"',
        id="channel without its name",
    ),
    pytest.param(
        {"channel": kinds.channel("99999999999"), "packages": ()},
        "False ReferenceNotFound",
        'Channel "stable" is not ready: spec.version',
        id="channel with a version that is none",
    ),
    pytest.param(
        {"rivals": (kinds.group(name="first", **OLDER),)},
        "False Conflict",
        'The older Group "first" has track "prod"',
        id="track taken",
    ),
]


@pytest.mark.parametrize(("changes", "ready", "message"), TROUBLE)
def test_what_is_wrong_is_said_and_nothing_begins(changes, ready, message):
    status = reconciled(**changes)

    assert kinds.summary(status.conditions)["Ready"] == ready
    assert message in status.conditions[0].message
    assert (status.target, status.rollout) == (None, None)
    assert status.observed_generation == 1


@pytest.mark.parametrize(("changes", "ready", "message"), TROUBLE)
def test_trouble_leaves_the_stamps_that_instances_are_served_by(changes, ready, message):
    before = reconciled()
    after = follow(before, **changes).status

    assert (after.target, after.rollout) == (before.target, before.rollout)
    assert kinds.summary(after.conditions)["Progressing"].startswith("False")


def test_only_what_takes_a_person_is_stalled():
    stalled = {case.id: "Stalled" in kinds.summary(reconciled(**case.values[0]).conditions) for case in TROUBLE}

    assert {name for name, is_stalled in stalled.items() if is_stalled} == {"appId lost", "track taken"}


def test_a_group_waits_until_its_application_has_been_looked_at():
    assert group.reconcile(view(application=kinds.application(ready=None)), NOW, "salt").status is None


def test_a_missing_default_group_of_the_application_holds_nobody_back():
    status = reconciled(application=kinds.application(ready="ReferenceNotFound"))

    assert kinds.summary(status.conditions)["Ready"] == "True Reconciled"
    assert status.rollout is not None


def test_a_healthy_group_is_stamped_with_the_exact_package():
    status = reconciled()

    (stamp,) = status.target.packages
    assert (stamp.name, stamp.uid, stamp.sha256) == ("p-1.0.0", "uid--1.0.0", "a" * 64)
    assert (status.rollout.sequence, status.rollout.version, status.rollout.salt) == (1, "1.0.0", "salt")
    assert status.rollout.started_time == NOW
    assert kinds.summary(status.conditions) == {
        "Ready": "True Reconciled",
        "PackageAvailable": "True PackageFound",
        "Paused": "False NotPaused",
        "Halted": "False NotHalted",
        "Progressing": "True RollingOut",
        "RolloutComplete": "Unknown NoInstances",
        "FleetReported": "True FleetAnswered",
    }


@pytest.mark.parametrize(
    ("fleet", "progressing"),
    [
        pytest.param(Fleet(Contact.STARTING), "False RolloutPending", id="yet to answer"),
        pytest.param(Fleet(Contact.AWAY), "False FleetUnavailable", id="away since the start"),
        pytest.param(Fleet(Contact.AWAY, known=True), "False FleetUnavailable", id="away again"),
    ],
)
def test_nothing_begins_while_the_stores_sequence_is_not_known(fleet, progressing):
    status = reconciled(fleet=fleet)

    assert status.rollout is None
    found = kinds.summary(status.conditions)
    assert found["Progressing"] == progressing
    assert found["Reconciling"] == "True RolloutPending"
    assert found["RolloutComplete"] == "Unknown NoRollout"


def test_a_fleet_that_has_yet_to_answer_leaves_its_condition_as_it_was():
    before = reconciled()
    after = follow(before, fleet=Fleet(Contact.STARTING)).status

    assert after == before


def test_a_missing_package_keeps_the_last_target_and_completes_nothing():
    before = reconciled()
    after = follow(before, channel=kinds.channel("2.0.0"), packages=(), fleet=counted(1, active=1, on_target=1)).status

    assert after.target == before.target
    assert kinds.summary(after.conditions)["PackageAvailable"] == "False PackageNotFound"
    assert kinds.summary(after.conditions)["RolloutComplete"] == "False PackageNotFound"


def test_pausing_is_said_and_held_against_progress():
    before = reconciled()
    outcome = follow(before, spec={"paused": True})

    assert kinds.summary(outcome.status.conditions)["Paused"] == "True Paused"
    assert kinds.summary(outcome.status.conditions)["Progressing"] == "False Paused"
    assert [notice.reason for notice in outcome.notices] == ["Paused"]
    assert [notice.reason for notice in follow(outcome.status).notices] == ["NotPaused"]


def test_counts_are_those_of_the_stamped_rollout():
    before = reconciled()
    counts = {"total": 12, "active": 10, "in_progress": 2, "failed": 1}
    status = follow(before, fleet=counted(1, on_target=3, **counts)).status

    assert status.instances.model_dump() == {**counts, "on_target": 3}
    assert status.progress == "3/10"
    assert kinds.summary(status.conditions)["RolloutComplete"] == "False RollingOut"


def test_counts_of_an_earlier_rollout_say_nothing_of_the_target():
    before = reconciled(fleet=counted(4, "0.9.0", active=10, on_target=10, failed=2))

    assert before.rollout.sequence == 5
    assert (before.progress, before.instances.failed) == ("0/10", 0)


def test_the_last_counts_stay_while_the_fleet_is_away():
    before = follow(reconciled(), fleet=counted(1, active=10, on_target=3)).status
    away = dataclasses.replace(counted(1, active=10, on_target=10), contact=Contact.AWAY)

    status = follow(before, fleet=away).status
    assert kinds.summary(status.conditions)["FleetReported"] == "False FleetUnavailable"
    assert status.rollout.completed_time is None
    forgotten = follow(before, fleet=Fleet(Contact.AWAY)).status
    assert forgotten.progress == "3/10"


def test_an_outage_is_explained_where_the_counts_are_and_said_of_a_group_that_it_holds_back():
    before = follow(reconciled(), fleet=counted(1, active=10, on_target=3)).status
    away = Fleet(Contact.AWAY, known=True, trouble="APIService x is away; look there")
    calm = follow(before, fleet=away)
    (reported,) = [c for c in calm.status.conditions if c.type == "FleetReported"]
    assert reported.message == "The counts are old: APIService x is away; look there."
    assert calm.notices == ()

    promoted = {"channel": kinds.channel("2.0.0"), "packages": (kinds.package("2.0.0"),), "fleet": away}
    held_back = follow(calm.status, **promoted)
    assert [notice.reason for notice in held_back.notices] == ["FleetUnavailable"]
    assert "2.0.0 has not begun" in held_back.notices[0].note
    assert follow(held_back.status, **promoted).notices == ()


def test_the_words_of_an_outage_change_nothing_but_the_condition_that_is_paced():
    before = follow(reconciled(), channel=kinds.channel("2.0.0"), packages=(kinds.package("2.0.0"),), fleet=AWAY).status
    other = dataclasses.replace(AWAY, trouble="another one")
    after = follow(before, channel=kinds.channel("2.0.0"), packages=(kinds.package("2.0.0"),), fleet=other).status

    changed = {new.type for old, new in zip(before.conditions, after.conditions, strict=True) if old != new}
    assert changed == {"FleetReported"}


@pytest.mark.parametrize(
    ("fleet", "complete"),
    [
        pytest.param(counted(1, active=3, on_target=3), True, id="all on target"),
        pytest.param(counted(1, active=3, on_target=2), False, id="one is not"),
        pytest.param(
            counted(1, active=3, on_target=3, in_progress=1, in_progress_current=1), False, id="one in flight"
        ),
        pytest.param(counted(1, active=3, on_target=3, in_progress=1), True, id="one in flight of an earlier rollout"),
        pytest.param(counted(1, active=0, on_target=0), False, id="nobody active"),
        pytest.param(counted(1, "0.9.0", active=3, on_target=3), False, id="counts of another version"),
        pytest.param(Fleet(Contact.ANSWERING, known=True), False, id="never seen"),
    ],
)
def test_a_rollout_is_complete_once_every_active_instance_is_on_target(fleet, complete):
    outcome = follow(reconciled(), fleet=fleet, now=kinds.later(500))

    assert (outcome.status.rollout.completed_time is not None) == complete
    assert (kinds.summary(outcome.status.conditions)["RolloutComplete"] == "True RolloutCompleted") == complete
    assert ("RolloutCompleted" in [notice.reason for notice in outcome.notices]) == complete


def test_completion_stays():
    done = follow(reconciled(), fleet=counted(1, active=3, on_target=3)).status
    later = follow(done, fleet=counted(1, active=5, on_target=3), now=kinds.later(900)).status

    assert later.rollout == done.rollout
    assert kinds.summary(later.conditions)["RolloutComplete"] == "True RolloutCompleted"


def test_the_transition_time_moves_only_with_the_status():
    before = follow(reconciled(), fleet=counted(1, active=1)).status
    same = follow(before, fleet=counted(1, active=2), now=kinds.later(500)).status
    paused = follow(before, spec={"paused": True}, fleet=counted(1, active=1), now=kinds.later(500)).status

    assert [c.last_transition_time for c in same.conditions] == [c.last_transition_time for c in before.conditions]
    changed = {c.type for c in paused.conditions if c.last_transition_time == kinds.later(500)}
    assert changed == {"Paused", "Progressing"}


def test_the_generation_advances_with_the_conditions_that_it_resets():
    done = follow(reconciled(), fleet=counted(1, active=1, on_target=1)).status
    moved = kinds.group(status=done, channel="beta", metadata={"generation": 2})
    beta = kinds.channel("1.1.0", name="beta")
    status = reconciled(
        group=moved,
        channel=beta,
        channel_holder=beta,
        packages=(kinds.package("1.1.0"),),
        fleet=counted(1, active=1, on_target=1),
    )

    assert status.observed_generation == 2
    assert {c.observed_generation for c in status.conditions} == {2}
    assert kinds.summary(status.conditions)["RolloutComplete"] == "False RollingOut"


def test_an_empty_status_is_what_the_crd_defaults_to():
    assert GroupStatus().observed_generation == -1
