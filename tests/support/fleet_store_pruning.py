"""The part of the fleet store's contract about how long its log is kept."""

import pytest

from support.fleet_store_actions import HOUR, SECOND
from support.fleet_store_log import log
from support.fleet_values import APP_ID, NOW, TIMEOUTS, TRACK, sighting
from update_core.fleet.progress import GroupProgress
from update_core.fleet.reading import LogExpired


class Pruning:
    """How long changes are kept."""

    async def test_old_changes_go_and_the_newer_can_be_replayed(self, store, clock):
        await store.observe(sighting("one"), TIMEOUTS)
        clock.now += HOUR
        await store.observe(sighting("two"), TIMEOUTS)

        assert await store.prune(clock.now) == 1

        position = await store.position()
        assert [change.row.record.instance_id for change in await store.changes(position.oldest, 10)] == ["two"]
        with pytest.raises(LogExpired):
            await store.changes(position.oldest - 1, 10)

    async def test_position_stays_when_everything_is_pruned(self, store, clock):
        for number in range(3):
            await store.observe(sighting(f"i{number}"), TIMEOUTS)
        before = await store.position()

        assert await store.prune(clock.now + SECOND) == 3
        after = await store.position()
        await store.observe(sighting("later"), TIMEOUTS)

        assert (after.epoch, after.oldest, after.latest) == (before.epoch, before.latest, before.latest)
        assert [change.revision for change in await store.changes(after.latest, 10)] == [before.latest + 1]

    async def test_log_that_is_young_is_left(self, store, clock):
        await store.observe(sighting("one"), TIMEOUTS)
        before = await store.position()

        assert await store.prune(clock.now) == 0
        assert await store.position() == before

    async def test_long_log_is_pruned_whole(self, store, clock):
        count = GroupProgress(APP_ID, TRACK)
        for number in range(12):
            await store.publish([GroupProgress(APP_ID, f"{number}-{track}") for track in range(400)], NOW)
        clock.now += HOUR
        await store.publish([count], NOW)

        assert await store.prune(clock.now) == 4800
        assert len(await log(store, (await store.position()).oldest)) == 1

    async def test_revision_that_is_not_there_yet_is_expired(self, store):
        with pytest.raises(LogExpired):
            await store.changes((await store.position()).latest + 1, 10)
