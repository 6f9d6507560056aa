"""A check that is refused costs the store nothing, whatever it is refused for: memory knows all that the rules of rollouts look at."""

import asyncio
from datetime import timedelta

import pytest

from support import omaha_fleet
from support.eventually import eventually
from support.omaha_service import OmahaService
from update_core.fleet.store import InstanceRecord
from update_core.rollout.model import Reason
from update_core.rollout.plan import HaltReason, Latch

APP = omaha_fleet.APP_ID
CHECKS = 1000
OLD = [f"old{number}" for number in range(20)]
NEW = [f"new{number}" for number in range(20)]
FIRST = omaha_fleet.wave("first", percent=0)
REST = {"name": "rest", "percent": 100}
HALT_ON = {"haltOn": {"consecutiveFailures": 5}}


@pytest.fixture
async def omaha(store):
    """Knows OLD for an hour when the rollout begins."""
    omaha = OmahaService(store)
    seen = omaha.clock.now - timedelta(hours=1)
    for machine in OLD:
        store.instances[APP, machine] = InstanceRecord(APP, machine, "fake1", "1.0.0", seen, seen)
    return await omaha.start()


async def ask(omaha, machine, *, shown=True):
    return (await omaha.post(omaha_fleet.check(APP, machine), shown=shown)).answer


# Each makes checks of the machines that it returns refuse.


async def no_wave_lets_them_in(omaha):
    omaha.put(*omaha_fleet.fleet(APP, rollout={"waves": [{"name": "first", "percent": 0}]}, course={"open": [FIRST]}))
    return OLD


async def the_next_wave_needs_approval(omaha):
    waves = [{"name": "first", "percent": 0}, REST | {"approval": "Required"}]
    omaha.put(*omaha_fleet.fleet(APP, rollout={"waves": waves}, course={"open": [FIRST]}))
    return OLD


async def their_turn_comes_later(omaha):
    linear = {"startPercent": 0, "durationSeconds": 10**6}
    course = {"linear": {"startThreshold": 0, "durationSeconds": 10**6}}
    omaha.put(*omaha_fleet.fleet(APP, rollout={"linear": linear}, course=course))
    return OLD


async def the_wave_is_full(omaha):
    wave = omaha_fleet.wave("first", instances=1)
    waves = [{"name": "first", "instances": 1}]
    omaha.put(*omaha_fleet.fleet(APP, rollout={"waves": waves}, course={"open": [wave]}))
    assert await ask(omaha, OLD[0]) == "1.1.0"
    return OLD[1:]


async def the_wave_is_for_those_who_were_known(omaha):
    wave = omaha_fleet.wave("first", instances=10)
    waves = [{"name": "first", "instances": 10}]
    omaha.put(*omaha_fleet.fleet(APP, rollout={"waves": waves}, course={"open": [wave]}))
    return NEW


async def they_failed_just_now(omaha):
    omaha.put(*omaha_fleet.fleet(APP))
    for machine in OLD:
        assert await ask(omaha, machine) == "1.1.0"
        await omaha.post(omaha_fleet.event(APP, machine, 3, 0))
    return OLD


async def they_failed_too_often(omaha):
    omaha.put(*omaha_fleet.fleet(APP, rollout={"retry": {"maxAttempts": 1}}))
    for machine in OLD:
        assert await ask(omaha, machine) == "1.1.0"
        await omaha.post(omaha_fleet.event(APP, machine, 3, 0))
    omaha.clock.advance(3600)
    return OLD


async def a_person_halted_it(omaha):
    omaha.put(*omaha_fleet.fleet(APP, rollout={"halt": {"version": "1.1.0", "reason": "it eats disks"}}))
    return OLD


async def failures_halted_it(omaha):
    omaha.put(*omaha_fleet.fleet(APP))
    latch = Latch(1, 0, omaha.clock.now, HaltReason.CONSECUTIVE_FAILURES, "all failed")
    omaha.service.mirror._store.halts = latch
    assert await ask(omaha, OLD[0]) == "1.1.0"
    await omaha.post(omaha_fleet.event(APP, OLD[0], 3, 0))
    return OLD[1:]


