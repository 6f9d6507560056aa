"""Who is let in by a rollout's waves, on a real store: by percent, by count, by match, and all the time in a linear one."""

from datetime import datetime, timedelta

import pytest

from support import omaha_fleet
from support.known_fleet import APP, BEGUN, EVERYBODY, KNOWN, NEW
from update_core.rollout import cohort

SALT = "5a17"


async def test_a_percent_wave_lets_in_its_part_of_the_order_and_a_wider_one_its_own_besides(known_fleet):
    machines = [f"m{number}" for number in range(150)]
    waves = [{"name": "some", "percent": 20}, {"name": "more", "percent": 60}]
    opened = [omaha_fleet.wave("some", percent=20)]

    for percent in (20, 60):
        opened = [*opened, omaha_fleet.wave("more", percent=60)] if percent == 60 else opened
        known_fleet.roll_out({"open": opened}, rollout={"waves": waves})

        first = [machine for machine in machines if cohort.includes(percent * 10_000, SALT, machine)]
        assert await known_fleet.offered(machines) == first
        assert 0 < len(first) < len(machines)


async def test_a_counted_wave_lets_in_as_many_who_were_known_and_nobody_else(known_fleet):
    waves = [{"name": "canary", "instances": 3}]
    known_fleet.roll_out({"open": [omaha_fleet.wave("canary", instances=3)]}, rollout={"waves": waves})

    assert await known_fleet.offered(["new1", "new2"]) == []
    assert await known_fleet.offered(KNOWN) == KNOWN[:3]
    # What was offered is offered again.
    assert await known_fleet.offered(reversed(KNOWN)) == KNOWN[2::-1]


async def test_who_gave_its_update_back_is_in_the_wave_that_counted_it_all_the_same(known_fleet):
    known_fleet.roll_out({"open": [omaha_fleet.wave("canary", instances=2)]})
    assert await known_fleet.offered(KNOWN) == KNOWN[:2]
    await known_fleet.omaha.post(omaha_fleet.event(APP, KNOWN[0], 3, 4))

    assert await known_fleet.offered(KNOWN) == KNOWN[:2]


@pytest.mark.parametrize("restarts", [False, True], ids=["the process that counted it", "one that began since"])
async def test_who_was_counted_in_may_try_again_though_the_wave_is_full(known_fleet, restarts):
    known_fleet.roll_out(
        {"open": [omaha_fleet.wave("canary", instances=2)]},
        rollout={"waves": [{"name": "c", "instances": 2}]},
    )
    assert await known_fleet.offered(KNOWN) == KNOWN[:2]
    await known_fleet.fail(KNOWN[0])
    assert await known_fleet.offered(KNOWN) == [KNOWN[1]]
    known_fleet.clock.advance(60)
    if restarts:
        await known_fleet.restart()

    assert await known_fleet.offered(KNOWN) == KNOWN[:2]


def of(oem):
    return {"attribute": "oem", "operator": "In", "values": [oem]}


async def test_a_wave_for_some_machines_lets_in_no_others(known_fleet):
    wave = omaha_fleet.wave("labs", percent=100, match=[of("lab")])
    known_fleet.roll_out({"open": [wave]}, rollout={"waves": [{"name": "labs", "percent": 100, "match": [of("lab")]}]})

    for machine, oem, answer in (("m1", "lab", NEW), ("m2", "shop", "noupdate"), ("m3", "", "noupdate")):
        body = omaha_fleet.check(APP, machine).replace(b" machineid", f' oem="{oem}" machineid'.encode())
        # The second of a form takes the shortcut.
        assert [(await known_fleet.omaha.post(body)).answer for _ in range(2)] == [answer] * 2


async def test_a_decision_says_whom_a_wave_for_some_machines_lets_in(known_fleet):
    wave = omaha_fleet.wave("labs", percent=100, match=[of("lab")])
    await known_fleet.omaha.post(omaha_fleet.check(APP, "of a lab").replace(b" machineid", b' oem="lab" machineid'))
    await known_fleet.flush()
    known_fleet.roll_out({"open": [wave]})

    let_in, refused = await known_fleet.decision("of a lab"), await known_fleet.decision(KNOWN[0])

    assert (let_in["answer"], let_in["offeredVersion"]) == ("Offer", NEW)
    assert refused["reason"] == "NotInCohort"
    assert "'labs'" in refused["message"]


