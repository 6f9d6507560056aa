"""The part of the fleet store's contract about grants and about the rollouts that they belong to."""

import asyncio
from datetime import timedelta

import pytest

from support.fleet_store_actions import HOUR, SECOND, ask, assert_in_flight_agrees, counts, granted
from support.fleet_values import APP_ID, NEW, NOW, OLD, PAYLOAD, TIMEOUTS, TRACK, group, sighting, stamp
from update_core import versions
from update_core.fleet.grants import GrantState
from update_core.rollout.model import Hop, Limits, Offer, Reason, Refusal


class Granting:
    """The grant transaction."""

    async def test_first_grant_is_recorded_with_its_deadline(self, store):
        answer = await ask(store, "one")

        grant = answer.decision.grant
        assert (grant.number, grant.sequence, grant.version, grant.state) == (1, 1, NEW, GrantState.GRANTED)
        assert (grant.granted_at, grant.deadline) == (NOW, NOW + HOUR)
        assert list(await store.live_grants()) == [grant]
        assert answer.closed is None

    async def test_ledger_after_a_grant_counts_it(self, store):
        answer = await ask(store, "one", group(limits=Limits(max_updates=1, period_seconds=60)))

        assert (answer.ledger.highest_sequence, answer.ledger.next_number, answer.ledger.in_flight) == (1, 2, 1)
        assert answer.ledger.rate_slot == NOW + timedelta(seconds=60)

    async def test_grant_records_the_instance(self, store):
        await granted(store, "one")

        assert (await store.instance(APP_ID, "one")).version == OLD

    async def test_asking_again_gives_the_same_grant_and_consumes_no_limit(self, store):
        limited = group(limits=Limits(max_updates=1, period_seconds=60, max_in_flight=1))
        first = await granted(store, "one", limited)

        again = await ask(store, "one", limited, at=NOW + SECOND)

        assert again.decision.grant == first
        assert (again.ledger.next_number, again.ledger.in_flight) == (2, 1)

    async def test_rate_limit_refuses_until_the_period_is_over(self, store):
        limited = group(limits=Limits(max_updates=2, period_seconds=60))
        await granted(store, "one", limited)
        await granted(store, "two", limited, at=NOW + SECOND)

        early = await ask(store, "three", limited, at=NOW + 60 * SECOND - timedelta(microseconds=1))
        in_time = await ask(store, "three", limited, at=NOW + 60 * SECOND)

        assert early.decision == Refusal(Reason.RATE_LIMITED, NOW + 60 * SECOND)
        assert isinstance(in_time.decision, Offer)

    async def test_refusal_writes_nothing(self, store):
        limited = group(limits=Limits(max_updates=1, period_seconds=60))
        await granted(store, "one", limited)
        before = await store.ledgers()

        await ask(store, "two", limited)

        assert await store.ledgers() == before
        assert await store.instance(APP_ID, "two") is None

    async def test_full_group_refuses_until_the_first_deadline(self, store):
        limited = group(limits=Limits(max_in_flight=2))
        await granted(store, "one", limited)
        await granted(store, "two", limited, at=NOW + SECOND)

        assert (await ask(store, "three", limited)).decision == Refusal(Reason.TOO_MANY_IN_FLIGHT, NOW + HOUR)

    async def test_every_hop_is_a_grant_of_its_own_and_counts_for_the_limits(self, store):
        floor = Hop(versions.parse("1.0.5"), (PAYLOAD,))
        stepwise = group(floors=(floor,), limits=Limits(max_updates=2, period_seconds=60, max_in_flight=1))
        first = await granted(store, "one", stepwise)
        early = await ask(store, "one", stepwise, at=NOW + SECOND)
        await store.observe(sighting("one", "1.0.5", at=NOW + SECOND), TIMEOUTS)
        second = await ask(store, "one", stepwise, at=NOW + SECOND, version="1.0.5")

        assert (first.number, first.version, early.decision.grant) == (1, "1.0.5", first)
        grant = second.decision.grant
        assert (grant.number, grant.version, grant.sequence, second.closed) == (2, NEW, 1, None)
        assert list(await store.live_grants()) == [grant]
        assert (second.ledger.in_flight, second.ledger.rate_slot) == (1, NOW + 60 * SECOND)

    async def test_a_hop_that_lies_behind_the_instance_makes_way_for_the_next(self, store):
        stepwise = group(floors=(Hop(versions.parse("1.0.5"), (PAYLOAD,)),), limits=Limits(max_in_flight=1))
        first = await granted(store, "one", stepwise)

        beyond = await ask(store, "one", stepwise, at=NOW + SECOND, version="1.0.7")

        assert (beyond.decision.grant.version, beyond.closed.number) == (NEW, first.number)
        assert beyond.closed.state is GrantState.SUPERSEDED
        assert beyond.ledger.in_flight == 1

    async def test_finished_update_makes_room(self, store):
        limited = group(limits=Limits(max_in_flight=1))
        await granted(store, "one", limited)
        await store.observe(sighting("one", NEW), TIMEOUTS)

        assert isinstance((await ask(store, "two", limited)).decision, Offer)

    async def test_older_rollout_is_refused_as_stale(self, store):
        await store.record_rollout(group(sequence=1), stamp(1), completed=False, now=NOW)
        await store.record_rollout(group(sequence=2), stamp(2), completed=False, now=NOW)

        assert (await ask(store, "one", group(sequence=1))).decision == Refusal(Reason.STALE_CATALOG)

    async def test_new_rollout_supersedes_the_instances_grant(self, store):
        old = await granted(store, "one")

        answer = await ask(
            store, "one", group(sequence=2, version="1.2.0", limits=Limits(max_in_flight=1)), at=NOW + SECOND
        )

        assert (answer.closed.number, answer.closed.state) == (old.number, GrantState.SUPERSEDED)
        assert [grant.version for grant in await store.live_grants()] == ["1.2.0"]
        assert answer.ledger.in_flight == 1
        await assert_in_flight_agrees(store)

    async def test_grant_in_another_group_closes_the_one_that_was_left(self, store):
        await granted(store, "one")

        answer = await ask(store, "one", group(track="beta"))

        assert (answer.closed.track, answer.closed.state) == (TRACK, GrantState.MOVED)
        assert [grant.track for grant in await store.live_grants()] == ["beta"]
        await assert_in_flight_agrees(store)

    async def test_anonymous_instance_is_offered_and_leaves_no_trace(self, store):
        answer = await ask(store, None)

        assert isinstance(answer.decision, Offer)
        assert answer.decision.grant is None
        assert list(await store.live_grants()) == []
        assert answer.ledger.next_number == 1

    async def test_clock_that_goes_back_gives_grants_at_the_time_of_the_last(self, store):
        await granted(store, "one")

        assert (await granted(store, "two", at=NOW - HOUR)).granted_at == NOW

    async def test_groups_and_applications_have_limits_of_their_own(self, store):
        limits = Limits(max_updates=1, period_seconds=60)

        numbers = [
            (await granted(store, "one", group(limits=limits, track=track, app_id=app_id))).number
            for app_id, track in ((APP_ID, TRACK), (APP_ID, "beta"), ("com.example.other", TRACK))
        ]

        assert numbers == [1, 1, 1]

    async def test_forty_parallel_checks_at_one_update_get_exactly_one_offer_a_hundred_times(self, store):
        offers = []
        for turn in range(100):
            limited = group(track=f"track-{turn}", limits=Limits(max_updates=1, period_seconds=60))
            answers = await asyncio.gather(*(ask(store, f"i{turn}-{number}", limited) for number in range(40)))
            offers.append(sum(isinstance(answer.decision, Offer) for answer in answers))

        assert offers == [1] * 100


