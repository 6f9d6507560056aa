"""The part of the fleet store's contract about what a person ends: an instance is reset, or forgotten."""

import pytest

from support.fleet_store_actions import HOUR, SECOND, ask, assert_in_flight_agrees, counts, granted, weigh
from support.fleet_store_listing import ids
from support.fleet_store_log import only_change
from support.fleet_values import APP_ID, NEW, NOW, TIMEOUTS, group, sighting, stamp
from update_core.fleet.evidence import Event
from update_core.fleet.grants import GrantState
from update_core.fleet.reading import IDLE, InstanceQuery
from update_core.rollout.model import Limits, Offer, Reason, Refusal

BOTH = pytest.mark.parametrize("how", ["reset", "forget"])


async def end(store, how: str, name: str = "one", at=NOW + SECOND):
    return await getattr(store, how)(APP_ID, name, at)


class Ending:
    """Resetting and forgetting."""

    @BOTH
    async def test_unknown_instance_cannot_be_ended(self, store, how):
        position = await store.position()

        assert await end(store, how) is None
        assert await store.position() == position

    @BOTH
    async def test_grant_in_flight_is_ended_as_forgotten(self, store, how):
        grant = await granted(store, "one")

        ended = await end(store, how)

        assert ended.record.instance_id == "one"
        assert (ended.closed.number, ended.closed.state, ended.closed.moved_at) == (
            grant.number,
            GrantState.FORGOTTEN,
            NOW + SECOND,
        )
        assert list(await store.live_grants()) == []
        await assert_in_flight_agrees(store)

    @BOTH
    async def test_ended_update_that_was_over_closes_nothing(self, store, how):
        await granted(store, "one")
        await store.observe(sighting("one", NEW), TIMEOUTS)

        assert (await end(store, how)).closed is None

    @BOTH
    async def test_failure_counts_no_more(self, store, how):
        await store.record_rollout(group(), stamp(), completed=False, now=NOW)
        await granted(store, "one")
        await weigh(store, "one", Event(3, 0))
        assert (await counts(store)).failed == 1

        assert (await end(store, how)).closed is None

        assert (await counts(store)).failed == 0

    @BOTH
    async def test_nothing_is_refunded(self, store, how):
        limited = group(limits=Limits(max_updates=1, period_seconds=60))
        await granted(store, "one", limited)
        await end(store, how)

        assert (await ask(store, "one", limited, at=NOW + 2 * SECOND)).decision == Refusal(
            Reason.RATE_LIMITED, NOW + 60 * SECOND
        )
        assert isinstance((await ask(store, "one", limited, at=NOW + 60 * SECOND)).decision, Offer)

    @BOTH
    async def test_what_the_clock_had_ended_before_is_not_revived(self, store, how):
        await granted(store, "one")
        await weigh(store, "one", Event(14, 1))
        await store.sweep(NOW + HOUR)
        await end(store, how, at=NOW + HOUR)

        assert list((await store.observe(sighting("one", NEW, at=NOW + HOUR), TIMEOUTS)).grants) == []

    async def test_reset_instance_is_idle_and_stays_known(self, store):
        await granted(store, "one")
        position = await store.position()

        await end(store, "reset")

        change = await only_change(store, position)
        assert (change.before.state, change.row.state, change.row.grant) == ("Granted", IDLE, None)
        assert [change.row] == list(await store.instances(InstanceQuery(APP_ID, state=IDLE)))
        assert [entry.to_state for entry in await store.history(APP_ID, "one", 9)] == ["Granted", "Forgotten"]

    async def test_reset_of_an_idle_instance_changes_nothing(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        assert (await end(store, "reset")).closed is None
        assert await store.position() == position

    async def test_reset_instance_is_granted_anew(self, store):
        await granted(store, "one")
        await end(store, "reset")

        newer = await granted(store, "one", at=NOW + 2 * SECOND)

        (row,) = await store.instances(InstanceQuery(APP_ID))
        assert (newer.number, row.state, row.grant) == (2, "Granted", newer)

    async def test_forgotten_instance_is_gone_with_its_history(self, store):
        await granted(store, "one")
        await store.observe(sighting("two"), TIMEOUTS)
        (row,) = await store.instances(InstanceQuery(APP_ID, instance_id="one"))
        position = await store.position()

        await end(store, "forget")

        change = await only_change(store, position)
        assert change.deleted
        assert (change.row.slug, change.row.grant, change.before) == (row.slug, row.grant, row.selectable)
        assert await ids(store) == ["two"]
        assert await store.instance(APP_ID, "one") is None
        assert list(await store.history(APP_ID, "one", 9)) == []
        assert (await counts(store)).total == 1

    async def test_touch_of_a_forgotten_instance_does_not_bring_it_back(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        await end(store, "forget")

        await store.touch([sighting("one", at=NOW + HOUR)])

        assert await ids(store) == []

    async def test_forgotten_instance_is_new_when_it_is_heard_again(self, store):
        await granted(store, "one")
        await end(store, "forget")
        position = await store.position()

        await store.observe(sighting("one", at=NOW + HOUR), TIMEOUTS)

        change = await only_change(store, position)
        assert change.before is None
        assert (change.row.record.first_seen, change.row.state, change.row.grant) == (NOW + HOUR, IDLE, None)

    async def test_one_instance_that_ends_leaves_the_others(self, store):
        await granted(store, "one")
        two = await granted(store, "two")

        await end(store, "forget")

        assert list(await store.live_grants()) == [two]
        assert [entry.to_state for entry in await store.history(APP_ID, "two", 9)] == ["Granted"]
