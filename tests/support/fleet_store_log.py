"""The part of the fleet store's contract about its log: what is written there and what isn't, in which order, and who is woken."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from support.fleet_store_actions import HOUR, SECOND, ask, granted, weigh
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, group, sighting
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Event
from update_core.fleet.reading import (
    IDLE,
    LAST_SEEN_SECONDS,
    Change,
    InstanceChange,
    InstanceQuery,
    InstanceRow,
    Position,
    Selectable,
)
from update_core.fleet.store import OFFERED

WHILE = timedelta(seconds=LAST_SEEN_SECONDS)


async def everything(store, app_id: str = APP_ID, page: int = 500) -> list[InstanceRow]:
    """Every instance of an application, page by page."""
    found: list[InstanceRow] = []
    while rows := await store.instances(InstanceQuery(app_id, after=found[-1].slug if found else "", limit=page)):
        found += rows
    return found


async def log(store, after: int = 0, page: int = 500) -> list[Change]:
    """All changes after a revision."""
    found: list[Change] = []
    while changes := await store.changes(found[-1].revision if found else after, page):
        found += changes
    return found


async def news(store, position: Position) -> list[Change]:
    """What was logged since."""
    return await log(store, position.latest)


async def only_change(store, position: Position) -> InstanceChange:
    """The one change since, of an instance."""
    (change,) = await news(store, position)
    assert isinstance(change, InstanceChange)
    return change


def selected(version: str = OLD, state: str = IDLE, track: str = TRACK) -> Selectable:
    return Selectable(track, version, state, Attributes())


class Log:
    """What is logged."""

    async def test_empty_store_has_an_epoch_and_nothing_to_replay(self, store):
        position = await store.position()

        assert position.epoch > 0
        assert position.oldest == position.latest
        assert list(await store.changes(position.latest, 10)) == []

    async def test_first_sight_is_logged_as_one_that_came(self, store):
        before = await store.position()
        await store.observe(sighting("one"), TIMEOUTS)

        change = await only_change(store, before)

        assert change.before is None
        assert not change.deleted
        assert change.revision == change.row.revision == (await store.position()).latest
        assert [change.row] == list(await store.instances(InstanceQuery(APP_ID)))

    @pytest.mark.parametrize(
        ("reported", "before"),
        [
            pytest.param({"version": NEW}, selected(), id="version"),
            pytest.param({"track": "beta"}, selected(), id="group"),
            pytest.param({"attributes": Attributes(oem="qemu")}, selected(), id="attributes"),
            pytest.param({"alias": "desk"}, selected(), id="alias"),
            pytest.param({"refusal": "Paused"}, selected(), id="refusal"),
        ],
    )
    async def test_change_of_what_an_instance_says_is_logged_with_what_selectors_saw_before(
        self, store, reported, before
    ):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await store.observe(sighting("one", **reported), TIMEOUTS)

        change = await only_change(store, position)
        assert change.before == before
        assert [change.row] == list(await store.instances(InstanceQuery(APP_ID)))

    async def test_same_sighting_again_is_not_logged(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await store.observe(sighting("one", boot_id="b2", at=NOW + SECOND), TIMEOUTS)

        assert await store.position() == position
        assert (await store.instance(APP_ID, "one")).last_seen == NOW + SECOND

    async def test_failures_are_logged_as_they_are_counted_and_when_they_are_forgotten(self, store):
        """Who follows refuses by them."""
        await granted(store, "one")
        position = await store.position()
        await weigh(store, "one", Event(3, 0, 9))
        counted = (await store.instance(APP_ID, "one")).attempts
        await store.reset(APP_ID, "one", NOW)

        told = [change.row.record.attempts for change in await news(store, position)]
        assert [(each.version, each.failures) for each in counted] == [(NEW, 1)]
        assert told == [counted, ()]

    async def test_each_move_of_a_grant_is_logged_with_the_state_before(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()
        await granted(store, "one")
        await weigh(store, "one", Event(13, 1))
        await weigh(store, "one", Event(14, 1))
        await store.sweep(NOW + HOUR)

        moves = [(change.before.state, change.row.state) for change in await news(store, position)]

        states = [IDLE, "Granted", "Downloading", "Downloaded", "TimedOut"]
        assert moves == list(itertools.pairwise(states))

    async def test_superseded_grant_is_logged_as_the_one_that_took_its_place(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(14, 1))
        position = await store.position()

        newer = await granted(store, "one", group(sequence=2, version="1.2.0"))

        change = await only_change(store, position)
        assert (change.before.state, change.row.state, change.row.grant) == ("Downloaded", "Granted", newer)

    async def test_logged_grant_is_whole_as_it_was_then(self, store):
        grant = await granted(store, "one")
        (failed,) = await weigh(store, "one", Event(3, 0, -1879048148), at=NOW + SECOND)

        assert [change.row.grant for change in await log(store)] == [grant, failed]

    async def test_refused_instance_is_not_logged(self, store):
        paused = group(paused=True)
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await ask(store, "one", paused)

        assert await store.position() == position

    async def test_revisions_are_given_in_the_order_of_commits(self, store):
        await asyncio.gather(*(store.observe(sighting(f"i{number}"), TIMEOUTS) for number in range(300)))

        revisions = [change.revision for change in await log(store, page=7)]

        assert revisions == list(range(revisions[0], revisions[0] + 300))

    async def test_at_most_so_many_changes_are_given(self, store):
        for number in range(5):
            await store.observe(sighting(f"i{number}"), TIMEOUTS)

        first = await store.changes(0, 2)
        second = await store.changes(first[-1].revision, 2)

        assert [change.row.record.instance_id for change in (*first, *second)] == ["i0", "i1", "i2", "i3"]


class Touches:
    """Instances that are merely heard again."""

    async def test_touch_within_a_while_is_not_shown(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await store.touch([sighting("one", at=NOW + WHILE - SECOND)])

        assert await store.position() == position
        (row,) = await store.instances(InstanceQuery(APP_ID))
        assert row.record.last_seen == NOW
        assert (await store.instance(APP_ID, "one")).last_seen == NOW + WHILE - SECOND

    async def test_touch_after_a_while_moves_the_shown_time(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await store.touch([sighting("one", at=NOW + WHILE)])

        change = await only_change(store, position)
        assert change.row.record.last_seen == NOW + WHILE
        assert change.before == change.row.selectable
        assert [change.row] == list(await store.instances(InstanceQuery(APP_ID)))

    async def test_every_instance_of_a_batch_is_told_in_a_change_of_its_own(self, store):
        names = ("one", "two", "three")
        for name in names:
            await store.observe(sighting(name), TIMEOUTS)
        position = await store.position()

        await store.touch([sighting(name, at=NOW + WHILE, refusal="Paused") for name in names])

        changes = await news(store, position)
        assert {change.row.record.instance_id for change in changes} == set(names)
        assert [change.revision for change in changes] == [
            position.latest + 1,
            position.latest + 2,
            position.latest + 3,
        ]

    async def test_refusal_that_is_written_late_leaves_a_newer_last_seen(self, store):
        await store.observe(sighting("one", at=NOW + HOUR), TIMEOUTS)
        position = await store.position()

        await store.touch([sighting("one", at=NOW, refusal="Paused")])

        assert (await only_change(store, position)).row.record.last_seen == NOW + HOUR
        assert (await store.instance(APP_ID, "one")).last_seen == NOW + HOUR

    async def test_same_sighting_after_a_while_moves_the_shown_time(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await store.observe(sighting("one", at=NOW + WHILE), TIMEOUTS)

        assert (await only_change(store, position)).row.record.last_seen == NOW + WHILE

    async def test_refusal_is_shown_at_once_and_once(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        for second in range(1, 4):
            await store.touch([sighting("one", at=NOW + second * SECOND, refusal="Paused")])

        change = await only_change(store, position)
        assert change.row.record.last_refusal == "Paused"

    async def test_grant_ends_the_refusal(self, store):
        await store.observe(sighting("one", refusal="RateLimited"), TIMEOUTS)
        await granted(store, "one")

        assert (await store.instance(APP_ID, "one")).last_refusal == ""
        assert (await log(store))[-1].row.record.last_refusal == ""

    @pytest.mark.parametrize("how", ["touch", "observe"])
    async def test_offer_ends_the_refusal(self, store, how):
        await store.observe(sighting("one", refusal="RateLimited"), TIMEOUTS)
        offered = sighting("one", refusal=OFFERED)

        await (store.touch([offered]) if how == "touch" else store.observe(offered, TIMEOUTS))

        assert (await store.instance(APP_ID, "one")).last_refusal == ""

    async def test_touch_that_was_overtaken_is_told_by_what_overtook_it(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()
        for turn in range(1, 4):
            await store.touch([sighting("one", at=NOW + turn * WHILE)])
        await store.observe(sighting("one", NEW, at=NOW + 3 * WHILE), TIMEOUTS)

        assert [(change.row.record.version, change.before) for change in await log(store, position.latest, page=1)] == [
            (NEW, selected())
        ]


class Waiting:
    """Hearing of changes without asking again and again."""

    async def test_who_waits_is_woken_by_the_commit(self, store):
        position = await store.position()
        waiting = asyncio.create_task(store.wait_beyond(position.latest))
        await asyncio.sleep(0)
        assert not waiting.done()

        await store.observe(sighting("one"), TIMEOUTS)
        await asyncio.wait_for(waiting, 10)

        assert len(await store.changes(position.latest, 10)) == 1

    async def test_what_is_there_already_is_not_waited_for(self, store):
        await store.observe(sighting("one"), TIMEOUTS)

        await asyncio.wait_for(store.wait_beyond(0), 10)

    async def test_unshown_change_wakes_nobody(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        waiting = asyncio.create_task(store.wait_beyond((await store.position()).latest))

        await store.touch([sighting("one", at=NOW + SECOND)])

        assert not waiting.done()
        waiting.cancel()
