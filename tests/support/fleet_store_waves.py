"""The part of the fleet store's contract about waves, newcomers and retries: whom a grant lets in beside the limits."""

import asyncio
from datetime import timedelta

import pytest

from support.fleet_store_actions import (
    HOUR,
    SECOND,
    ask,
    assert_in_flight_agrees,
    granted,
    known,
    ledger_of,
    weigh,
)
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, group, sighting, stamp
from update_core import versions
from update_core.fleet.evidence import Event
from update_core.fleet.store import MAX_VERSIONS_FAILED
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Hop, Limits, Offer, Reason, Refusal
from update_core.rollout.plan import Course, HaltOn, Plan, Retry
from update_core.rollout.waves import Opened, Requirement, Wave

FIRST = Opened("first", NOW, instances=2)
EVERYBODY = Opened("everybody", NOW, ppm=PPM_OF_ALL)
GUARDED = Plan(halt_on=HaltOn(failure_percent=50))
MINUTE = timedelta(minutes=1)


def waved(*opened: Opened, epoch: int = 0, **changes):
    """A group with two waves, of which these are open."""
    plan = Plan(waves=(Wave("first", instances=2), Wave("everybody", ppm=PPM_OF_ALL)))
    return group(**{"plan": plan, "course": Course(opened=opened, epoch=epoch)} | changes)


async def failed(store, name: str, of_group=None, *, at=NOW):
    """A grant that fails at once."""
    await granted(store, name, of_group, at=at)
    (grant,) = await weigh(store, name, Event(3, 0, 9), at=at)
    return grant


class Waves:
    """Waves that let a number of instances in."""

    async def test_wave_lets_its_number_of_instances_in_and_no_more(self, store):
        await known(store, "one", "two", "three")
        decisions = [(await ask(store, name, waved(FIRST))).decision for name in ("one", "two", "three")]

        assert [isinstance(decision, Offer) for decision in decisions] == [True, True, False]
        assert decisions[2] == Refusal(Reason.NOT_IN_COHORT)
        assert (await ledger_of(store)).through["first"] == 2

    async def test_wave_is_never_exceeded_by_checks_at_the_same_time(self, store):
        names = [f"i{number}" for number in range(30)]
        await known(store, *names)

        answers = await asyncio.gather(*(ask(store, name, waved(FIRST)) for name in names))

        assert sum(isinstance(answer.decision, Offer) for answer in answers) == 2
        assert (await ledger_of(store)).through["first"] == 2

    async def test_grant_tells_its_wave_and_its_epoch(self, store):
        await known(store, "one", "two", "three")
        both = waved(FIRST, EVERYBODY, epoch=4)
        for name in ("one", "two", "three"):
            await granted(store, name, both)

        live = {grant.instance_id: grant for grant in await store.live_grants()}

        assert {name: (grant.wave, grant.epoch, grant.established) for name, grant in live.items()} == {
            "one": ("first", 4, True),
            "two": ("first", 4, True),
            "three": ("everybody", 4, True),
        }

    async def test_retry_is_not_counted_again(self, store):
        await known(store, "one", "two", "three")
        await failed(store, "one", waved(FIRST))
        await granted(store, "two", waved(FIRST))

        again = await ask(store, "one", waved(FIRST), at=NOW + MINUTE)
        other = await ask(store, "three", waved(FIRST), at=NOW + MINUTE)

        assert again.decision.grant.wave == "first"
        assert again.ledger.through["first"] == 2
        assert other.decision == Refusal(Reason.NOT_IN_COHORT)

    async def test_instance_that_was_counted_elsewhere_is_counted_where_it_comes_in_later(self, store):
        await known(store, "one", "two", "three")
        of_floor = Opened("first", NOW, instances=1, match=(Requirement("version", frozenset({"1.0.5"})),))
        stepwise = waved(of_floor, EVERYBODY, floors=(Hop(versions.parse("1.0.5"), group().payloads),))
        for name in ("one", "two"):
            await granted(store, name, stepwise)
            await store.observe(sighting(name, "1.0.5"), TIMEOUTS)

        waves = [(await ask(store, name, stepwise, version="1.0.5")).decision.grant.wave for name in ("one", "two")]

        assert waves == ["first", "everybody"]
        assert (await ledger_of(store)).through["first"] == 1

    async def test_next_rollout_counts_anew(self, store):
        await known(store, "one", "two")
        for name in ("one", "two"):
            await granted(store, name, waved(FIRST))

        ledger = await store.record_rollout(waved(FIRST, sequence=2), stamp(2), completed=False, now=NOW)

        assert dict(ledger.through) == {}
        assert (await granted(store, "one", waved(FIRST, sequence=2))).wave == "first"
        assert (await ledger_of(store)).through["first"] == 1

    async def test_resumed_rollout_goes_on_counting(self, store):
        await known(store, "one", "two", "three")
        for name in ("one", "two"):
            await failed(store, name, waved(FIRST))

        resumed = waved(FIRST, epoch=1)

        assert (await granted(store, "one", resumed)).epoch == 1
        assert (await ask(store, "three", resumed)).decision == Refusal(Reason.NOT_IN_COHORT)

    @pytest.mark.parametrize(
        ("first_seen", "at", "let_in"),
        [
            pytest.param(None, NOW + HOUR, False, id="never heard before"),
            pytest.param(NOW, NOW + HOUR, False, id="heard since the rollout began"),
            pytest.param(NOW - SECOND, NOW + 598 * SECOND, False, id="not heard for long enough"),
            pytest.param(NOW - SECOND, NOW + 599 * SECOND, True, id="heard before and for long enough"),
        ],
    )
    async def test_only_established_instances_are_let_in_by_number(self, store, first_seen, at, let_in):
        if first_seen is not None:
            await store.observe(sighting("one", at=first_seen), None)

        decision = (await ask(store, "one", waved(FIRST), at=at)).decision

        assert isinstance(decision, Offer) is let_in
        if let_in:
            assert decision.grant.established
        else:
            assert decision == Refusal(Reason.NOT_IN_COHORT)


