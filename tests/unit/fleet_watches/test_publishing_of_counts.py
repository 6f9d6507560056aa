"""The progress board's way into the log: only what differs, and no group before it has a name."""

import pytest

from omaha_api.rollouts.progress_board import ProgressBoard
from support import watched_fleet
from support.fleet_values import APP_ID, TRACK, group
from support.watched_fleet import applications, placement
from update_core.fleet.reading import ProgressChange


@pytest.fixture
async def fleet(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db") as fleet:
        yield fleet


def board(fleet, current, *, shared=False):
    return ProgressBoard(
        fleet.store, fleet.placements, lambda: current, lambda: fleet.now, interval_seconds=1, shared=shared
    )


async def published(fleet):
    found = await fleet.store.changes(0, 100)
    return [
        (change.row.progress.track, change.row.progress.total, change.new)
        for change in found
        if isinstance(change, ProgressChange)
    ]


async def test_counts_are_published_when_they_differ(fleet):
    await fleet.place(placement())
    counting = board(fleet, applications(placement()))
    assert not counting.ready
    await counting.count()
    assert counting.ready
    await fleet.see("one")
    await counting.count()
    await counting.count()

    assert await published(fleet) == [(TRACK, 0, True), (TRACK, 1, False)]


async def test_a_group_is_published_once_it_has_a_name(fleet):
    counting = board(fleet, applications(placement()))
    await counting.count()
    assert (await published(fleet), counting.ready) == ([], True)

    await fleet.place(placement())
    await counting.count()

    assert await published(fleet) == [(TRACK, 0, True)]


async def test_another_life_of_the_service_publishes_nothing_that_is_there_already(fleet):
    await fleet.place(placement())
    await board(fleet, applications(placement())).count()
    await board(fleet, applications(placement())).count()

    assert await published(fleet) == [(TRACK, 0, True)]


async def test_a_group_that_was_deleted_is_still_counted_while_the_store_knows_its_rollout(fleet):
    await fleet.place(placement())
    of_group = group(app_id=APP_ID)
    await fleet.store.record_rollout(of_group, of_group.stamp, completed=False, now=fleet.now)
    await fleet.see("one")
    await board(fleet, applications()).count()

    assert await published(fleet) == [(TRACK, 1, True)]


async def test_counts_that_another_replica_published_last_are_corrected(fleet):
    await fleet.place(placement())
    one, other = (board(fleet, applications(placement()), shared=True) for _ in range(2))
    await fleet.see("one")
    await one.count()
    await fleet.see("two")
    await other.count()
    await fleet.store.forget(APP_ID, "two", fleet.now)

    await one.count()
    await one.count()

    assert await published(fleet) == [(TRACK, 1, True), (TRACK, 2, False), (TRACK, 1, False)]
