"""What every fleet store does where an application may have so many instances, or a network so many updates in flight, and no more.

Inherit Enrolling and give it two fixtures: `store`, open and empty, whose applications may grow by SMALL, and its `clock`, which the test
moves. Crowding needs `store` as FleetStoreContract has it.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from support.fleet_store_actions import SECOND, ask, counts, granted, known, ledger_of
from support.fleet_store_outcomes import BAD, GOOD, HALF, end, judged
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, asking, group, sighting, stamp
from update_core.fleet.enrolment import BASELINE_LASTS, Growth
from update_core.fleet.reading import InstanceQuery
from update_core.fleet.store import Sighting, Source
from update_core.rollout.model import Offer, Reason, Refusal

SMALL = Growth(factor=2, extra=3)
"""A new application has room for three."""

OTHER_APP = "11111111-2222-3333-4444-555555555555"


async def names(store) -> set[str]:
    """The instances that have a row."""
    return {row.record.instance_id for row in await store.instances(InstanceQuery(APP_ID))}


async def ask_from(store, name, network, *, most=2, at=NOW, of_group=None):
    """Ask for a grant from a network that may have so many in flight."""
    seen = replace(sighting(name, at=at), source=Source(network, most))
    return await store.grant(of_group or group(), asking(name, OLD), seen, at)


class Crowding:
    """Networks, each of which may have two updates in flight."""

    async def test_a_network_gets_no_more_than_it_may_have_in_flight(self, store):
        answers = [await ask_from(store, f"i{number}", "here") for number in range(3)]

        assert [isinstance(each.decision, Offer) for each in answers] == [True, True, False]
        assert (answers[2].decision, answers[2].crowded) == (Refusal(Reason.TOO_MANY_IN_FLIGHT), True)
        assert await store.instance(APP_ID, "i2") is None
        assert isinstance((await ask_from(store, "i2", "there")).decision, Offer)

    async def test_those_who_come_at_once_are_counted_one_by_one_too(self, store):
        answers = await asyncio.gather(*(ask_from(store, f"i{number}", "here") for number in range(9)))

        assert len(await store.live_grants()) == sum(not each.crowded for each in answers) == 2

    async def test_an_update_that_ended_makes_room(self, store):
        for number in range(3):
            await ask_from(store, f"i{number}", "here")
        await store.observe(sighting("i0", NEW, at=NOW + SECOND), TIMEOUTS)

        assert isinstance((await ask_from(store, "i2", "here", at=NOW + SECOND)).decision, Offer)

    async def test_it_is_of_one_application(self, store):
        for number in range(2):
            await ask_from(store, f"i{number}", "here")
        other = group(app_id=OTHER_APP)
        seen = replace(sighting("i2", app_id=OTHER_APP), source=Source("here", 2))

        assert isinstance((await store.grant(other, asking("i2", OLD), seen, NOW)).decision, Offer)

    async def test_ones_own_grant_isnt_in_its_way(self, store):
        for number in range(2):
            await ask_from(store, f"i{number}", "here")
        later = group(stamp=stamp(sequence=2))

        renewed = await ask_from(store, "i0", "here", at=NOW + SECOND, of_group=later)

        assert isinstance(renewed.decision, Offer)
        assert renewed.closed is not None

    @pytest.mark.parametrize(
        ("percent", "networks", "halted"),
        [
            pytest.param(100, ["here"] * 4, True, id="no bound"),
            pytest.param(50, ["here"] * 9, False, id="half of what is judged by, all of it from one"),
            pytest.param(50, ["here", "here", "there", "there"], True, id="half from each of two"),
            pytest.param(50, ["here"] * 9 + ["there"] * 2, True, id="what was beyond isn't in the way"),
            pytest.param(1, ["here"] * 9, False, id="at least one"),
            pytest.param(1, ["a", "b", "c", "d"], True, id="one from each"),
        ],
    )
    async def test_no_network_halts_a_rollout_beyond_its_share(self, store, percent, networks, halted):
        of_group = judged(HALF)
        await store.record_rollout(of_group, of_group.stamp, completed=False, now=NOW)
        for number, network in enumerate(networks):
            await known(store, f"i{number}")
            seen = replace(sighting(f"i{number}"), source=Source(network, sample_percent=percent))
            assert isinstance((await store.grant(of_group, asking(f"i{number}", OLD), seen, NOW)).decision, Offer)
            await end(store, f"i{number}", of_group, BAD)

        assert ((await ledger_of(store)).latch is not None) == halted

    async def test_an_instance_whose_outcome_counts_may_have_another(self, store):
        of_group = judged(HALF)
        await store.record_rollout(of_group, of_group.stamp, completed=False, now=NOW)
        for number in range(3):
            await known(store, f"i{number}")
            seen = replace(sighting(f"i{number}"), source=Source("here", sample_percent=50))
            await store.grant(of_group, asking(f"i{number}", OLD), seen, NOW)
            await end(store, f"i{number}", of_group, BAD)
        again = replace(sighting("i0"), source=Source("here", sample_percent=50))
        await store.grant(of_group, asking("i0", OLD), again, NOW)
        await end(store, "i0", of_group, GOOD)

        wave = (await counts(store, of_group)).waves["everybody"]
        assert (wave.succeeded, wave.failed) == (1, 1)

    async def test_those_from_nowhere_count_nowhere(self, store):
        for number in range(5):
            await granted(store, f"i{number}")

        assert isinstance((await ask_from(store, "i5", "here")).decision, Offer)


class Enrolling:
    """New instances, up to what their application may have."""

    async def test_nobody_is_taken_in_beyond_what_an_application_may_have(self, store, clock):
        moved = [await store.observe(sighting(f"i{number}"), TIMEOUTS) for number in range(5)]

        assert [each.enrolment_until for each in moved] == [None] * 3 + [clock.now + BASELINE_LASTS] * 2
        assert await names(store) == {"i0", "i1", "i2"}

    async def test_those_who_come_at_once_are_counted_one_by_one(self, store):
        moved = await asyncio.gather(*(store.observe(sighting(f"i{number}"), TIMEOUTS) for number in range(20)))

        assert sum(each.enrolment_until is None for each in moved) == len(await names(store)) == 3

    async def test_one_that_isnt_taken_in_gets_no_grant_and_leaves_nothing(self, store, clock):
        await known(store, "one", "two", "three")
        position = await store.position()

        decision = (await ask(store, "four")).decision

        assert decision == Refusal(Reason.ENROLMENT_LIMITED, clock.now + BASELINE_LASTS)
        assert await store.instance(APP_ID, "four") is None
        assert (await store.live_grants(), await store.position()) == ([], position)

    async def test_a_grant_takes_one_in_as_a_sighting_does(self, store):
        for name in ("one", "two", "three"):
            await granted(store, name)

        assert (await ask(store, "four")).decision.reason is Reason.ENROLMENT_LIMITED

    async def test_those_who_are_known_go_on_as_before(self, store):
        await known(store, "one", "two", "three")

        assert isinstance((await ask(store, "one")).decision, Offer)
        assert (await store.observe(sighting("two", NEW, at=NOW + SECOND), TIMEOUTS)).enrolment_until is None
        assert (await store.instance(APP_ID, "two")).version == NEW

    async def test_touching_takes_nobody_in(self, store):
        await known(store, "one", "two", "three")

        await store.touch([sighting("four", at=NOW + SECOND)])

        assert await names(store) == {"one", "two", "three"}

    async def test_after_a_day_there_is_room_for_as_many_as_were_known_then(self, store, clock):
        await known(store, "one", "two", "three", "four")

        clock.now += BASELINE_LASTS - SECOND
        await known(store, "early")
        assert len(await names(store)) == 3
        clock.now += SECOND
        await known(store, *(f"later{number}" for number in range(20)))

        assert len(await names(store)) == 2 * 3 + 3

    async def test_growth_is_measured_by_what_was_known_at_the_days_beginning(self, store, clock):
        await known(store, "one", "two", "three")
        clock.now += BASELINE_LASTS
        await known(store, *(f"first{number}" for number in range(4)))
        clock.now += BASELINE_LASTS / 2
        await known(store, *(f"second{number}" for number in range(20)))

        assert len(await names(store)) == 9

    async def test_a_clock_that_was_ahead_closes_nothing_for_long(self, store, clock):
        clock.now += timedelta(days=400)
        await known(store, "one", "two", "three", "four")
        clock.now -= timedelta(days=400)

        await known(store, "four")

        assert "four" in await names(store)

    async def test_one_that_was_forgotten_leaves_its_place(self, store):
        await known(store, "one", "two", "three")

        await store.forget(APP_ID, "two", NOW + SECOND)
        await known(store, "four", "five")

        assert await names(store) == {"one", "three", "four"}

    async def test_one_that_fell_silent_for_good_leaves_its_place(self, store):
        await known(store, "one", "two", "three")

        assert set(await store.retire(APP_ID, 60, NOW + timedelta(seconds=61), 2)) < {"one", "two", "three"}
        await known(store, *(f"new{number}" for number in range(5)))

        assert len(await names(store)) == 3

    async def test_applications_dont_fill_each_other(self, store):
        await known(store, "one", "two", "three")

        moved = await store.observe(Sighting(OTHER_APP, "four", TRACK, OLD, NOW), TIMEOUTS)

        assert moved.enrolment_until is None

    @pytest.mark.parametrize("how", ["forget", "retire"])
    async def test_an_instance_that_came_again_is_counted_once(self, store, how):
        for _ in range(5):
            await known(store, "one")
            if how == "forget":
                await store.forget(APP_ID, "one", NOW)
            else:
                await store.retire(APP_ID, 60, NOW + timedelta(seconds=61), 9)

        await known(store, "one", "two", "three", "four")

        assert await names(store) == {"one", "two", "three"}

    async def test_a_refused_offer_keeps_no_place(self, store):
        paused = group(paused=True)
        for number in range(9):
            await ask(store, f"i{number}", paused)

        await known(store, "one", "two", "three")

        assert await names(store) == {"one", "two", "three"}