class Newcomers:
    """What instances that nobody knows yet may have of the limits where a rollout is guarded."""

    async def test_newcomers_have_a_tenth_of_the_rate_among_themselves(self, store):
        limited = group(plan=GUARDED, limits=Limits(max_updates=20, period_seconds=60))
        await known(store, "old")
        for number in range(2):
            await granted(store, f"new-{number}", limited, at=NOW + number * SECOND)

        third = await ask(store, "new-2", limited, at=NOW + 2 * SECOND)
        old = await ask(store, "old", limited, at=NOW + 2 * SECOND)
        later = await ask(store, "new-2", limited, at=NOW + 60 * SECOND)

        assert third.decision == Refusal(Reason.RATE_LIMITED, NOW + 60 * SECOND)
        assert third.ledger.newcomer_slot == NOW + 60 * SECOND
        assert third.ledger.rate_slot is None
        assert isinstance(old.decision, Offer)
        assert isinstance(later.decision, Offer)
        assert later.ledger.newcomer_slot == NOW + 61 * SECOND

    async def test_newcomers_have_a_tenth_of_the_places_in_flight(self, store):
        limited = group(plan=GUARDED, limits=Limits(max_in_flight=20))
        await known(store, "old")
        for number in range(2):
            await granted(store, f"new-{number}", limited)

        third = await ask(store, "new-2", limited)
        old = await ask(store, "old", limited)
        await weigh(store, "new-0", Event(3, 4))
        later = await ask(store, "new-2", limited)

        assert third.decision == Refusal(Reason.TOO_MANY_IN_FLIGHT, NOW + HOUR)
        assert isinstance(old.decision, Offer)
        assert isinstance(later.decision, Offer)
        assert later.ledger.newcomers_in_flight == 2
        await assert_in_flight_agrees(store)

    async def test_newcomers_have_at_least_one_place(self, store):
        limited = group(plan=GUARDED, limits=Limits(max_updates=1, period_seconds=60, max_in_flight=1))

        assert isinstance((await ask(store, "new", limited)).decision, Offer)

    async def test_newcomer_replaces_its_own_grant(self, store):
        limits = Limits(max_in_flight=10)
        await granted(store, "new", group(plan=GUARDED, limits=limits))

        answer = await ask(store, "new", group(plan=GUARDED, limits=limits, sequence=2, version="1.2.0"))

        assert isinstance(answer.decision, Offer)
        assert (answer.ledger.in_flight, answer.ledger.newcomers_in_flight) == (1, 1)

    async def test_newcomers_have_all_of_it_where_nothing_is_judged(self, store):
        limited = group(limits=Limits(max_updates=20, period_seconds=60, max_in_flight=20))

        answers = [(await ask(store, f"new-{number}", limited)).decision for number in range(5)]

        assert all(isinstance(decision, Offer) for decision in answers)

    async def test_share_counts_what_was_granted_before_the_group_was_guarded(self, store):
        limits = Limits(max_updates=20, period_seconds=60)
        for number in range(2):
            await granted(store, f"new-{number}", group(limits=limits))

        decision = (await ask(store, "new-2", group(limits=limits, plan=GUARDED))).decision

        assert decision == Refusal(Reason.RATE_LIMITED, NOW + 60 * SECOND)


