"""The part of the fleet store's contract that replicas keep up by: what is in flight, and the changes since, are what is in flight now.

Inherit Following and give it the fixtures of FleetReaderContract.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleet_store_actions import HOUR, OVER_STORES, SECOND, granted, known, weigh
from support.fleet_store_outcomes import BAD, EARLY, THREE_IN_A_ROW, judged, outcomes
from support.fleet_store_replay import STEPS, Course
from support.fleet_values import APP_ID, NEW, NOW, TIMEOUTS, TRACK, group, sighting, stamp
from support.properties import examples
from update_core.fleet.evidence import Event
from update_core.fleet.following import Followed, InFlight
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.reading import LogExpired
from update_core.fleet.store import GroupLedger
from update_core.rollout.plan import HaltReason

PROPERTY = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=OVER_STORES,
)


class Memory:
    """What a replica that follows holds."""

    def __init__(self, begun: InFlight) -> None:
        self.revision = begun.position.latest
        self.live = {(grant.app_id, grant.instance_id): grant for grant in begun.grants}
        self.ledgers = {(ledger.app_id, ledger.track): ledger for ledger in begun.ledgers}

    def take(self, followed: Followed) -> None:
        for change in followed.changes:
            grant, key = change.row.grant, (change.row.record.app_id, change.row.record.instance_id)
            if grant is not None and grant.state.live and not change.deleted:
                self.live[key] = grant
            else:
                self.live.pop(key, None)
        self.ledgers |= {(ledger.app_id, ledger.track): ledger for ledger in followed.ledgers}
        self.revision = followed.revision

    async def catch_up(self, store: Any, page: int = 100) -> None:
        while self.revision < (await store.position()).latest:
            self.take(await store.followed(self.revision, page))


def counters(ledger: GroupLedger) -> tuple[str, int, int]:
    """What grants and their ends change of a group's row."""
    return ledger.track, ledger.next_number, ledger.in_flight


def had_grants(ledgers: Iterable[GroupLedger]) -> set[tuple[str, int, int]]:
    """The counters of groups that ever gave a grant; of a new one nothing need be told."""
    return {counters(ledger) for ledger in ledgers if ledger.next_number > 1}


def by_instance(grants: list[Grant]) -> list[Grant]:
    return sorted(grants, key=lambda grant: grant.instance_id)


