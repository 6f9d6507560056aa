"""The part of the fleet store's contract that lists and watches stand on: a list, and the changes since it was begun, are the state."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleet_store_actions import OVER_STORES, ask, weigh
from support.fleet_store_log import everything, log
from support.fleet_values import APP_ID, NOW, TIMEOUTS, group, sighting
from support.properties import examples
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Event
from update_core.fleet.reading import InstanceChange, InstanceQuery, InstanceRow, Selectable
from update_core.fleet.store import OFFERED

KINDS = [
    "ask",
    "ask",
    "events",
    "events",
    "observe",
    "observe",
    "touch",
    "touch",
    "sweep",
    "reset",
    "forget",
    "promote",
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(["i1", "i2", "i3", "i4"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([(13, 1), (14, 1), (3, 1), (3, 0), (3, 4), (3, 9)]),
        st.sampled_from([1, 20, 70, 3000]),
    ),
    min_size=10,
    max_size=50,
)
PROPERTY = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=OVER_STORES,
)
SELECTORS: list[Callable[[Selectable], bool]] = [
    lambda seen: seen.track == "a",
    lambda seen: seen.state == "Granted",
    lambda seen: seen.state in {"Idle", "Complete"},
    lambda seen: seen.version == "1.1.0",
    lambda seen: seen.attributes.oem == "b",
]


class Replay:
    """A list, however long it takes, and the changes since it was begun are the state."""

    @PROPERTY
    @given(steps=STEPS, start=st.integers(0, 20), page=st.integers(1, 3), prune=st.booleans())
    def test_list_and_the_changes_after_it_are_what_is_there(self, fresh_store, steps, start, page, prune):
        async def run() -> None:
            async with fresh_store() as store:
                course = Course(store)
                await course.take(steps[:start])
                if prune:
                    await store.prune(NOW)
                position = await store.position()
                rest, listed = steps[start:], []
                while rows := await store.instances(
                    InstanceQuery(APP_ID, after=listed[-1].slug if listed else "", limit=page)
                ):
                    listed += rows
                    await course.take(rest[:4])
                    del rest[:4]
                await course.take(rest)
                changes = await log(store, position.latest, page=page)
                there = {row.slug: row for row in await everything(store)}
                assert _replayed(listed, changes) == there
                for wanted in SELECTORS:
                    selected = {slug for slug, row in there.items() if wanted(row.selectable)}
                    assert _followed(listed, changes, wanted) == selected
                await _assert_filters_agree(store, there)

        asyncio.run(run())


class Course:
    """Does what a random course of events says."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._sequence = 1
        self._now: datetime = NOW

    async def take(self, steps: Sequence[tuple[str, str, str, tuple[int, int], int]]) -> None:
        for what, name, track, event, seconds in steps:
            self._now += timedelta(seconds=seconds)
            await self._take(what, name, track, event, refusal=("", "Paused", OFFERED)[seconds % 3])

    async def _take(self, what: str, name: str, track: str, event: tuple[int, int], refusal: str) -> None:
        store, now, version = self._store, self._now, f"1.{self._sequence}.0"
        if what == "promote":
            self._sequence += 1
        elif what == "ask":
            await ask(store, name, group(sequence=self._sequence, version=version, track=track), at=now)
        elif what == "events":
            await weigh(store, name, Event(*event), at=now)
        elif what == "observe":
            machine = Attributes(oem=track)
            await store.observe(sighting(name, version, track=track, attributes=machine, at=now), TIMEOUTS)
        elif what == "touch":
            await store.touch([sighting(name, version, track=track, refusal=refusal, at=now)])
        elif what == "sweep":
            await store.sweep(now)
        else:
            await getattr(store, what)(APP_ID, name, now)


def _replayed(listed: Sequence[InstanceRow], changes: Sequence[InstanceChange]) -> dict[str, InstanceRow]:
    """What a watch that begins with the list holds in the end."""
    held = {row.slug: row for row in listed}
    for change in changes:
        assert change.row.revision == change.revision
        if change.deleted:
            held.pop(change.row.slug, None)
        else:
            held[change.row.slug] = change.row
    return held


def _followed(
    listed: Sequence[InstanceRow], changes: Sequence[InstanceChange], wanted: Callable[[Selectable], bool]
) -> set[str]:
    """What a watch with a selector holds in the end, which is told only of what comes into the selector, changes in it, and leaves it."""
    held = {row.slug for row in listed if wanted(row.selectable)}
    for change in changes:
        if wanted(change.row.selectable) and not change.deleted:
            held.add(change.row.slug)
        elif change.before is not None and wanted(change.before):
            held.discard(change.row.slug)
    return held


async def _assert_filters_agree(store: Any, there: dict[str, InstanceRow]) -> None:
    """A list by a state, a version or a track has the instances that are in it."""
    for name in ("state", "version", "track"):
        for value in {getattr(row.selectable, name) for row in there.values()}:
            found = await store.instances(InstanceQuery(APP_ID, **{name: value}))
            assert [row.slug for row in found] == sorted(
                slug for slug, row in there.items() if getattr(row.selectable, name) == value
            )
