"""What every fleet store on a database does as time passes: inherit FleetKeeperContract and give it `store` as FleetStoreContract has it.

A store that is never told that somebody serves knows of no outages.
"""

import asyncio
from datetime import datetime, timedelta

import pytest

from support.fleet_store_actions import HOUR, SECOND, ask, counts, granted, known, weigh
from support.fleet_store_counting import guarded, mirrored
from support.fleet_store_log import news
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, group, sighting
from update_core.fleet.evidence import Event
from update_core.fleet.grants import GrantState
from update_core.fleet.outages import GAP
from update_core.fleet.reading import InstanceChange, InstanceQuery
from update_core.rollout.model import Limits, Offer, Reason, Refusal

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
POLLED = group(active_seconds=7200, poll_interval_seconds=300)


async def served(store, since: datetime, until: datetime) -> None:
    """Beats from one time to another."""
    while since < until:
        await store.beat(since)
        since += GAP
    await store.beat(until)


class Beats:
    """Outages of the service itself."""

    async def test_while_it_is_served_time_goes_on(self, store):
        grant = await granted(store, "one", await mirrored(store, POLLED))
        await served(store, NOW, NOW + HOUR)

        moved = (await store.sweep(NOW + HOUR)).grants

        assert [(each.number, each.state) for each in moved] == [(grant.number, GrantState.LAPSED)]
        assert (await counts(store, POLLED, at=NOW + HOUR)).settled

    @pytest.mark.parametrize(
        ("away", "deadline"),
        [
            pytest.param(GAP, NOW + HOUR, id="no outage"),
            pytest.param(2 * HOUR, NOW + 3 * HOUR, id="by the outage"),
            pytest.param(5 * MINUTE, NOW + 65 * MINUTE, id="by a short outage"),
        ],
    )
    async def test_an_outage_moves_deadlines_by_its_length(self, store, away, deadline):
        await granted(store, "one", await mirrored(store, POLLED))
        await store.beat(NOW)

        moved = await store.beat(NOW + away)

        assert [grant.deadline for grant in await store.live_grants()] == [deadline]
        assert list(moved) == ([] if away <= GAP else list(await store.live_grants()))

    async def test_nothing_times_out_before_everybody_had_a_chance_to_be_heard(self, store):
        await granted(store, "one", await mirrored(store, POLLED))
        await served(store, NOW, NOW + HOUR - MINUTE)
        back = NOW + 2 * HOUR
        await store.beat(back)
        await served(store, back, back + 10 * MINUTE)

        early = (await store.sweep(back + 10 * MINUTE - SECOND)).grants
        late = (await store.sweep(back + 10 * MINUTE)).grants

        assert (list(early), [grant.state for grant in late]) == ([], [GrantState.LAPSED])

    async def test_a_sweep_that_comes_before_the_beat_ends_nothing(self, store):
        await granted(store, "one", await mirrored(store, POLLED))
        await store.beat(NOW)

        moved = (await store.sweep(NOW + 2 * HOUR)).grants

        assert [(grant.state, grant.deadline) for grant in moved] == [(GrantState.GRANTED, NOW + 3 * HOUR)]
        assert list(await store.live_grants()) == list(moved)
        assert list(await store.beat(NOW + 2 * HOUR + SECOND)) == []

    async def test_what_another_replica_wrote_is_a_beat_for_all(self, store):
        await granted(store, "one", await mirrored(store, POLLED))
        await asyncio.gather(*(served(store, NOW + part * SECOND, NOW + HOUR) for part in range(3)))

        assert [grant.deadline for grant in await store.live_grants()] == [NOW + HOUR]

    async def test_moved_deadlines_are_shown_and_logged(self, store):
        await granted(store, "one", await mirrored(store, POLLED))
        await store.observe(sighting("two"), TIMEOUTS)
        await store.beat(NOW)
        position = await store.position()

        await store.beat(NOW + HOUR)

        (change,) = await news(store, position)
        assert isinstance(change, InstanceChange)
        assert change.before == change.row.selectable
        assert change.row.grant.deadline == NOW + 2 * HOUR
        assert change.row in await store.instances(InstanceQuery(APP_ID))

    async def test_updates_that_ended_before_stay_as_they_are(self, store):
        await granted(store, "one", await mirrored(store, POLLED))
        await weigh(store, "one", Event(3, 0, 9))
        await store.beat(NOW)

        assert list(await store.beat(NOW + HOUR)) == []

    async def test_a_moved_deadline_holds_its_place_in_flight(self, store):
        limited = await mirrored(
            store, group(limits=Limits(max_in_flight=1), active_seconds=7200, poll_interval_seconds=300)
        )
        await granted(store, "one", limited)
        await store.beat(NOW)
        await store.sweep(NOW + 2 * HOUR)

        refused = (await ask(store, "two", limited, at=NOW + 2 * HOUR)).decision

        assert refused == Refusal(Reason.TOO_MANY_IN_FLIGHT, NOW + 3 * HOUR)

    async def test_an_outage_makes_nobody_inactive(self, store):
        of_group = await mirrored(store, POLLED)
        await store.observe(sighting("one", NEW, at=NOW - HOUR), TIMEOUTS)
        await store.observe(sighting("silent", NEW, at=NOW - 2 * HOUR), TIMEOUTS)
        await store.beat(NOW)
        await store.beat(NOW + DAY)
        after = await counts(store, of_group, at=NOW + DAY)
        await served(store, NOW + DAY, NOW + DAY + HOUR + SECOND)
        later = await counts(store, of_group, at=NOW + DAY + HOUR + SECOND)

        assert (after.total, after.active) == (2, 2)
        assert later.active == 0

    async def test_who_is_heard_after_it_is_active_as_ever(self, store):
        of_group = await mirrored(store, POLLED)
        await store.beat(NOW)
        await store.beat(NOW + DAY)
        await store.observe(sighting("one", NEW, at=NOW + DAY), TIMEOUTS)
        await served(store, NOW + DAY, NOW + DAY + 2 * HOUR + SECOND)

        assert (await counts(store, of_group, at=NOW + DAY + 2 * HOUR)).active == 1
        assert (await counts(store, of_group, at=NOW + DAY + 2 * HOUR + SECOND)).active == 0

    async def test_counts_settle_when_everybody_had_a_chance_to_be_heard(self, store):
        of_group = await mirrored(store, POLLED)
        await store.observe(sighting("silent"), None)
        await store.beat(NOW)
        back = NOW + HOUR
        await store.beat(back)
        await served(store, back, back + 10 * MINUTE)

        found = [
            (await counts(store, of_group, at=at)).settled
            for at in (back, back + 10 * MINUTE - SECOND, back + 10 * MINUTE)
        ]

        assert found == [False, False, True]

    async def test_counts_settle_as_soon_as_everybody_has_been_heard_who_was_active_before(self, store):
        of_group = await mirrored(store, POLLED)
        await store.observe(sighting("silent for long", at=NOW - 3 * HOUR), None)
        await store.observe(sighting("one", at=NOW - 2 * HOUR), None)
        await store.observe(sighting("two"), None)
        await store.observe(sighting("another group's", track="beta"), None)
        await store.beat(NOW)
        back = NOW + DAY
        await store.beat(back)

        found = [(await counts(store, of_group, at=back + SECOND)).settled]
        for name in ("one", "two"):
            await store.touch([sighting(name, at=back + SECOND)])
            found.append((await counts(store, of_group, at=back + 2 * SECOND)).settled)

        assert found == [False, False, True]

    async def test_who_was_active_before_an_earlier_outage_is_waited_for_after_the_next(self, store):
        of_group = await mirrored(store, POLLED)
        await store.observe(sighting("one"), None)
        await store.beat(NOW)
        await store.beat(NOW + DAY)
        await store.beat(NOW + 2 * DAY)
        before = (await counts(store, of_group, at=NOW + 2 * DAY + SECOND)).settled
        await store.touch([sighting("one", at=NOW + 2 * DAY)])

        assert (before, (await counts(store, of_group, at=NOW + 2 * DAY + SECOND)).settled) == (False, True)

    async def test_counts_of_an_outage_that_no_beat_has_told_of_are_not_settled(self, store):
        of_group = await mirrored(store, POLLED)
        await store.beat(NOW)

        assert not (await counts(store, of_group, at=NOW + HOUR)).settled

    async def test_a_store_that_was_never_served_has_no_outage(self, store):
        of_group = await mirrored(store, POLLED)
        before = (await counts(store, of_group)).settled
        await store.beat(NOW + DAY)

        assert (before, (await counts(store, of_group, at=NOW + DAY)).settled) == (True, True)