class Rollouts:
    """The mirror of the operator's stamps."""

    async def test_first_rollout_is_not_delayed(self, store):
        ledger = await store.record_rollout(group(), stamp(), completed=False, now=NOW)

        assert (ledger.highest_sequence, ledger.quiet_until) == (1, None)

    async def test_first_rollout_that_is_mirrored_late_is_not_delayed(self, store):
        ledger = await store.record_rollout(group(), stamp(), completed=False, now=NOW + HOUR)

        assert ledger.quiet_until is None

    @pytest.mark.parametrize(
        "known",
        [
            pytest.param(stamp(2), id="a later rollout of a group never seen"),
            pytest.param(stamp(1, started_at=NOW - 2 * HOUR), id="a first rollout older than the store"),
        ],
    )
    @pytest.mark.parametrize("mirrored", [True, False], ids=["mirrored first", "granted first"])
    async def test_lost_store_grants_nothing_until_the_longest_limit_has_passed(self, store, known, mirrored):
        lost = group(stamp=known, limits=Limits(max_updates=5, period_seconds=7200))
        if mirrored:
            await store.record_rollout(lost, known, completed=False, now=NOW)

        early = await ask(store, "one", lost, at=NOW)
        still = await ask(store, "one", lost, at=NOW + 2 * HOUR - SECOND)
        over = await ask(store, "one", lost, at=NOW + 2 * HOUR)

        assert early.decision == still.decision == Refusal(Reason.RATE_LIMITED, NOW + 2 * HOUR)
        assert isinstance(over.decision, Offer)

    async def test_lost_store_waits_at_least_for_updates_that_it_does_not_know_of(self, store):
        ledger = await store.record_rollout(group(sequence=3), stamp(3), completed=False, now=NOW)

        assert ledger.quiet_until == NOW + HOUR

    async def test_later_rollout_raises_the_highest_sequence(self, store):
        await store.record_rollout(group(), stamp(1), completed=False, now=NOW)

        ledger = await store.record_rollout(group(sequence=7), stamp(7), completed=False, now=NOW)

        assert (ledger.highest_sequence, ledger.quiet_until) == (7, None)

    async def test_earlier_rollout_is_refused_as_stale(self, store):
        await store.record_rollout(group(), stamp(1), completed=False, now=NOW)
        await store.record_rollout(group(sequence=2), stamp(2), completed=False, now=NOW)

        assert await store.record_rollout(group(), stamp(1), completed=False, now=NOW) == Refusal(Reason.STALE_CATALOG)

    async def test_latest_rollout_is_read_back_whole(self, store):
        await store.record_rollout(group(), stamp(1, kind="Rollback"), completed=False, now=NOW)

        rollout = (await counts(store)).rollout

        assert (rollout.sequence, rollout.version, rollout.salt, rollout.started_at) == (1, NEW, "salt-1", NOW)
        assert (rollout.kind, rollout.completed_at) == ("Rollback", None)

    async def test_completion_stays(self, store):
        for completed, at in ((True, NOW), (False, NOW + HOUR), (True, NOW + 2 * HOUR)):
            await store.record_rollout(group(), stamp(1), completed=completed, now=at)

        assert (await counts(store)).rollout.completed_at == NOW

    async def test_rollout_that_is_granted_before_it_is_mirrored_is_known(self, store):
        await granted(store, "one")

        assert (await counts(store)).rollout.sequence == 1

    async def test_same_sequence_stamped_anew_is_not_complete(self, store):
        await store.record_rollout(group(), stamp(1), completed=True, now=NOW)
        await store.record_rollout(group(), stamp(1, salt="another"), completed=False, now=NOW)

        rollout = (await counts(store)).rollout
        assert (rollout.salt, rollout.completed_at) == ("another", None)
