"""A wave whose instances all succeed settles, however few they are and however unevenly they are drawn."""

import random

from support.fleet_values import stamp
from support.simulated_groups import METAL, QEMU, assumed, simulated
from update_core.rollout.plan import Approval, Plan
from update_core.rollout.waves import LAST, Requirement, Wave
from update_core.simulation import run
from update_core.simulation.assumptions import Machines
from update_core.simulation.journal import End

MATCHES = [(), (), (Requirement("oem", frozenset({"qemu"})),), (Requirement("oem", frozenset({"qemu"}), negated=True),)]
MACHINES = (Machines(QEMU, 3), Machines(METAL, 1))


def any_plan(dice: random.Random) -> Plan:
    """Up to four waves, each by share or by number, some for some machines, and often for all of whom they expect."""
    shares = sorted(dice.choice([0, 1_000, 10_000, 50_000, 200_000, 500_000]) for _ in range(dice.randrange(1, 5)))
    waves = tuple(
        Wave(
            f"wave-{number}",
            ppm=share if by_share else None,
            instances=None if by_share else dice.randrange(1, 20),
            match=dice.choice(MATCHES),
            settle_percent=dice.choice([100, 100, 90, 50, 0]),
            bake_seconds=dice.choice([0, 0, 3600]),
        )
        for number, share in enumerate(shares)
        for by_share in [dice.random() < 0.7]
    )
    skipping = Approval(stamp().version, dice.choice(waves).name, skip_bake=True)
    return Plan(waves=(*waves, LAST), approval=skipping if dice.random() < 0.2 else None)


def test_a_wave_whose_instances_all_succeed_always_settles():
    for seed in range(1000):
        dice = random.Random(seed)
        fleet = assumed(dice.choice([1, 5, 20, 60]), machines=MACHINES, seed=seed, until_seconds=3 * 86400)
        group = simulated(any_plan(dice), stamp=stamp(salt=f"salt-{seed}"))

        result = run.run(group, fleet)

        assert result.end is End.COMPLETE, (seed, group.plan.waves, result.course, result.why)


def test_one_percent_of_a_thousand_settles_whatever_the_draw():
    plan = Plan(waves=(Wave("canary", ppm=10_000, settle_percent=100), LAST))
    for seed in range(20):
        result = run.run(simulated(plan, stamp=stamp(salt=f"salt-{seed}")), assumed(1000, seed=seed))

        assert result.end is End.COMPLETE, (seed, result.course, result.why)