class Retirement:
    """Instances that aren't heard any more."""

    async def test_who_was_silent_for_too_long_is_removed_and_nobody_else(self, store):
        await store.observe(sighting("silent", at=NOW - DAY - SECOND), None)
        await store.observe(sighting("just", at=NOW - DAY), None)
        await store.observe(sighting("another's", app_id="com.example.other", at=NOW - 9 * DAY), None)

        assert list(await store.retire(APP_ID, 86400, NOW, 10)) == ["silent"]
        assert await store.instance(APP_ID, "silent") is None
        assert await store.instance(APP_ID, "just") is not None
        assert await store.instance("com.example.other", "another's") is not None

    async def test_who_was_heard_again_stays(self, store):
        await store.observe(sighting("one", at=NOW - 2 * DAY), None)
        await store.touch([sighting("one", at=NOW)])

        assert list(await store.retire(APP_ID, 86400, NOW, 10)) == []

    async def test_an_update_in_flight_keeps_its_instance(self, store):
        of_group = await mirrored(store, group())
        await granted(store, "one", of_group)
        kept = list(await store.retire(APP_ID, 86400, NOW + 2 * DAY, 10))
        await store.sweep(NOW + 2 * DAY)

        assert kept == []
        assert list(await store.retire(APP_ID, 86400, NOW + 2 * DAY, 10)) == ["one"]

    async def test_updates_in_flight_hide_nobody_who_is_gone(self, store):
        of_group = await mirrored(store, group())
        for name in ("in flight", "too"):
            await granted(store, name, of_group)
        await store.observe(sighting("gone"), None)

        assert list(await store.retire(APP_ID, 86400, NOW + 2 * DAY, 1)) == ["gone"]

    async def test_removal_is_logged_and_takes_the_history_with_it(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(3, 0, 9))
        position = await store.position()

        await store.retire(APP_ID, 86400, NOW + 2 * DAY, 10)

        (change,) = await news(store, position)
        assert (change.deleted, change.row.record.instance_id, change.row.state) == (True, "one", "Failed")
        assert list(await store.history(APP_ID, "one", 10)) == []
        assert list(await store.instances(InstanceQuery(APP_ID))) == []

    async def test_at_most_so_many_are_removed_at_a_time(self, store):
        await asyncio.gather(*(store.observe(sighting(f"i{number}", at=NOW - 2 * DAY), None) for number in range(700)))

        removed = [len(await store.retire(APP_ID, 86400, NOW, 600)) for _ in range(3)]

        assert removed == [600, 100, 0]
        assert (await counts(store)).total == 0

    async def test_who_was_removed_begins_anew(self, store):
        await store.observe(sighting("one", at=NOW - 2 * DAY), None)
        await store.retire(APP_ID, 86400, NOW, 10)

        decision = (await ask(store, "one")).decision

        assert isinstance(decision, Offer)
        assert (await store.instance(APP_ID, "one")).first_seen == NOW

    async def test_what_a_rollout_counts_stays(self, store):
        of_group = await mirrored(store, guarded())
        await known(store, "one")
        await granted(store, "one", of_group)
        await store.observe(sighting("one", NEW), TIMEOUTS)

        await store.retire(APP_ID, 86400, NOW + 2 * DAY, 10)

        wave = (await counts(store, of_group, at=NOW + 2 * DAY)).waves["everybody"]
        assert (wave.granted, wave.succeeded) == (1, 1)

    async def test_time_in_which_the_service_was_away_makes_nobody_silent(self, store):
        await store.observe(sighting("one", OLD, at=NOW - HOUR), None)
        await store.beat(NOW)

        without_a_beat = list(await store.retire(APP_ID, 86400, NOW + 30 * DAY, 10))
        await store.beat(NOW + 30 * DAY)
        after = list(await store.retire(APP_ID, 86400, NOW + 30 * DAY, 10))
        await served(store, NOW + 30 * DAY, NOW + 31 * DAY)

        assert (without_a_beat, after) == ([], [])
        assert list(await store.retire(APP_ID, 86400, NOW + 31 * DAY, 10)) == ["one"]


class FleetKeeperContract(Beats, Retirement):
    """Everything above."""
