"""Whatever goes wrong, no limit is exceeded by one: a fleet on two replicas, and the database's own rows as the witness."""

import math
from datetime import UTC, datetime

import pytest
from psycopg.conninfo import conninfo_to_dict

from support import chaos, chaos_faults, grant_audit
from support.chaos import Chaos, Release
from support.grant_audit import Rules, Terms
from support.rollout_model import placed
from update_core.rollout.plan import Course

FEW, TWENTIETH, QUARTER = {"few": 20}, {"twentieth": 50_000}, {"quarter": 250_000}
WAVES = [
    {"name": "few", "instances": 20, "settlePercent": 80},
    {"name": "twentieth", "percent": 5, "settlePercent": 80, "bakeSeconds": 60},
    {"name": "quarter", "percent": 25, "settlePercent": 80},
]
# When the window shuts, those who fell silent time out one after the other: a fifth of the last hundred.
FAILURE_PERCENT, MIN_SAMPLES = 30, 20
HALT_ON = {"failurePercent": FAILURE_PERCENT, "minSamples": MIN_SAMPLES}
HALF = 0.5
OPENS, FREEZES, THAWS, SHUTS = (
    datetime(2026, 3, 1, hour, minute, tzinfo=UTC) for hour, minute in [(12, 10), (12, 30), (12, 35), (14, 20)]
)
SCHEDULE = {
    "maintenanceWindows": [
        {"days": ["Sunday"], "startTime": "12:10", "durationSeconds": 130 * 60, "timeZone": "UTC"},
    ],
    "freezes": [{"start": FREEZES.isoformat(), "end": THAWS.isoformat()}],
}


def micros(at):
    return int(at.timestamp() * 1_000_000)


def may_give_out(at):
    opens, freezes, thaws, shuts = map(micros, (OPENS, FREEZES, THAWS, SHUTS))
    return opens <= at < freezes or thaws <= at < shuts


def terms(sequence, **waves):
    return Terms(f"salt-{sequence}", **waves)


@pytest.mark.parametrize(
    ("clients", "poll_ticks", "failing"),
    [
        pytest.param(2_000, 40, 0.01, id="2000"),
        # Failures are told earlier than successes: where thousands begin at once, one in a hundred would be a sample of its own.
        pytest.param(100_000, 80, 0.0005, id="100000", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
async def test_no_limit_is_exceeded_by_one_whatever_goes_wrong(postgres, postgres_url, clients, poll_ticks, failing):
    limits = {"max_updates": clients // 25, "period_seconds": 600, "max_in_flight": clients // 40}
    spec = {
        "rateLimit": {"maxUpdates": limits["max_updates"], "periodSeconds": limits["period_seconds"]},
        "maxInFlight": limits["max_in_flight"],
        "updateTimeoutSeconds": 600,
        "pollIntervalSeconds": 600,
        **SCHEDULE,
    }
    fleet = Chaos(postgres_url, clients, poll_ticks=poll_ticks, group=spec, seed=clients)
    try:
        await course_of_the_day(fleet, failing)
    finally:
        await fleet.end()

    database = conninfo_to_dict(postgres_url)["dbname"]
    rollouts = {
        2: terms(2, caps=FEW, ppm=TWENTIETH | QUARTER),
        3: terms(3),
        4: terms(4, ppm=TWENTIETH),
        5: terms(5),
    }
    rules = Rules(
        **limits, open_at=may_give_out, failure_percent=FAILURE_PERCENT, min_samples=MIN_SAMPLES, rollouts=rollouts
    )
    audit = grant_audit.replay(postgres.execute(grant_audit.MOVES, database), rules)

    assert audit.wrong == []
    assert_shares(fleet, audit, clients)
    assert_halts(postgres, database, audit)
    assert_enough_went_wrong(fleet)
    # Else they would show nothing.
    assert audit.most_in_flight == limits["max_in_flight"]
    assert audit.most_in_period == limits["max_updates"]


async def course_of_the_day(fleet, failing):
    """A good version, a bad one that is halted twice, and one that mends it; then the window shuts."""
    await fleet.begin()
    fleet.dice.calm = False
    fleet.roll_out(Release("1.1.0", failing, {"waves": WAVES, "haltOn": HALT_ON}))
    await fleet.run_until(lambda: fleet.course.is_open("quarter"), at_most=200)
    await fleet.run(10)
    await follow_a_former_leader(fleet, Release("1.1.1", failing, {"haltOn": HALT_ON}))
    fleet.roll_out(Release("1.2.0", HALF, {"waves": WAVES[1:2], "haltOn": HALT_ON}))
    await fleet.run_until(lambda: fleet.course.halted is not None, at_most=80)
    await fleet.run(5)
    fleet.resume()
    await fleet.run_until(lambda: fleet.course.epoch == 1 and fleet.course.halted is not None, at_most=80)
    fleet.sky.now += chaos.TICK * 10
    await fleet.run(5)
    fleet.roll_out(Release("1.3.0", failing, {"haltOn": HALT_ON}))
    await fleet.run(30)
    await fleet.kill(0)
    fleet.sky.now -= chaos.TICK * 10
    await fleet.run_until(lambda: fleet.sky.now >= SHUTS, at_most=200)
    await fleet.run(10)


async def follow_a_former_leader(fleet, following):
    """While one replica serves the next version the other serves what an operator without a lease says: all may have the former."""
    fleet.believe_a_former_leader(fleet.resources(Course(opened=None)))
    fleet.roll_out(following)
    await fleet.run_until(lambda: fleet.refusals("StaleCatalog") > 10, at_most=80)
    fleet.hear_again()
    await fleet.run(5)


def assert_shares(fleet, audit, clients):
    """Each wave let in its part of the order, which is as large as it was to be."""
    assert len(audit.let_in[2, "few"]) == 20
    for wave, ppm in (TWENTIETH | QUARTER).items():
        share = ppm / 1_000_000
        inside = {client.name for client in fleet.clients if placed("salt-2", client.name, ppm)}
        assert abs(len(inside) - clients * share) < 4 * math.sqrt(clients * share * (1 - share))
        assert audit.let_in[2, wave] <= inside
    # Those who came in before through the first wave, and those who fell silent, are in it as well.
    through = audit.let_in[2, "few"] | audit.let_in[2, "twentieth"]
    twentieth = {client.name for client in fleet.clients if placed("salt-2", client.name, TWENTIETH["twentieth"])}
    assert len(twentieth & through) > 0.8 * len(twentieth)


def assert_halts(postgres, database, audit):
    """The store halted what its outcomes halt, at that very outcome, and nothing else."""
    assert set(audit.halted) == {(4, 0), (4, 1)}
    ((latch,),) = postgres.execute("SELECT latch FROM update_service.groups", database)
    assert latch.startswith(f"[4,1,{audit.halted[4, 1]},")


def assert_enough_went_wrong(fleet):
    did = fleet.dice.did
    for what in chaos_faults.OPERATIONS:
        for when in ("before", "after"):
            assert did[f"{what} failed {when}"] > 0
    for what in ("a reply was lost", "a request came twice", "a clock jumped", "a replica was killed"):
        assert did[what] > 0
