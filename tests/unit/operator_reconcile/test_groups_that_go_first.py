"""When does a Group wait for another one, for how long, and what is said meanwhile?"""

import pytest

from support import kinds
from support.group_lives import Life
from update_core.resources.group import Group
from update_operator.reconcile import dependencies
from update_operator.reconcile.dependencies import Depended

DONE = {"Ready": "True", "Halted": "False", "FleetReported": "True"}


def first(version="1.0.0", *, app="app", on_target=9, active=10, rollout=None, conditions=None, **more):
    """Another Group as it stands: on its way to `version`, with nine of its ten instances there."""
    found = [(type_, status, "Because") for type_, status in (DONE | (conditions or {})).items()]
    stamp = {"sequence": 1, "version": version, "salt": "s", "startedTime": kinds.BIRTH.isoformat()} | (rollout or {})
    package = {"name": "p", "uid": "u", "sha256": "a" * 64}
    status = {
        "observedGeneration": 1,
        "conditions": kinds.conditions(*found),
        "target": {"version": version, "packages": [package]},
        "rollout": stamp,
        "instances": {"active": active, "onTarget": on_target},
    }
    return kinds.group(name="first", track="first", app=app, status=status | more)


def waiting(other: Group | None, wanted="1.0.0", soak=0, percent=90):
    """A Group that goes after it."""
    depends_on = [{"groupRef": {"name": "first"}, "minPercent": percent, "soakSeconds": soak}]
    life = Life(rollout={"dependsOn": depends_on})
    told(life, other, wanted)
    life.look()
    life.count(total=3, active=3)
    life.look(1)
    return life


def told(life, other, wanted="1.0.0"):
    life.surroundings["depended"] = {} if other is None else {"first": Depended(other, wanted)}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        pytest.param(None, "it doesn't exist", id="missing"),
        pytest.param(first(conditions={"Ready": "False"}), "it isn't ready", id="not ready"),
        pytest.param(kinds.group(name="first"), "it isn't ready", id="never looked at"),
        pytest.param(first(rollout=None, target=None), "it has no rollout", id="without a rollout"),
        pytest.param(first(conditions={"Halted": "True"}), "its rollout to 1.0.0 is halted", id="halted"),
        pytest.param(
            first(rollout={"kind": "Rollback", "fromVersion": "1.1.0"}), "it is moved back from 1.1.0", id="moved back"
        ),
        pytest.param(first("0.9.0"), "it moves to 0.9.0, not to 1.0.0 yet", id="behind"),
        pytest.param(first(conditions={"FleetReported": "False"}), "its counts are old", id="old counts"),
        pytest.param(first(active=0, on_target=0), "it has no active instances", id="without instances"),
        pytest.param(
            first(on_target=8), "less than 90 percent of its active instances are on 1.0.0", id="not far enough"
        ),
    ],
)
def test_a_group_that_is_not_far_enough_is_waited_for_and_it_is_said_why(other, words):
    life = waiting(other)

    assert life.open == []
    assert life.conditions["Progressing"] == "False DependencyNotMet"
    assert life.blockers == {
        "DependencyNotMet": f'Groups that go first aren\'t far enough. Group "first": {words}.',
    }


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        pytest.param(first(), "1.0.0", id="at this version"),
        pytest.param(first("1.2.0"), "1.2.0", id="above it"),
        pytest.param(first("7.0.0", app="other"), "7.0.0", id="another application at its own target"),
    ],
)
def test_a_group_that_is_far_enough_lets_the_rollout_begin(other, wanted):
    life = waiting(other, wanted)

    assert life.open == ["everybody"]
    assert life.reasons == ["DependenciesMet", "WaveOpened"]


def test_another_application_that_has_yet_to_begin_what_its_channel_names_is_waited_for():
    life = waiting(first("7.0.0", app="other"), "8.0.0")

    assert "it has yet to begin 8.0.0" in life.blockers["DependencyNotMet"]


def test_it_has_to_stay_far_enough_without_a_break():
    life = waiting(first(), soak=60)
    assert life.again_at == kinds.later(61)
    assert life.blockers == {
        "DependencyNotMet": "Groups that go first are far enough, and have to stay so for a while, until 2026-01-01T00:01:01Z."
    }

    life.look(30)
    told(life, first(on_target=8))
    life.look(1)
    told(life, first())
    life.look(1)
    assert life.look(59).rollout.open == []
    life.look(1)
    assert life.open == ["everybody"]


def test_a_break_counts_also_while_nothing_else_can_be_said():
    life = waiting(first(), soak=60)
    life.progress, counts = None, life.progress
    told(life, first(conditions={"FleetReported": "False"}))
    life.look(30)

    life.progress = counts
    told(life, first())
    life.look(1)

    assert life.look(59).rollout.open == []


def test_once_met_it_is_met_for_this_rollout():
    life = waiting(first())

    told(life, None)
    life.look(1)

    assert life.open == ["everybody"]
    assert life.rollout.dependencies_met_time == kinds.later(1)
    life.promote("2.0.0")
    assert life.rollout.dependencies_met_time is None


def test_a_circle_is_a_problem_of_its_members():
    life = Life(rollout={"dependsOn": [{"groupRef": {"name": "first"}}]})
    life.surroundings["circle"] = ("prod", "first", "prod")

    life.look()

    assert life.conditions["Ready"] == "False DependencyCycle"
    assert '"prod" after "first" after "prod"' in life.message("Ready")
    assert life.status.rollout is None
    life.surroundings["circle"] = ()
    assert life.look(1).rollout is not None


AFTER = {"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": ["d"], "e": ["a"], "f": []}


@pytest.mark.parametrize(
    ("start", "way"),
    [
        pytest.param("a", ("a", "b", "c", "a"), id="in a circle"),
        pytest.param("c", ("c", "a", "b", "c"), id="anywhere in it"),
        pytest.param("d", ("d", "d"), id="after itself"),
        pytest.param("e", (), id="before a circle"),
        pytest.param("f", (), id="after nobody"),
        pytest.param("nowhere", (), id="unknown"),
    ],
)
def test_a_circle_is_found_by_its_members_alone(start, way):
    assert dependencies.circle(start, lambda name: AFTER.get(name, ())) == way
