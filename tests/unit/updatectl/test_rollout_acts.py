"""A person's word about a rollout → the fields that say it; what is refused, and what there is nothing to do for."""

import pytest

from updatectl import rollout_acts, rollout_standing
from updatectl.errors import CommandError
from updatectl.group_words import Named

SINCE = "2026-03-01T12:00:00Z"
HANDLE = "com.example.web berlin"
HALTED = {"time": SINCE, "reason": "ConsecutiveFailures", "message": "3 failed in a row."}
BACK = {"sequence": 8, "version": "1.0.0", "kind": "Rollback", "fromVersion": "1.1.0"}
ROLLED_BACK = {"sequence": 7, "version": "1.1.0", "outcome": "RolledBack", "startedTime": SINCE, "endedTime": SINCE}
WAVES = [
    {"name": "canary", "percent": 1, "bakeSeconds": 60},
    {"name": "early", "percent": 5},
    {"name": "late", "percent": 50, "approval": "Required"},
    {"name": "everybody", "percent": 100, "approval": "Required"},
]


def standing(*opened: str, history: tuple = (), spec: dict | None = None, policy: dict | None = None, **rollout):
    """Rollout 7 to 1.1.0 of a group with these waves open."""
    waves = [{"name": name, "threshold": 10_000, "openedTime": SINCE} for name in opened]
    stamped = {"sequence": 7, "version": "1.1.0", "salt": "5a17", "startedTime": SINCE, "open": waves} | rollout
    references = {"applicationRef": {"name": "web"}, "channelRef": {"name": "web-stable"}, "track": "berlin"}
    found = {
        "metadata": {"name": "web-berlin", "namespace": "shop", "generation": 1},
        "spec": references | {"rollout": {"waves": WAVES} | (policy or {})} | (spec or {}),
        "status": {"rollout": stamped, "history": list(history)},
    }
    return rollout_standing.of(Named("com.example.web", found))


def approval(wave: str, *, version: str = "1.1.0", bake: str = "Respect") -> dict:
    return {"approval": {"version": version, "wave": wave, "bake": bake}}


@pytest.mark.parametrize(
    ("found", "name", "skip_bake", "wave"),
    [
        pytest.param(standing("canary"), None, False, "late", id="the-next-that-needs-it"),
        pytest.param(standing("canary", policy=approval("late")), None, False, "everybody", id="the-one-after-it"),
        pytest.param(
            standing("canary", policy=approval("late", version="1.0.0")), None, False, "late", id="of-another-version"
        ),
        pytest.param(standing("canary"), "everybody", False, "everybody", id="named"),
        pytest.param(standing("canary"), "early", True, "early", id="one-that-needs-none-without-a-bake"),
        pytest.param(standing("canary", policy=approval("late")), None, True, "late", id="approved-now-without-a-bake"),
        pytest.param(standing(), None, False, "late", id="before-the-first"),
        pytest.param(standing("canary", halted=HALTED), None, False, "late", id="while-it-is-halted"),
    ],
)
def test_an_approval_is_of_a_wave_and_the_version_of_now(found, name, skip_bake, wave):
    act = rollout_acts.approve(found, name, skip_bake=skip_bake)

    assert act.changes == {"rollout.approval": approval(wave, bake="Skip" if skip_bake else "Respect")["approval"]}


@pytest.mark.parametrize(
    ("found", "name", "skip_bake"),
    [
        pytest.param(standing("canary", policy=approval("everybody")), None, False, id="all-are-approved"),
        pytest.param(standing("canary", policy=approval("everybody")), "late", False, id="with-a-later-one"),
        pytest.param(standing("canary", policy=approval("late", bake="Skip")), "early", True, id="without-a-bake"),
    ],
)
def test_who_approves_what_is_approved_changes_nothing(found, name, skip_bake):
    act = rollout_acts.approve(found, name, skip_bake=skip_bake)

    assert (act.changes, "approved already" in act.said) == ({}, True)


