"""Why nothing moves, in a Group's status: what is said, when it is said no more, and when time alone changes it."""

from datetime import timedelta

import pytest

from support import kinds
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import GroupStatus
from update_operator.reconcile import blockers, group
from update_operator.reconcile.outcome import Contact, Fleet

QUIET = Fleet(Contact.ANSWERING, known=True)
# BIRTH is a Thursday at midnight.
OPENING = kinds.later(2 * 3600)
CLOSING = OPENING + timedelta(hours=1)
THURSDAYS = {"days": ["Thursday"], "startTime": "03:00", "durationSeconds": 3600, "timeZone": "Europe/Berlin"}
FREEZE = {"start": kinds.later(7200 + 600).isoformat(), "end": kinds.later(7200 + 1200).isoformat(), "reason": "a fair"}


def outcome(now, *, fleet=QUIET, before=None, packages=("1.0.0",), version="1.0.0", **spec):
    """The outcome for a Group on stable = 1.0.0."""
    channel = kinds.channel(version)
    view = group.View(
        group=kinds.group(status=before, **spec),
        application=kinds.application(),
        channel=channel,
        fleet=fleet,
        channel_holder=channel,
        packages=tuple(kinds.package(each) for each in packages),
    )
    return group.reconcile(view, now, "salt")


def told(status):
    return {blocker.reason: blocker.message for blocker in status.blockers}


def conditions(status):
    return kinds.summary(status.conditions)


def message(status, kind):
    return next(condition.message for condition in status.conditions if condition.type == kind)


ROWS = [
    pytest.param({"paused": True}, "Paused", "spec.paused", id="paused"),
    pytest.param({"versionPolicy": {"prefix": "2."}}, "Excluded", "begin with '2.', and 1.0.0 doesn't", id="prefix"),
    pytest.param(
        {"maintenanceWindows": [THURSDAYS]},
        "OutsideWindow",
        "the next opens on Thursday 2026-01-01 at 03:00 in Europe/Berlin, 2026-01-01T02:00:00Z",
        id="outside",
    ),
    pytest.param(
        {"freezes": [FREEZE | {"start": kinds.BIRTH.isoformat()}]},
        "Frozen",
        "frozen until 2026-01-01T02:20:00Z (a fair)",
        id="frozen",
    ),
    pytest.param(
        {"maintenanceWindows": [THURSDAYS | {"timeZone": "Berlin"}]},
        "InvalidSpec",
        "did you mean Europe/Berlin",
        id="windows that can't be read",
    ),
    pytest.param({"packages": ()}, "RolloutPending", "No Package of version 1.0.0 exists", id="no package"),
    pytest.param({"fleet": Fleet(Contact.STARTING)}, "RolloutPending", "has not begun", id="fleet unknown"),
]


@pytest.mark.parametrize(("changes", "reason", "words"), ROWS)
def test_what_holds_every_instance_back_is_told_in_words(changes, reason, words):
    found = told(outcome(kinds.later(100), **changes).status)

    assert list(found) == [reason]
    assert words in found[reason]


def test_a_group_that_gives_out_has_no_blockers():
    assert outcome(kinds.later(100)).status.blockers == []


def test_several_are_told_in_the_order_in_which_they_refuse():
    spec = {"maintenanceWindows": [THURSDAYS], "freezes": [FREEZE | {"start": kinds.BIRTH.isoformat()}], "paused": True}

    assert list(told(outcome(kinds.later(100), versionPolicy={"prefix": "2"}, **spec).status)) == [
        "Excluded",
        "Paused",
        "Frozen",
        "OutsideWindow",
    ]


def test_packages_that_are_gone_are_told_apart_from_those_that_never_were():
    stamped = outcome(kinds.later(100)).status

    assert list(told(outcome(kinds.later(200), before=stamped, packages=()).status)) == ["PackageUnavailable"]


def test_a_complete_rollout_is_held_back_by_nothing_and_waits_for_no_moment():
    record = RolloutRecord(1, "1.0.0", "salt", kinds.later(100))
    done = Fleet(
        Contact.ANSWERING, known=True, progress=GroupProgress(kinds.APP_ID, "prod", record, active=1, on_target=1)
    )
    stamped = outcome(kinds.later(100)).status

    complete = outcome(kinds.later(200), before=stamped, fleet=done, maintenanceWindows=[THURSDAYS], paused=True)

    assert complete.status.rollout.completed_time is not None
    assert complete.status.blockers == []
    assert complete.again_at is None


