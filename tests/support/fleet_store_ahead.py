"""The part of the fleet store's contract about the next wave: whom it would let in that no open wave does, each counted by its id."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from support.fleet_store_actions import SECOND, counts, granted, known, weigh
from support.fleet_store_counting import guarded, mirrored, seen
from support.fleet_values import NEW, NOW, TIMEOUTS, sighting, stamp
from update_core.fleet.evidence import Event
from update_core.rollout import cohort
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Plan, Retry
from update_core.rollout.waves import LAST, Opened, Requirement, Wave

QEMU = (Requirement("oem", frozenset({"qemu"})),)
SHARES = Plan(waves=(Wave("canary", ppm=200_000), Wave("early", ppm=600_000), LAST))
CANARY = Opened("canary", NOW, ppm=200_000, settled_at=NOW)
NUMBER = Plan(waves=(Wave("some", instances=2), Wave("early", ppm=600_000), LAST), retry=Retry(backoff_seconds=0))
SOME = Opened("some", NOW, instances=2, settled_at=NOW)
NAMES = [f"i{number}" for number in range(40)]


def within(ppm: int, names: Sequence[str] = NAMES) -> set[str]:
    """Those who are in the first part of rollout 1's order."""
    return {name for name in names if cohort.includes(ppm, stamp().salt, name)}


def opening(*opened: Opened, plan: Plan = SHARES, **changes):
    """A group whose rollout has these waves open, or none."""
    of_group = guarded(CANARY, plan=plan, **changes)
    return replace(of_group, course=replace(of_group.course, opened=opened))


async def ahead_of(store, of_group) -> dict[str, int | None]:
    """Of the group's waves, by name."""
    return {name: wave.ahead for name, wave in (await counts(store, of_group)).waves.items()}


class CountingAhead:
    """Who comes in with the next wave."""

    async def test_those_in_its_share_are_counted_before_the_first_wave_opens(self, store):
        of_group = await mirrored(store, opening())
        await known(store, *NAMES)

        assert await ahead_of(store, of_group) == {"canary": len(within(200_000)), "early": None, "everybody": None}

    async def test_who_is_in_an_open_wave_is_not_ahead_of_the_next(self, store):
        of_group = await mirrored(store, opening(CANARY))
        await known(store, *NAMES)

        assert (await ahead_of(store, of_group))["early"] == len(within(600_000) - within(200_000))

    async def test_nobody_is_counted_while_the_open_wave_has_yet_to_settle_or_only_the_last_is_left(self, store):
        await known(store, *NAMES)
        unsettled = await mirrored(store, opening(replace(CANARY, settled_at=None)))
        first = await ahead_of(store, unsettled)
        both = await mirrored(store, opening(CANARY, Opened("early", NOW, ppm=600_000, settled_at=NOW)))

        assert set(first.values()) == {None}
        assert set((await ahead_of(store, both)).values()) == {None}

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"version": NEW}, id="on the target"),
            pytest.param({"first": 599 * SECOND}, id="seen too short a time"),
            pytest.param({"oem": "bare"}, id="excluded"),
        ],
    )
    async def test_who_does_not_wait_is_not_ahead(self, store, changes):
        of_group = await mirrored(store, opening(excluded_oems=frozenset({"bare"})))
        one = min(within(200_000))
        await known(store, *(name for name in NAMES if name != one))
        await seen(store, one, **changes)

        assert (await ahead_of(store, of_group))["canary"] == len(within(200_000)) - 1

    async def test_who_fell_silent_is_not_ahead(self, store):
        of_group = await mirrored(store, opening(active_seconds=60))
        await known(store, *NAMES)
        one = min(within(200_000))
        await store.touch([sighting(one)])

        assert (await ahead_of(store, of_group))["canary"] == 1

    async def test_other_groups_of_the_application_are_not_counted(self, store):
        of_group = await mirrored(store, opening())
        await known(store, *NAMES[:10])
        await known(store, *NAMES[10:], track="another")

        assert (await ahead_of(store, of_group))["canary"] == len(within(200_000) & set(NAMES[:10]))

    async def test_machines_are_told_apart_where_waves_are_for_some(self, store):
        plan = replace(SHARES, waves=(Wave("qemu", ppm=PPM_OF_ALL, match=QEMU), *SHARES.waves))
        opened = Opened("qemu", NOW, ppm=PPM_OF_ALL, match=QEMU, settled_at=NOW)
        for name in NAMES:
            await seen(store, name, oem="qemu" if name < "i2" else "")
        qemu = {name for name in NAMES if name < "i2"}

        first = await ahead_of(store, await mirrored(store, opening(plan=plan)))
        second = await ahead_of(store, await mirrored(store, opening(opened, plan=plan)))

        assert first["qemu"] == len(qemu)
        assert second["canary"] == len(within(200_000) - qemu)

    async def test_who_was_let_in_by_a_wave_of_a_number_stays_in_it(self, store):
        of_group = await mirrored(store, opening(SOME, plan=NUMBER))
        await known(store, *NAMES)
        one, two = sorted(within(600_000))[:2]
        for name in (one, two):
            await granted(store, name, of_group)
        await weigh(store, two, Event(3, 0, 9))

        assert (await ahead_of(store, of_group))["early"] == len(within(600_000)) - 2

    async def test_places_that_are_left_in_a_wave_of_a_number_are_kept_for_whoever_comes_first(self, store):
        of_group = await mirrored(store, opening(SOME, plan=NUMBER))
        await known(store, *NAMES)
        one = min(within(600_000))
        await granted(store, one, of_group)
        await store.observe(sighting(one, NEW), TIMEOUTS)

        assert (await ahead_of(store, of_group))["early"] == len(within(600_000)) - 2

    async def test_more_than_are_read_at_once_are_counted(self, store):
        names = [f"instance {number} → {number % 7}" for number in range(2300)]
        of_group = await mirrored(store, opening())
        await asyncio.gather(*(known(store, *names[start::50]) for start in range(50)))

        assert (await ahead_of(store, of_group))["canary"] == len(within(200_000, names))

    async def test_a_share_that_is_written_anew_is_counted_anew(self, store):
        of_group = await mirrored(store, opening())
        await known(store, *NAMES)
        wider = replace(SHARES, waves=(Wave("canary", ppm=500_000), *SHARES.waves[1:]))

        found = [(await ahead_of(store, each))["canary"] for each in (of_group, opening(plan=wider))]

        assert found == [len(within(200_000)), len(within(500_000))]