async def another_group_goes_first(omaha):
    omaha.put(*omaha_fleet.fleet(APP, rollout={"dependsOn": [{"groupRef": {"name": "app-first"}}]}))
    return OLD


async def newcomers_have_used_up_their_share_of_the_rate(omaha):
    limits = {"rateLimit": {"maxUpdates": 10, "periodSeconds": 3600}}
    omaha.put(*omaha_fleet.fleet(APP, rollout=HALT_ON, **limits))
    assert await ask(omaha, NEW[0]) == "1.1.0"
    return NEW[1:]


async def newcomers_have_used_up_their_share_in_flight(omaha):
    omaha.put(*omaha_fleet.fleet(APP, rollout=HALT_ON, maxInFlight=10))
    assert await ask(omaha, NEW[0]) == "1.1.0"
    return NEW[1:]


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        pytest.param(no_wave_lets_them_in, Reason.NOT_IN_COHORT, id="percent"),
        pytest.param(their_turn_comes_later, Reason.NOT_IN_COHORT, id="linear"),
        pytest.param(the_wave_is_full, Reason.NOT_IN_COHORT, id="full wave"),
        pytest.param(the_wave_is_for_those_who_were_known, Reason.NOT_IN_COHORT, id="newcomers and a counted wave"),
        pytest.param(the_next_wave_needs_approval, Reason.AWAITING_APPROVAL, id="approval"),
        pytest.param(they_failed_just_now, Reason.BACKING_OFF, id="back-off"),
        pytest.param(they_failed_too_often, Reason.ATTEMPTS_EXHAUSTED, id="attempts"),
        pytest.param(a_person_halted_it, Reason.HALTED, id="halted by a person"),
        pytest.param(failures_halted_it, Reason.HALTED, id="halted by failures"),
        pytest.param(another_group_goes_first, Reason.DEPENDENCY_NOT_MET, id="dependency"),
        pytest.param(newcomers_have_used_up_their_share_of_the_rate, Reason.RATE_LIMITED, id="newcomers' rate"),
        pytest.param(newcomers_have_used_up_their_share_in_flight, Reason.TOO_MANY_IN_FLIGHT, id="newcomers in flight"),
    ],
)
async def test_a_thousand_denied_checks_ask_the_store_nothing(omaha, store, arrange, reason):
    machines = await arrange(omaha)
    for machine in machines:
        assert await ask(omaha, machine) == "noupdate"
    store.calls.clear()
    told = omaha.service.tally.answers[reason]

    for number in range(CHECKS):
        assert await ask(omaha, machines[number % len(machines)], shown=False) == "noupdate"

    assert store.calls == []
    assert omaha.service.tally.answers[reason] == told + CHECKS


@pytest.mark.parametrize(
    "arrange",
    [newcomers_have_used_up_their_share_of_the_rate, newcomers_have_used_up_their_share_in_flight],
    ids=["rate", "in flight"],
)
async def test_who_was_known_is_given_what_newcomers_have_to_wait_for(omaha, arrange):
    waiting = await arrange(omaha)
    assert await ask(omaha, waiting[0]) == "noupdate"

    assert [await ask(omaha, machine) for machine in OLD[:5]] == ["1.1.0"] * 5


async def counted(omaha):
    """Three may be let in."""
    omaha.put(*omaha_fleet.fleet(APP, course={"open": [omaha_fleet.wave("first", instances=3)]}))
    return OLD, 3


async def shared_by_newcomers(omaha):
    """A tenth of twenty in flight."""
    omaha.put(*omaha_fleet.fleet(APP, rollout=HALT_ON, maxInFlight=20))
    return NEW, 2


@pytest.mark.parametrize("arrange", [counted, shared_by_newcomers], ids=["a counted wave", "the newcomers' share"])
async def test_all_who_ask_at_once_cost_little_more_than_those_who_are_let_in(omaha, store, arrange):
    machines, places = await arrange(omaha)
    await omaha.mirrored()
    store.gate = asyncio.Event()
    asking = [asyncio.create_task(ask(omaha, machine)) for machine in machines]
    await eventually(lambda: store.calls.count("grant") >= places)
    store.gate.set()

    answers = await asyncio.gather(*asking)

    assert answers.count("1.1.0") == places
    assert store.calls.count("grant") <= places + 1