class Retries:
    """Failures by instance and version."""

    async def test_instance_that_failed_waits_twice_as_long_each_time(self, store):
        await failed(store, "one")
        early = await ask(store, "one", at=NOW + 60 * SECOND - timedelta(microseconds=1))
        await failed(store, "one", at=NOW + 60 * SECOND)
        again = await ask(store, "one", at=NOW + 61 * SECOND)

        assert early.decision == Refusal(Reason.BACKING_OFF, NOW + 60 * SECOND)
        assert again.decision == Refusal(Reason.BACKING_OFF, NOW + 180 * SECOND)
        assert isinstance((await ask(store, "one", at=NOW + 180 * SECOND)).decision, Offer)

    async def test_instance_is_given_a_version_so_often_and_no_more(self, store):
        twice = group(plan=Plan(retry=Retry(max_attempts=2, backoff_seconds=1)))
        for number in range(2):
            await failed(store, "one", twice, at=NOW + number * HOUR)

        assert (await ask(store, "one", twice, at=NOW + timedelta(days=30))).decision == Refusal(
            Reason.ATTEMPTS_EXHAUSTED
        )
        assert isinstance((await ask(store, "two", twice, at=NOW + timedelta(days=30))).decision, Offer)

    async def test_another_version_begins_anew(self, store):
        await failed(store, "one")

        assert isinstance((await ask(store, "one", group(sequence=2, version="1.2.0"))).decision, Offer)

    async def test_later_rollout_of_the_same_version_goes_on_counting(self, store):
        await failed(store, "one")

        assert (await ask(store, "one", group(sequence=2))).decision == Refusal(Reason.BACKING_OFF, NOW + 60 * SECOND)

    async def test_reset_lets_it_try_at_once(self, store):
        await failed(store, "one")
        await store.reset(APP_ID, "one", NOW)

        assert (await store.instance(APP_ID, "one")).attempts == ()
        assert isinstance((await ask(store, "one")).decision, Offer)

    async def test_resume_begins_the_count_anew(self, store):
        await failed(store, "one")
        resumed = group(course=Course(epoch=1))

        grant = await failed(store, "one", resumed)

        assert grant.epoch == 1
        assert (await ask(store, "one", resumed)).decision == Refusal(Reason.BACKING_OFF, NOW + 60 * SECOND)

    async def test_reached_version_is_forgiven(self, store):
        await failed(store, "one")
        await granted(store, "one", at=NOW + MINUTE)
        await store.observe(sighting("one", NEW, at=NOW + MINUTE), TIMEOUTS)

        assert (await store.instance(APP_ID, "one")).attempts == ()

    async def test_timeout_counts_until_the_version_is_reached_after_all(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(14, 1))
        await store.sweep(NOW + HOUR)
        (timed_out,) = (await store.instance(APP_ID, "one")).attempts
        await store.observe(sighting("one", NEW, at=NOW + 2 * HOUR), TIMEOUTS)

        assert (timed_out.version, timed_out.failures, timed_out.failed_at) == (NEW, 1, NOW + HOUR)
        assert (await store.instance(APP_ID, "one")).attempts == ()

    @pytest.mark.parametrize("how", ["lapsed", "released", "superseded", "moved"])
    async def test_what_merely_ended_counts_for_nothing(self, store, how):
        await granted(store, "one")
        if how == "lapsed":
            await store.sweep(NOW + HOUR)
        elif how == "released":
            await weigh(store, "one", Event(3, 4))
        elif how == "superseded":
            await granted(store, "one", group(sequence=2, version="1.2.0"))
        else:
            await store.observe(sighting("one", OLD, track="beta"), TIMEOUTS)

        assert (await store.instance(APP_ID, "one")).attempts == ()

    async def test_versions_that_failed_last_are_kept(self, store):
        for number in range(MAX_VERSIONS_FAILED + 2):
            await failed(store, "one", group(sequence=number + 1, version=f"1.{number + 1}.0"))

        attempts = (await store.instance(APP_ID, "one")).attempts

        assert [each.version for each in attempts] == [f"1.{number + 3}.0" for number in range(MAX_VERSIONS_FAILED)]
        assert [each.sequence for each in attempts] == [number + 3 for number in range(MAX_VERSIONS_FAILED)]