class Following:
    """What others committed."""

    async def test_one_begins_with_everything_in_flight(self, store):
        await store.record_rollout(group(), stamp(), completed=False, now=NOW)
        grant = await granted(store, "one")
        await granted(store, "two")
        await weigh(store, "two", Event(3, 0))

        begun = await store.in_flight()

        assert list(begun.grants) == [grant]
        assert [counters(ledger) for ledger in begun.ledgers] == [(TRACK, 3, 1)]
        assert begun.position == await store.position()

    async def test_grant_is_told_as_it_was_committed_with_its_groups_ledger(self, store):
        begun = await store.in_flight()
        grant = await granted(store, "one")

        followed = await store.followed(begun.position.latest, 10)

        (change,) = followed.changes
        assert change.row.grant == grant
        assert [counters(ledger) for ledger in followed.ledgers] == [(TRACK, 2, 1)]
        assert followed.revision == (await store.position()).latest

    async def test_end_of_a_grant_is_told(self, store):
        await granted(store, "one")
        begun = await store.in_flight()
        await store.sweep(NOW + 2 * HOUR)

        followed = await store.followed(begun.position.latest, 10)

        assert [change.row.grant.state for change in followed.changes] == [GrantState.LAPSED]
        assert [counters(ledger) for ledger in followed.ledgers] == [(TRACK, 2, 0)]

    async def test_halt_is_told_with_the_outcome_that_decided_it(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD, BAD])
        await known(store, "last")
        await granted(store, "last", judged(THREE_IN_A_ROW))
        begun = await store.in_flight()
        await weigh(store, "last", Event(3, 0))

        followed = await store.followed(begun.position.latest, 10)

        assert [ledger.latch for ledger in begun.ledgers] == [None]
        assert [(ledger.latch.sequence, ledger.latch.reason) for ledger in followed.ledgers] == [
            (1, HaltReason.CONSECUTIVE_FAILURES)
        ]
        (change,) = followed.changes
        assert [each.failures for each in change.row.record.attempts] == [1]

    async def test_wave_of_a_grant_is_told_with_how_many_came_through_it(self, store):
        await known(store, "one")
        begun = await store.in_flight()
        await granted(store, "one", judged(THREE_IN_A_ROW, EARLY))

        followed = await store.followed(begun.position.latest, 10)

        (change,) = followed.changes
        assert (change.row.grant.wave, change.row.grant.established) == ("early", True)
        assert [ledger.through["early"] for ledger in followed.ledgers] == [1]

    async def test_both_groups_of_an_instance_that_moves_are_told(self, store):
        await granted(store, "one")
        begun = await store.in_flight()
        await granted(store, "one", group(track="beta"))

        followed = await store.followed(begun.position.latest, 10)

        assert {counters(ledger) for ledger in followed.ledgers} == {(TRACK, 2, 0), ("beta", 2, 1)}

    async def test_instances_that_were_merely_heard_again_are_passed_over(self, store):
        for number in range(5):
            await store.observe(sighting(f"i{number}"), TIMEOUTS)
        begun = await store.in_flight()
        await store.touch([sighting(f"i{number}", at=NOW + HOUR) for number in range(5)])

        followed = await store.followed(begun.position.latest, 2)

        assert list(followed.changes) == []
        assert followed.revision == (await store.position()).latest

    async def test_page_goes_on_after_its_last_change(self, store):
        for number in range(5):
            await granted(store, f"i{number}")

        first = await store.followed(0, 2)
        second = await store.followed(first.revision, 9)

        assert [change.row.record.instance_id for change in (*first.changes, *second.changes)] == [
            f"i{n}" for n in range(5)
        ]

    async def test_what_was_pruned_or_never_was_is_expired(self, store, clock):
        await granted(store, "one")
        clock.now += HOUR
        await store.prune(clock.now)

        for after in (0, 2):
            with pytest.raises(LogExpired):
                await store.followed(after, 10)
        assert list((await store.followed(1, 10)).changes) == []

    async def test_who_waits_is_woken_for_what_can_be_followed(self, store):
        waiting = asyncio.create_task(store.wait_beyond(0))
        await store.observe(sighting("one", NEW, at=NOW + SECOND), TIMEOUTS)
        await waiting

        (change,) = (await store.followed(0, 10)).changes
        assert (change.row.record.app_id, change.row.record.instance_id) == (APP_ID, "one")

    async def test_own_answers_come_before_what_is_told_of_their_commits(self, store):
        answered: set[int] = set()

        async def grant_one(name: str) -> None:
            answered.add((await granted(store, name)).number)

        granting = [asyncio.create_task(grant_one(f"i{number}")) for number in range(200)]
        revision = 0
        while revision < len(granting):
            followed = await store.followed(revision, 1000)
            assert {change.row.grant.number for change in followed.changes} <= answered
            revision = followed.revision
        await asyncio.gather(*granting)

    @PROPERTY
    @given(steps=STEPS, start=st.integers(0, 20), page=st.integers(1, 3), pause=st.integers(1, 6))
    def test_what_was_in_flight_and_the_changes_since_are_what_is_in_flight(
        self, fresh_store, steps, start, page, pause
    ):
        async def run() -> None:
            async with fresh_store() as store:
                course = Course(store)
                await course.take(steps[:start])
                memory = Memory(await store.in_flight())
                for begin in range(start, len(steps), pause):
                    await course.take(steps[begin : begin + pause])
                    await memory.catch_up(store, page)
                    assert by_instance(list(memory.live.values())) == by_instance(list(await store.live_grants()))
                    assert had_grants(memory.ledgers.values()) == had_grants(await store.ledgers())

        asyncio.run(run())
