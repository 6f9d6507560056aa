"""Who is counted for the next wave: when, in which part of the order, and whom an open wave has already."""

from collections import Counter
from dataclasses import replace

import pytest

from support.fleet_values import NEW, NOW, OLD, group, stamp
from update_core.fleet import ahead, attributes
from update_core.fleet.ahead import Part
from update_core.fleet.attributes import Attributes
from update_core.fleet.census import Census, Kind
from update_core.fleet.progress import RolloutRecord
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Approval, Course, Plan
from update_core.rollout.waves import LAST, Linear, Opened, Requirement, Wave

ARM = (Requirement("arch", frozenset({"arm64"})),)
ON_ARM, ON_AMD = Attributes(arch="arm64"), Attributes(arch="amd64")
PLAN = Plan(waves=(Wave("canary", ppm=50_000), Wave("early", ppm=200_000), LAST))
CANARY = Opened("canary", NOW, ppm=50_000, settled_at=NOW)
EARLY = Opened("early", NOW, ppm=200_000, settled_at=NOW)
RECORD = RolloutRecord(1, NEW, "salt-1", NOW)
SKIPPING = Approval(NEW, "early", skip_bake=True)


def sought(*opened: Opened, plan: Plan = PLAN, rollout: RolloutRecord | None = RECORD, **changes):
    """What is counted for a group with these waves open."""
    return ahead.sought(group(**{"plan": plan, "course": Course(opened=opened)} | changes), rollout)


def parts(*opened: Opened, plan: Plan = PLAN, kinds: tuple[Kind, ...] | None = None):
    """Where in the order whom is looked for, by version and machine."""
    of_group = group(plan=plan, course=Course(opened=opened))
    what = ahead.sought(of_group, RECORD)
    assert what is not None
    return ahead.parts(what, Census(kinds or (known(),)), of_group, RECORD)


def known(version: str = OLD, machine: Attributes = attributes.NONE, established: int = 5) -> Kind:
    return Kind(version, machine, total=9, active=7, established=established)


@pytest.mark.parametrize(
    ("opened", "wave"),
    [
        pytest.param((), "canary", id="none is open"),
        pytest.param((CANARY,), "early", id="the last has settled"),
        pytest.param((replace(CANARY, settled_at=None),), None, id="the last hasn't settled"),
        pytest.param((CANARY, EARLY), None, id="only the last is left"),
        pytest.param((CANARY, EARLY, Opened("everybody", NOW, ppm=PPM_OF_ALL)), None, id="all are open"),
    ],
)
def test_the_next_wave_is_counted_once_it_may_open_soon(opened, wave):
    found = sought(*opened)

    assert (None if found is None else found.wave.name) == wave


@pytest.mark.parametrize(
    ("approval", "counted"),
    [
        pytest.param(SKIPPING, True, id="of this wave"),
        pytest.param(replace(SKIPPING, wave="canary"), False, id="of the one before"),
        pytest.param(replace(SKIPPING, version=OLD), False, id="of another version"),
        pytest.param(replace(SKIPPING, skip_bake=False), False, id="that waits for the bake"),
    ],
)
def test_somebody_who_skips_the_bake_waits_for_no_settling(approval, counted):
    found = sought(replace(CANARY, settled_at=None), plan=replace(PLAN, approval=approval))

    assert (found is not None) is counted


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"rollout": None}, id="no rollout is known"),
        pytest.param({"rollout": replace(RECORD, sequence=2)}, id="a later rollout is known"),
        pytest.param({"rollout": replace(RECORD, salt="another")}, id="a status that was made anew"),
        pytest.param({"stamp": None}, id="not stamped"),
        pytest.param({"stamp": stamp(kind="Rollback")}, id="a rollback"),
        pytest.param({"course": Course()}, id="no waves"),
        pytest.param({"plan": replace(PLAN, linear=Linear(0, 60))}, id="a growing share"),
        pytest.param({"plan": replace(PLAN, problem="it can't be read")}, id="a plan that can't be read"),
    ],
)
def test_nobody_is_counted_where_no_wave_opens(changes):
    assert sought(**changes) is None


def test_a_part_of_the_order_begins_where_the_open_waves_end():
    assert parts() == {(OLD, attributes.NONE): Part(0, 50_000)}
    assert parts(CANARY) == {(OLD, attributes.NONE): Part(50_000, 200_000)}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(known(NEW), id="on the target"),
        pytest.param(known(established=0), id="not known well"),
    ],
)
def test_who_doesnt_wait_is_not_looked_for(kind):
    assert parts(kinds=(kind,)) == {}


def test_a_wave_that_was_narrower_than_those_before_lets_nobody_in():
    assert parts(replace(CANARY, ppm=200_000)) == {}


def test_each_kind_is_looked_for_where_the_waves_for_it_end():
    plan = replace(PLAN, waves=(Wave("arm", ppm=100_000, match=ARM), *PLAN.waves))
    both = (known(machine=ON_ARM), known(machine=ON_AMD))
    arm = Opened("arm", NOW, ppm=100_000, match=ARM, settled_at=NOW)

    assert parts(plan=plan, kinds=both) == {(OLD, ON_ARM): Part(0, 100_000)}
    assert parts(arm, plan=plan, kinds=both) == {(OLD, ON_AMD): Part(0, 50_000)}
    assert parts(arm, CANARY, plan=plan, kinds=both) == {
        (OLD, ON_ARM): Part(100_000, 200_000),
        (OLD, ON_AMD): Part(50_000, 200_000),
    }


def test_a_wave_of_a_number_is_looked_for_beyond_all_shares():
    plan = replace(PLAN, waves=(PLAN.waves[0], Wave("some", instances=3), LAST))

    assert parts(CANARY, plan=plan) == {(OLD, attributes.NONE): Part(50_000, PPM_OF_ALL)}


@pytest.mark.parametrize(
    ("granted", "total"),
    [
        pytest.param(10, 12, id="all places are taken"),
        pytest.param(7, 9, id="three may be taken by them"),
        pytest.param(0, 2, id="all of those for whom it is"),
    ],
)
def test_places_that_a_wave_of_a_number_has_left_are_taken_by_whoever_comes_first(granted, total):
    some = Opened("some", NOW, instances=10, match=ARM, settled_at=NOW)
    plan = replace(PLAN, waves=(Wave("some", instances=10, match=ARM), *PLAN.waves))
    what = sought(some, plan=plan)
    found = parts(some, plan=plan, kinds=(known(machine=ON_ARM), known(machine=ON_AMD)))
    counted = Counter({found[OLD, ON_ARM]: 10, found[OLD, ON_AMD]: 2})

    assert found[OLD, ON_ARM].numbered == {"some"}
    assert what.numbered == {"some"}
    assert ahead.total(what, counted, {"some": granted}) == total


def test_who_is_in_a_part_is_within_its_share_and_in_no_smaller_one():
    names = [f"instance-{number}" for number in range(1000)]
    early, canary = Part(50_000, 200_000), Part(0, 50_000)

    within = {name for name in names if Part(0, 200_000).has("salt", name)}
    assert {name for name in names if early.has("salt", name)} == within - {
        name for name in names if canary.has("salt", name)
    }
    assert sum(Part(0, PPM_OF_ALL).has("salt", name) for name in names) == 1000