def test_an_approval_that_takes_the_place_of_another_says_so():
    before = standing("canary", policy=approval("everybody"))

    assert rollout_acts.promote(before, None, to_last=False).notes == (
        "this takes the place of the approval of wave everybody",
    )
    skipped = standing("canary", policy=approval("early", bake="Skip"))
    assert "of wave early with its bakes skipped" in rollout_acts.approve(skipped, None, skip_bake=False).notes[0]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(
            standing("canary", "early", "late", "everybody"), "all waves of rollout 7 to 1.1.0 are open", id="all-open"
        ),
        pytest.param(standing(open=None), "all waves", id="stamped-before-there-were-waves"),
        pytest.param(standing(**BACK), "moves instances back from 1.1.0 to 1.0.0", id="rollback"),
        pytest.param(
            standing(open=None, linear={"startThreshold": 0, "durationSeconds": 60}), "has no waves", id="linear"
        ),
        pytest.param(
            standing("canary", policy={"waves": [], "linear": {"durationSeconds": 60}}),
            "began in waves, and spec.rollout.linear holds from the next one on",
            id="linear-from-the-next-on",
        ),
        pytest.param(
            standing("canary", policy={"waves": [*WAVES[1:], WAVES[0]]}),
            "can't be read: spec.rollout.waves",
            id="problem",
        ),
    ],
)
def test_where_no_person_can_open_a_wave_that_is_said(found, says):
    for attempt in (
        lambda: rollout_acts.approve(found, None, skip_bake=False),
        lambda: rollout_acts.promote(found, None, to_last=True),
    ):
        with pytest.raises(CommandError) as refused:
            attempt()
        assert says in str(refused.value)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(standing("canary", halted=HALTED), "halted by its failures: 3 failed in a row", id="failures"),
        pytest.param(
            standing("canary", policy={"halt": {"version": "1.1.0", "reason": "bad"}}),
            "halted by spec.rollout.halt: bad",
            id="by-hand",
        ),
    ],
)
def test_a_halted_rollout_is_resumed_before_it_is_promoted(found, says):
    with pytest.raises(CommandError) as refused:
        rollout_acts.promote(found, None, to_last=False)

    assert says in str(refused.value)
    assert f"before `updatectl group resume {HANDLE}`" in str(refused.value)


def test_a_halt_of_another_version_stops_no_promotion():
    found = standing("canary", policy={"halt": {"version": "1.0.0", "reason": "bad"}})

    assert rollout_acts.promote(found, None, to_last=False).changes["rollout.approval"]["wave"] == "early"


LATER = {"resume": {"sequence": 7, "epoch": 3}}
BY_HAND = {"halt": {"version": "1.1.0", "reason": "bad"}}


@pytest.mark.parametrize(
    ("found", "wanted", "changes"),
    [
        pytest.param(standing("canary"), "1.1.0", {}, id="not-halted"),
        pytest.param(standing("canary", policy=BY_HAND), "1.1.0", {"rollout.halt": None}, id="by-hand"),
        pytest.param(
            standing(policy={"halt": {"version": "1.0.0", "reason": "bad"}}),
            "1.1.0",
            {},
            id="by-hand-of-another-version",
        ),
        pytest.param(
            standing(halted=HALTED), "1.1.0", {"rollout.resume": {"sequence": 7, "epoch": 1}}, id="by-failures"
        ),
        pytest.param(
            standing(halted=HALTED, epoch=3), "1.1.0", {"rollout.resume": {"sequence": 7, "epoch": 4}}, id="once-more"
        ),
        pytest.param(standing(halted=HALTED, epoch=2, policy=LATER), "1.1.0", {}, id="resumed-already"),
        pytest.param(
            standing(halted=HALTED, policy=BY_HAND),
            "1.1.0",
            {"rollout.halt": None, "rollout.resume": {"sequence": 7, "epoch": 1}},
            id="by-both",
        ),
        pytest.param(
            standing(history=(ROLLED_BACK | {"epoch": 2},), **BACK),
            "1.1.0",
            {"rollout.resume": {"sequence": 7, "epoch": 3}},
            id="rolled-back",
        ),
        pytest.param(standing(history=(ROLLED_BACK,), **BACK), "1.2.0", {}, id="rolled-back-and-moved-on"),
        pytest.param(
            standing(history=(ROLLED_BACK,), halted=HALTED, **BACK),
            "1.1.0",
            {"rollout.resume": {"sequence": 8, "epoch": 1}},
            id="the-move-back-itself-is-halted",
        ),
        pytest.param(
            standing(history=(ROLLED_BACK,), policy={"halt": {"version": "1.0.0", "reason": "bad"}}, **BACK),
            "1.1.0",
            {"rollout.halt": None},
            id="the-move-back-is-halted-by-hand",
        ),
    ],
)
def test_a_resume_takes_away_what_halts_and_no_more(found, wanted, changes):
    act = rollout_acts.resume(found, wanted)

    assert act.changes == changes
    assert ("nothing was changed" in act.said) is not bool(changes)


@pytest.mark.parametrize(
    ("found", "note"),
    [
        pytest.param(standing("canary", spec={"paused": True}), "it is paused", id="paused"),
        pytest.param(standing("canary", halted=HALTED), "it is halted", id="halted"),
        pytest.param(
            standing(policy={"dependsOn": [{"groupRef": {"name": "web-fra"}}]}), "groups that go first", id="dependency"
        ),
    ],
)
def test_what_else_holds_a_wave_up_is_noted(found, note):
    assert any(note in each for each in rollout_acts.approve(found, None, skip_bake=False).notes)


def test_a_repository_is_told_what_to_write():
    changes = {"rollout.halt": None, "rollout.resume": {"sequence": 7, "epoch": 1}}

    assert rollout_acts.for_git(changes) == (
        "There, take spec.rollout.halt out and write spec.rollout.resume: {sequence: 7, epoch: 1}."
    )
