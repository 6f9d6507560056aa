"""When does a rollout begin, with which sequence and salt, and what does it take over?"""

import pytest

from support import kinds
from update_core import targets
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import GroupStatus
from update_operator.reconcile import rollouts
from update_operator.reconcile.grounds import Grounds
from update_operator.reconcile.outcome import Contact, Fleet
from update_operator.reconcile.stamps import Stamps

NOW = kinds.later(100)
A, B = kinds.package("1.0.0"), kinds.package("2.0.0")
NEVER_SEEN = Fleet(Contact.ANSWERING, known=True)


def record(sequence, version="1.0.0", **more):
    """The store's row of the highest rollout."""
    row = RolloutRecord(sequence, version, "store-salt", kinds.later(7), **more)
    return Fleet(Contact.ANSWERING, known=True, progress=GroupProgress(kinds.APP_ID, "prod", row, active=3))


def decide(status, package, fleet=NEVER_SEEN, salt="new-salt"):
    """The stamps after a look at a status; `package` may be several."""
    packages = package if isinstance(package, tuple) else (package,) if package else ()
    wanted = targets.target(packages) if packages else None
    return rollouts.decide(Grounds(status, fleet, NOW, salt, wanted))


def applied(decided, generation=1):
    """The status with these stamps."""
    return GroupStatus(
        observed_generation=generation, target=decided.target, rollout=decided.rollout, history=list(decided.history)
    )


def reasons(decided):
    """The reasons of the Events."""
    return [notice.reason for notice in decided.notices]


def test_what_is_stamped_already_stays():
    first = decide(GroupStatus(), A)
    again = decide(applied(first), A, salt="another")

    assert again.rollout == first.rollout
    assert reasons(first) == ["RolloutStarted"]
    assert reasons(again) == []


def test_every_move_is_a_rollout_of_its_own_also_back_to_where_it_was():
    status, seen = GroupStatus(), []
    for package in (A, B, A):
        decided = decide(status, package, salt=f"salt-{len(seen)}")
        status = applied(decided)
        seen.append((decided.rollout.sequence, decided.rollout.version, decided.rollout.salt))

    assert seen == [(1, "1.0.0", "salt-0"), (2, "2.0.0", "salt-1"), (3, "1.0.0", "salt-2")]


def test_moving_on_from_an_unfinished_rollout_supersedes_it():
    unfinished = applied(decide(GroupStatus(), A))
    finished = unfinished.model_copy(update={"rollout": unfinished.rollout.model_copy(update={"completed_time": NOW})})

    assert reasons(decide(unfinished, B)) == ["RolloutSuperseded", "RolloutStarted"]
    assert reasons(decide(finished, B)) == ["RolloutStarted"]


@pytest.mark.parametrize(
    "remade",
    [
        pytest.param(kinds.package("1.0.0", uid="other"), id="same bytes"),
        pytest.param(kinds.package("1.0.0", uid="other", digest="b"), id="other bytes"),
        pytest.param(kinds.package("1.0.0", name="renamed"), id="other name"),
    ],
)
def test_a_package_deleted_and_made_again_is_a_new_rollout(remade):
    status = applied(decide(GroupStatus(), A))
    decided = decide(status, remade, record(1))

    assert (decided.rollout.sequence, decided.rollout.salt) == (2, "new-salt")
    assert decided.target.packages[0].uid == remade.metadata.uid


@pytest.mark.parametrize(
    "generation", [pytest.param(-1, id="new object"), pytest.param(1, id="looked at while the store was silent")]
)
def test_a_lost_status_goes_on_where_the_store_says(generation):
    decided = decide(GroupStatus(observed_generation=generation), A, record(4, completed_at=kinds.later(50)))

    rollout = decided.rollout
    assert (rollout.sequence, rollout.salt, rollout.started_time) == (5, "store-salt", kinds.later(7))
    assert rollout.completed_time == kinds.later(50)


def test_a_lost_status_starts_afresh_where_the_store_is_at_another_version():
    decided = decide(GroupStatus(), B, record(4, "1.0.0"))

    assert (decided.rollout.sequence, decided.rollout.salt, decided.rollout.started_time) == (5, "new-salt", NOW)


def test_a_lost_status_does_not_take_over_a_rollback():
    assert decide(GroupStatus(), A, record(4, kind="Rollback")).rollout.salt == "new-salt"


def test_a_lost_store_is_seeded_by_the_status():
    status = applied(decide(GroupStatus(), A, record(8)))

    assert decide(status, B).rollout.sequence == 10


@pytest.mark.parametrize(
    ("seen", "salt"),
    [pytest.param("1.0.0", "store-salt", id="same version"), pytest.param("2.0.0", "new-salt", id="another version")],
)
def test_a_status_older_than_the_store_is_stamped_anew_above_it(seen, salt):
    old_backup = applied(decide(GroupStatus(), A))
    decided = decide(old_backup, A, record(6, seen))

    assert (decided.rollout.sequence, decided.rollout.version, decided.rollout.salt) == (7, "1.0.0", salt)


def test_a_store_that_is_behind_changes_nothing():
    status = applied(decide(GroupStatus(), A, record(6)))

    assert decide(status, A, record(6)).rollout == status.rollout


@pytest.mark.parametrize(
    "fleet",
    [Fleet(Contact.STARTING), Fleet(Contact.AWAY, known=True), Fleet(Contact.ANSWERING)],
    ids=lambda f: f.contact,
)
def test_without_the_stores_word_nothing_begins_and_it_is_said_why(fleet):
    status = applied(decide(GroupStatus(), A))
    decided = decide(status, B, fleet)

    assert (decided.target, decided.rollout) == (status.target, status.rollout)
    assert decided.pending.startswith("2.0.0 has not begun: ")


def test_without_a_package_the_stamps_stay_and_nothing_is_pending():
    status = applied(decide(GroupStatus(), A))

    assert decide(status, None) == Stamps(status.target, status.rollout)


def test_a_rollout_begins_on_a_whole_second():
    precise = NOW.replace(microsecond=123456)

    grounds = Grounds(GroupStatus(), NEVER_SEEN, precise, "s", targets.target((A,)))
    assert rollouts.decide(grounds).rollout.started_time == NOW
