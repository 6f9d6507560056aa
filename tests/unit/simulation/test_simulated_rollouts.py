"""What a simulated rollout keeps to: its limits, its windows, the shares of its waves, the seed, and what halts or completes it."""

import itertools
import math
from collections import Counter
from datetime import timedelta

import pytest

from support.simulated_groups import START, assumed, simulated
from update_core.rollout.model import Limits
from update_core.rollout.plan import HaltOn, Plan
from update_core.rollout.schedule import Schedule
from update_core.rollout.waves import LAST, Linear, Wave
from update_core.rollout.windows import Freeze
from update_core.simulation import run
from update_core.simulation.journal import End

SECOND = 1_000_000
HOUR = 3600 * SECOND


def granted(result):
    return [entry for entry in result.log if entry.what == "Granted"]


def test_same_seed_gives_the_same_rollout_and_another_another():
    group, of_seed = simulated(Plan()), lambda seed: assumed(failure_ppm=100_000, seed=seed)

    first, again, other = (run.run(group, of_seed(seed), logged=True) for seed in (7, 7, 8))

    assert first == again
    assert first.log != other.log


def test_everybody_is_granted_once_and_it_is_complete():
    result = run.run(simulated(Plan()), assumed(500), logged=True)

    assert (result.end, result.on_target, result.granted) == (End.COMPLETE, 500, 500)
    assert {entry.instance for entry in granted(result)} == set(range(500))


def test_each_is_granted_at_its_own_check_within_an_interval():
    result = run.run(simulated(Plan()), assumed(500), logged=True)

    assert all(entry.at < 600 * SECOND for entry in granted(result))


def test_rate_limit_holds_in_every_period():
    limits = Limits(max_updates=7, period_seconds=300)

    given = [entry.at for entry in granted(run.run(simulated(Plan(), limits=limits), assumed(400), logged=True))]

    assert len(given) == 400
    assert all(given[n] - given[n - 7] >= 300 * SECOND for n in range(7, len(given)))


def test_rate_limit_is_used_up():
    """What is left out doesn't cost a slot: somebody checks soon after each that is free."""
    limits = Limits(max_updates=1, period_seconds=60)

    given = [entry.at for entry in granted(run.run(simulated(Plan(), limits=limits), assumed(2000), logged=True))]

    assert max(later - earlier for earlier, later in itertools.pairwise(given[:600])) < 65 * SECOND


def test_no_more_are_in_flight_than_may_be():
    result = run.run(simulated(Plan(), limits=Limits(max_in_flight=5)), assumed(300, silence_ppm=50_000), logged=True)

    in_flight = most = 0
    for entry in result.log:
        in_flight += 1 if entry.what == "Granted" else -1
        most = max(most, in_flight)
    assert most == 5


def test_nothing_is_granted_in_a_freeze():
    freeze = Freeze(START + timedelta(minutes=5), START + timedelta(hours=4))

    result = run.run(simulated(Plan(), schedule=Schedule(freezes=(freeze,))), assumed(300), logged=True)

    hours = [entry.at for entry in granted(result)]
    assert not [at for at in hours if 300 * SECOND <= at < 4 * HOUR]
    assert any(at >= 4 * HOUR for at in hours)


@pytest.mark.parametrize("percent", [1, 10, 50])
def test_wave_lets_in_its_share_within_four_sigma(percent):
    plan = Plan(waves=(Wave("first", ppm=percent * 10_000, bake_seconds=7200), LAST))

    result = run.run(simulated(plan), assumed(20_000), logged=True)

    share, of = percent / 100, 20_000
    through = Counter(entry.wave for entry in granted(result))
    assert abs(through["first"] - of * share) <= 4 * math.sqrt(of * share * (1 - share))
    assert through.total() == of


def test_wave_of_a_number_lets_in_so_many_and_no_more():
    plan = Plan(waves=(Wave("few", instances=13, bake_seconds=7200), LAST))

    result = run.run(simulated(plan), assumed(300, failure_ppm=200_000), logged=True)

    assert len({entry.instance for entry in granted(result) if entry.wave == "few"}) == 13


def test_growing_share_lets_in_more_all_the_time():
    result = run.run(simulated(Plan(linear=Linear(0, 36_000))), assumed(5000), logged=True)

    by_hour = Counter(entry.at // HOUR for entry in granted(result))
    assert result.end is End.COMPLETE
    assert all(400 < by_hour[hour] < 600 for hour in range(1, 10))


def test_many_failures_halt_it_and_few_do_not():
    plan = Plan(halt_on=HaltOn(failure_percent=20, min_samples=50))

    bad = run.run(simulated(plan), assumed(2000, failure_ppm=400_000))
    good = run.run(simulated(plan), assumed(2000, failure_ppm=2_000))

    assert (bad.end, good.end) == (End.HALTED, End.COMPLETE)
    assert "20 percent halt it" in bad.why


def test_it_waits_for_an_approval_that_nobody_gives():
    plan = Plan(waves=(Wave("first", ppm=100_000), Wave("everybody", ppm=1_000_000, approval_required=True)))

    result = run.run(simulated(plan), assumed(approval_seconds=None))

    assert (result.end, result.why) == (End.UNFINISHED, "Wave everybody waits for somebody to approve it.")


def test_paused_group_grants_nothing():
    result = run.run(simulated(Plan(), paused=True), assumed())

    assert (result.end, result.granted) == (End.UNFINISHED, 0)


def test_who_leaves_and_joins_is_counted():
    result = run.run(simulated(Plan()), assumed(1000, leave_ppm=100_000, join_ppm=50_000, until_seconds=3 * 86400))

    assert (result.fleet, result.active <= result.fleet) == (1150, True)


def test_long_wait_is_skipped():
    """A hundred thousand instances that a freeze holds for two weeks are asked once each, not thirty times a day."""
    freeze = Freeze(START, START + timedelta(days=14))
    group = simulated(Plan(), schedule=Schedule(freezes=(freeze,)))

    result = run.run(group, assumed(20_000, until_seconds=15 * 86400))

    assert result.end is End.COMPLETE
    assert result.checks < 20_010


@pytest.mark.parametrize(
    ("group", "assumptions", "says"),
    [
        pytest.param(simulated(stamp=None), assumed(), "stamped with no rollout", id="no stamp"),
        pytest.param(simulated(Plan(problem="waves are wrong")), assumed(), "waves are wrong", id="plan"),
        pytest.param(simulated(Plan()), assumed(interval_seconds=86000), "activeSeconds is 86400", id="seldom"),
    ],
)
def test_what_cannot_be_simulated_says_why(group, assumptions, says):
    with pytest.raises(ValueError, match=says):
        run.run(group, assumptions)


def test_assumptions_out_of_range_are_refused():
    with pytest.raises(ValueError, match="the failure rate is 0 to 1000000, not 1000001"):
        assumed(failure_ppm=1_000_001)
