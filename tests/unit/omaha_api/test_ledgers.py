"""What a replica knows of a group never goes back, whichever of two ledgers it hears first."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from omaha_api.instances.ledgers import Ledgers
from support.fleet_values import APP_ID, NOW, TRACK, grant, group, stamp
from update_core.fleet.grants import GrantState
from update_core.fleet.store import GroupLedger
from update_core.rollout.model import Limits
from update_core.rollout.plan import Course, HaltReason, Latch
from update_core.rollout.waves import Opened

LIMITS = Limits(max_updates=10, period_seconds=60)
GROUP = group(limits=LIMITS)
SLOT = NOW + timedelta(minutes=1)


def latch(sequence=1, epoch=0):
    return Latch(sequence, epoch, NOW, HaltReason.CONSECUTIVE_FAILURES, f"rollout {sequence}, epoch {epoch}")


def ledger(sequence=1, next_number=1, **more):
    return GroupLedger(APP_ID, TRACK, sequence, next_number, **more)


def seen(ledgers, of=GROUP, instance_id="one"):
    return ledgers.fleet(of, None, instance_id, NOW, ())


@pytest.fixture
def ledgers():
    return Ledgers(shared=True, groups=lambda _app_id, _track: None)


# In the order of their commits: two grants, a halt, a resumed rollout that is halted again, the next rollout.
COMMITS = [
    ledger(1, 2, through={"canary": 1}),
    ledger(1, 3, through={"canary": 2}),
    ledger(1, 3, through={"canary": 2}, latch=latch()),
    ledger(1, 3, through={"canary": 2}, latch=latch(epoch=1)),
    ledger(2, 3, latch=latch(epoch=1)),
    ledger(2, 4, through={"early": 1}, latch=latch(epoch=1)),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(COMMITS)), 3)), ids=str)
def test_the_latest_of_what_was_heard_holds_in_whatever_order_it_was_heard(ledgers, order):
    for place in order:
        ledgers.hear(COMMITS[place])

    latest, fleet = (
        COMMITS[max(order)],
        seen(ledgers, group(sequence=max(COMMITS[place].highest_sequence for place in order))),
    )
    assert (fleet.highest_sequence, fleet.latch) == (latest.highest_sequence, latest.latch)
    numbers = [(COMMITS[place].highest_sequence, COMMITS[place].next_number, place) for place in order]
    assert fleet.through == COMMITS[max(numbers)[2]].through


def test_a_ledger_that_was_read_for_no_groups_limits_leaves_the_slots_as_they_are(ledgers):
    ledgers.learn(ledger(1, 2, rate_slot=SLOT, newcomer_slot=SLOT), LIMITS)
    ledgers.hear(ledger(1, 3))

    fleet = seen(ledgers)
    assert (fleet.rate_slot, fleet.newcomer_slot) == (SLOT, SLOT)
    other = seen(ledgers, group(limits=replace(LIMITS, max_updates=20)))
    assert (other.rate_slot, other.newcomer_slot) == (None, None)


def test_a_halt_is_taken_over_from_a_ledger_whose_counts_are_older(ledgers):
    ledgers.learn(ledger(1, 5, through={"canary": 4}), LIMITS)

    ledgers.latch(ledger(1, 3, through={"canary": 2}, in_flight=7, latch=latch()))

    fleet = seen(ledgers)
    assert (fleet.latch, fleet.through, fleet.in_flight) == (latch(), {"canary": 4}, 0)


def test_newcomers_in_flight_are_counted_apart(ledgers):
    known, new = grant(), grant(instance_id="two", number=2, established=False)
    for each in (known, new):
        ledgers.count(each, 1)
    assert (seen(ledgers).in_flight, seen(ledgers).newcomers_in_flight) == (2, 1)

    ledgers.count(replace(new, state=GrantState.COMPLETE), -1)

    assert (seen(ledgers).in_flight, seen(ledgers).newcomers_in_flight) == (1, 0)


def test_counts_of_the_rollout_before_are_none_of_a_new_one(ledgers):
    ledgers.learn(ledger(1, 2, through={"canary": 1}), LIMITS)
    ledgers.count_in(grant(wave="canary"))
    assert seen(ledgers).counted_in == "canary"

    assert seen(ledgers, group(stamp=stamp(2))).through == {}
    assert seen(ledgers, group(stamp=stamp(2))).counted_in == ""
    ledgers.learn(ledger(2, 2), LIMITS)
    assert seen(ledgers).counted_in == ""


def test_who_came_through_a_wave_that_takes_a_share_isnt_kept():
    opened = (Opened("some", NOW, ppm=1), Opened("few", NOW, instances=5))
    ledgers = Ledgers(shared=False, groups=lambda _app_id, _track: group(course=Course(opened=opened)))
    ledgers.learn(ledger(1, 4), LIMITS)
    for number, wave in enumerate(["some", "few", "not heard of yet"], 1):
        ledgers.count_in(grant(instance_id=wave, number=number, wave=wave))

    counted = {wave: seen(ledgers, instance_id=wave).counted_in for wave in ("some", "few", "not heard of yet")}
    assert counted == {"some": "", "few": "few", "not heard of yet": "not heard of yet"}