def test_a_complete_rollout_whose_packages_are_gone_waits_for_the_moment_again():
    record = RolloutRecord(1, "1.0.0", "salt", kinds.later(100))
    done = Fleet(
        Contact.ANSWERING, known=True, progress=GroupProgress(kinds.APP_ID, "prod", record, active=1, on_target=1)
    )
    complete = outcome(kinds.later(200), before=outcome(kinds.later(100)).status, fleet=done).status

    gone = outcome(kinds.later(300), before=complete, packages=(), maintenanceWindows=[THURSDAYS])

    assert list(told(gone.status)) == ["PackageUnavailable", "OutsideWindow"]
    assert gone.again_at == OPENING


def test_time_alone_opens_and_closes_the_window_and_freezes_the_group():
    """Each outcome says when the next one differs; what happens then, nobody but the clock has caused."""
    spec = {"maintenanceWindows": [THURSDAYS], "freezes": [FREEZE]}
    seen, now, before = [], kinds.later(100), None
    for _ in range(5):
        found = outcome(now, before=before, **spec)
        seen.append((now, conditions(found.status)["Progressing"], list(told(found.status))))
        now, before = found.again_at, found.status

    assert seen == [
        (kinds.later(100), "False OutsideWindow", ["OutsideWindow"]),
        (OPENING, "True RollingOut", []),
        (kinds.later(7800), "False Frozen", ["Frozen"]),
        (kinds.later(8400), "True RollingOut", []),
        (CLOSING, "False OutsideWindow", ["OutsideWindow"]),
    ]


def test_between_two_moments_the_status_stays_the_same():
    first = outcome(kinds.later(100), maintenanceWindows=[THURSDAYS])
    later = outcome(OPENING - timedelta(microseconds=1), before=first.status, maintenanceWindows=[THURSDAYS])

    assert later.status == first.status
    assert later.notices == ()


def test_windows_make_no_events():
    first = outcome(kinds.later(100), maintenanceWindows=[THURSDAYS])

    assert [notice.reason for notice in first.notices] == ["RolloutStarted"]
    assert outcome(OPENING, before=first.status, maintenanceWindows=[THURSDAYS]).notices == ()


def test_a_rollout_says_which_window_it_waits_for():
    status = outcome(kinds.later(100), maintenanceWindows=[THURSDAYS]).status

    assert message(status, "Progressing") == (
        "Rollout 1 to 1.0.0 waits for a maintenance window: the next opens on Thursday 2026-01-01 at 03:00 in Europe/Berlin, "
        "2026-01-01T02:00:00Z."
    )


def test_a_zone_that_does_not_exist_keeps_the_stamps_and_begins_nothing():
    before = outcome(kinds.later(100)).status
    wrong = {"maintenanceWindows": [THURSDAYS | {"timeZone": "Europe/Atlantis"}]}

    found = outcome(kinds.later(200), before=before, packages=("2.0.0",), version="2.0.0", **wrong)

    assert conditions(found.status)["Ready"] == "False InvalidSpec"
    assert conditions(found.status)["Stalled"] == "True InvalidSpec"
    assert "spec.maintenanceWindows[0].timeZone: 'Europe/Atlantis' is no IANA time zone" in message(
        found.status, "Ready"
    )
    assert (found.status.target, found.status.rollout) == (before.target, before.rollout)


def test_the_longest_blockers_fit_into_the_schema():
    spec = {
        "maintenanceWindows": [THURSDAYS | {"timeZone": "A" * 64}] * 32,
        "freezes": [FREEZE | {"start": kinds.BIRTH.isoformat(), "name": "n" * 63, "reason": "r" * 256}] * 32,
        "paused": True,
        "versionPolicy": {"prefix": "2" * 128},
    }
    status = outcome(kinds.later(100), **spec).status

    assert len(status.blockers) <= blockers.MAX_BLOCKERS
    assert GroupStatus.model_validate(status.to_wire()) == status
    assert len(str(status.to_wire())) < 16 * 1024
