"""What people want of a group's rollouts, as it is read from Group.spec; and what of it holds although the rest can't be read."""

import pytest

from support import kinds
from update_core import plans
from update_core.rollout import cohort, waves
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Approval, Dependency, HaltOn, HaltRequest, Plan, Resume, Retry
from update_core.rollout.waves import LAST, Linear, Requirement, Wave

STOPS = {
    "halt": {"version": "1.1.0", "reason": "it loses data"},
    "haltOn": {"failurePercent": 2},
    "retry": {"maxAttempts": 2, "backoffSeconds": 1},
    "dependsOn": [{"groupRef": {"name": "first"}, "minPercent": "99.5", "soakSeconds": 60}],
}
FALLING = [{"name": "a", "percent": 10}, {"name": "b", "percent": "9.9999"}]


def read(rollout=None, **spec) -> Plan:
    return plans.read(kinds.group(**spec, **({"rollout": rollout} if rollout is not None else {})).spec)


def test_a_group_that_says_nothing_lets_everybody_in_at_once_and_halts_for_nothing():
    assert read() == read({}) == Plan(waves=(LAST,), min_age_seconds=600)


def test_every_field_is_read():
    wave = {
        "name": "canary",
        "percent": "0.5",
        "match": [
            {"attribute": "oem", "values": ["ami", "azure"]},
            {"attribute": "arch", "operator": "NotIn", "values": ["arm64"]},
        ],
        "settlePercent": 80,
        "bakeSeconds": 3600,
        "approval": "Required",
    }
    rollout = STOPS | {
        "waves": [wave, {"name": "some", "instances": 7}],
        "approval": {"version": "1.1.0", "wave": "canary", "bake": "Skip"},
        "resume": {"sequence": 3, "epoch": 2},
        "haltOn": {"failurePercent": 2, "minSamples": 50, "consecutiveFailures": 3},
        "onHalt": "Rollback",
        "salt": "salt",
        "completePercent": 95,
    }

    assert read(rollout, evidence={"minAgeSeconds": 5}) == Plan(
        waves=(
            Wave(
                "canary",
                ppm=5000,
                match=(
                    Requirement("oem", frozenset({"ami", "azure"})),
                    Requirement("arch", frozenset({"arm64"}), negated=True),
                ),
                settle_percent=80,
                bake_seconds=3600,
                approval_required=True,
            ),
            Wave("some", instances=7),
            LAST,
        ),
        approval=Approval("1.1.0", "canary", skip_bake=True),
        halt=HaltRequest("1.1.0", "it loses data"),
        resume=Resume(3, 2),
        halt_on=HaltOn(2, 50, 3),
        roll_back=True,
        retry=Retry(2, 1),
        depends_on=(Dependency("first", 995_000, 60),),
        salt="salt",
        complete_percent=95,
        min_age_seconds=5,
    )


def test_a_growing_share_is_read():
    assert read({"linear": {"startPercent": "0.01", "durationSeconds": 60}}).linear == Linear(100, 60)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        pytest.param([], ["everybody"], id="none"),
        pytest.param([{"name": "a", "percent": 5}], ["a", "everybody"], id="it is added"),
        pytest.param(
            [{"name": "a", "percent": 5}, {"name": "everybody", "percent": 100}], ["a", "everybody"], id="written"
        ),
        pytest.param([{"name": "a", "percent": "100.0"}], ["a"], id="the last is for everybody, under another name"),
        pytest.param([{"name": "a", "instances": 5}], ["a", "everybody"], id="a number isn't everybody"),
        pytest.param(
            [{"name": "a", "percent": 100, "match": [{"attribute": "oem", "values": ["x"]}]}],
            ["a", "everybody"],
            id="all that match aren't everybody",
        ),
    ],
)
def test_the_last_wave_is_for_everybody(written, names):
    planned = read({"waves": written})

    assert [wave.name for wave in planned.waves] == names
    assert (planned.waves[-1].ppm, planned.waves[-1].match) == (PPM_OF_ALL, ())
    assert planned.problem == ""