async def test_a_linear_rollout_lets_each_in_at_its_moment_and_stands_still_while_the_group_does(known_fleet):
    linear = {"startThreshold": 0, "durationSeconds": 1000}
    policy = {"rollout": {"linear": {"durationSeconds": 1000}}}
    known_fleet.roll_out({"linear": linear}, **policy)
    turns = {machine: 1000 * cohort.position(SALT, machine) / 2**64 for machine in KNOWN}

    for seconds in (100, 500, 900):
        known_fleet.clock.now = datetime.fromisoformat(BEGUN) + timedelta(seconds=seconds)
        assert set(await known_fleet.offered(KNOWN)) == {machine for machine in KNOWN if turns[machine] < seconds}

    known_fleet.clock.advance(10_000)
    known_fleet.roll_out({"linear": linear, "stoppedSeconds": 10_000}, **policy)
    assert set(await known_fleet.offered(KNOWN)) == {machine for machine in KNOWN if turns[machine] < 900}


async def test_an_instance_without_an_id_is_let_in_only_with_everybody_and_without_limits(known_fleet):
    for course, spec, answer in (
        ({"open": [omaha_fleet.wave("some", percent=99)]}, {}, "noupdate"),
        ({"open": [omaha_fleet.wave("canary", instances=1000)]}, {}, "noupdate"),
        ({"open": [omaha_fleet.wave("labs", percent=100, match=[of("lab")])]}, {}, "noupdate"),
        (EVERYBODY, {"maxInFlight": 100}, "noupdate"),
        (EVERYBODY, {}, NEW),
    ):
        known_fleet.roll_out(course, **spec)
        assert await known_fleet.check("") == answer, course


# On demand


BYPASS = {"onDemand": "BypassLimits"}
SOME = [{"name": "some", "percent": 0}]
NOBODY = {"open": [omaha_fleet.wave("some", percent=0)]}


def on_demand(machine):
    return omaha_fleet.check(APP, machine).replace(b"scheduler", b"ondemandupdate")


@pytest.mark.parametrize(
    ("course", "spec"),
    [
        pytest.param(NOBODY, {"rollout": {"waves": SOME}}, id="NotInCohort"),
        pytest.param(
            NOBODY,
            {"rollout": {"waves": [*SOME, {"name": "all", "percent": 100, "approval": "Required"}]}},
            id="AwaitingApproval",
        ),
        pytest.param(EVERYBODY, {"rateLimit": {"maxUpdates": 1, "periodSeconds": 3600}}, id="RateLimited"),
    ],
)
async def test_a_check_that_somebody_waits_for_is_let_past_waves_and_rate_where_the_group_says_so(
    known_fleet, course, spec
):
    known_fleet.roll_out(course, **spec)
    await known_fleet.offered(KNOWN[:1])
    assert (await known_fleet.omaha.post(on_demand(KNOWN[1]))).answer == "noupdate"

    known_fleet.roll_out(course, **spec, **BYPASS)

    assert (await known_fleet.omaha.post(on_demand(KNOWN[1]))).answer == NEW
    assert await known_fleet.offered([KNOWN[2]]) == []


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"paused": True}, "Paused", id="paused"),
        pytest.param({"rollout": {"halt": {"version": NEW, "reason": "bad"}}}, "Halted", id="halted"),
        pytest.param(
            {"rollout": {"dependsOn": [{"groupRef": {"name": "first"}}]}}, "DependencyNotMet", id="dependency"
        ),
        pytest.param({"maxInFlight": 1}, "TooManyInFlight", id="in flight"),
    ],
)
async def test_it_is_let_past_nothing_else(known_fleet, spec, reason):
    known_fleet.roll_out(EVERYBODY)
    await known_fleet.offered(KNOWN[:1])

    known_fleet.roll_out(EVERYBODY, **spec, **BYPASS)

    assert (await known_fleet.omaha.post(on_demand(KNOWN[1]))).answer == "noupdate"
    assert known_fleet.answers(reason) == 1