@pytest.mark.parametrize(
    ("rollout", "problem"),
    [
        pytest.param({"waves": FALLING}, "waves[1].percent is below", id="percentages fall"),
        pytest.param(
            {"waves": [FALLING[0], {"name": "x", "instances": 1}, FALLING[1]]},
            "waves[2].percent is below",
            id="past a number",
        ),
        pytest.param(
            {"waves": [{"name": "a", "percent": "5%"}]}, "waves[0].percent: '5%' is no percentage", id="no percentage"
        ),
        pytest.param(
            {"waves": [{"name": "a", "percent": 101}]}, "waves[0].percent: 101 is more than 100", id="too much"
        ),
        pytest.param({"waves": [{"name": "a"}]}, "waves[0] needs one of percent and instances", id="neither"),
        pytest.param({"waves": [{"name": "a", "percent": 1, "instances": 1}]}, "waves[0] needs one of", id="both"),
        pytest.param({"waves": [FALLING[0], FALLING[0]]}, "waves[1].name: two waves are called a", id="two of a name"),
        pytest.param(
            {"waves": [{"name": "everybody", "percent": 99}]}, "everybody has percent 100", id="not everybody"
        ),
        pytest.param({"waves": [{"name": "everybody", "instances": 9}]}, "everybody has percent 100", id="a number"),
        pytest.param(
            {"waves": [{"name": "everybody", "percent": 100}, {"name": "b", "percent": 100}]},
            "everybody is the last one",
            id="everybody first",
        ),
        pytest.param({"waves": FALLING[:1], "linear": {"durationSeconds": 1}}, "has waves and linear", id="both ways"),
        pytest.param(
            {"waves": [FALLING[0] | {"match": [{"attribute": "oem", "values": [f"{n:0128}" for n in range(40)]}]}]},
            "bytes long in all, and 4096 fit",
            id="more to match by than a status holds",
        ),
        pytest.param({"linear": {"startPercent": "x", "durationSeconds": 1}}, "linear.startPercent: 'x'", id="start"),
        pytest.param(
            {"dependsOn": [{"groupRef": {"name": "a"}, "minPercent": "1e1"}]},
            "dependsOn[0].minPercent",
            id="dependency",
        ),
    ],
)
def test_a_plan_that_cant_be_read_says_where(rollout, problem):
    assert problem in read(rollout).problem


def test_what_stops_a_rollout_holds_although_its_waves_cant_be_read():
    unread, fine = read(STOPS | {"waves": FALLING}), read(STOPS)

    assert unread.problem
    assert (unread.halt, unread.halt_on, unread.retry) == (fine.halt, fine.halt_on, fine.retry)
    assert [dependency.group for dependency in unread.depends_on] == ["first"]
    assert unread.guarded


def test_a_dependency_that_cant_be_read_is_waited_for_all_the_same():
    unread = read({"dependsOn": [{"groupRef": {"name": "first"}, "minPercent": "much"}]})

    assert unread.depends_on == (Dependency("first", PPM_OF_ALL),)


@pytest.mark.parametrize("bounds", [{}, {"minSamples": 5}], ids=["nothing", "no bound"])
def test_bounds_that_say_nothing_halt_nothing(bounds):
    assert read({"haltOn": bounds}).halt_on is None


def test_a_halt_of_what_is_no_version_stops_nothing():
    assert read({"halt": {"version": "4294967296.1", "reason": "bad"}}).halt is None


def test_the_defaults_of_the_schema_are_those_of_the_rules():
    halting = read({"haltOn": {"failurePercent": 2}, "retry": {}, "resume": {"sequence": 1}})

    assert (halting.halt_on, halting.retry, halting.resume) == (HaltOn(2), Retry(), Resume(1))
    assert read({"waves": [{"name": "a", "percent": 5}]}).waves[0] == waves.Wave("a", ppm=cohort.ppm(5))
