"""The part of the fleet store's contract about where fleets are shown, and about the counts that are published of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from support.fleet_store_log import news
from support.fleet_values import APP_ID, NEW, NOW, TIMEOUTS, TRACK, sighting
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.fleet.reading import Placement, PlacementChange, ProgressChange, ProgressRow

OTHER_APP = "com.example.other"
COUNTS = GroupProgress(APP_ID, TRACK, RolloutRecord(3, NEW, "salt", NOW), 9, 8, 7, 6, 5, 4)


def placement(app_id: str = APP_ID, namespace: str = "default", application: str = "app", **groups: str) -> Placement:
    return Placement(app_id, namespace, application, groups)


async def named(store) -> dict[str, dict[str, str]]:
    """The Groups' names by application and track."""
    return {each.app_id: dict(each.groups) for each in await store.placements()}


class Placing:
    """Where fleets are shown."""

    async def test_placements_are_read_back(self, store):
        placements = [
            placement(OTHER_APP, "other", "second"),
            placement(stable="app-stable", beta="app-beta"),
        ]
        await store.place(placements)

        assert sorted(await store.placements(), key=lambda each: each.app_id) == placements

    async def test_group_keeps_its_name_when_it_is_gone(self, store):
        await store.place([placement(stable="app-stable", beta="app-beta")])
        await store.place([placement(beta="app-preview")])

        assert await named(store) == {APP_ID: {"stable": "app-stable", "beta": "app-preview"}}

    async def test_application_keeps_its_place_while_others_are_placed(self, store):
        await store.place([placement(stable="app-stable")])
        await store.place([placement(OTHER_APP, application="second", stable="second-stable")])

        assert await named(store) == {APP_ID: {"stable": "app-stable"}, OTHER_APP: {"stable": "second-stable"}}

    @pytest.mark.parametrize(
        ("then", "after"),
        [
            pytest.param([placement(beta="main")], {APP_ID: {"beta": "main"}}, id="another track"),
            pytest.param(
                [placement(OTHER_APP, application="b", x="main")],
                {APP_ID: {}, OTHER_APP: {"x": "main"}},
                id="another application",
            ),
            pytest.param(
                [placement(OTHER_APP, "elsewhere", x="main")],
                {APP_ID: {"stable": "main"}, OTHER_APP: {"x": "main"}},
                id="not from another namespace",
            ),
            pytest.param(
                [placement(OTHER_APP, application="b", x="main"), placement(beta="main")],
                {APP_ID: {"beta": "main"}, OTHER_APP: {}},
                id="the last of two",
            ),
            pytest.param(
                [placement(OTHER_APP, "elsewhere", x="main"), placement(namespace="elsewhere", beta="b")],
                {APP_ID: {"beta": "b"}, OTHER_APP: {"x": "main"}},
                id="moved to where it is taken",
            ),
            pytest.param(
                [placement(stable="beta", beta="main")], {APP_ID: {"stable": "beta", "beta": "main"}}, id="swapped"
            ),
        ],
    )
    async def test_name_belongs_to_the_newest_group_that_has_it(self, store, then, after):
        await store.place([placement(stable="main")])

        await store.place(then)

        assert await named(store) == after

    async def test_nothing_is_logged_while_nothing_is_shown(self, store):
        position = await store.position()
        await store.place([placement(stable="app-stable")])
        await store.place([placement(namespace="elsewhere", stable="main")])

        assert await store.position() == position

    @pytest.mark.parametrize(
        ("then", "namespaces"),
        [
            pytest.param(placement(stable="app-stable"), None, id="as it was"),
            pytest.param(placement(beta="app-beta"), None, id="a group without instances"),
            pytest.param(placement(namespace="elsewhere", stable="x"), ("default", "elsewhere"), id="namespace"),
            pytest.param(placement(application="renamed", stable="app-stable"), ("default",), id="application"),
            pytest.param(placement(stable="renamed"), ("default",), id="group"),
            pytest.param(placement(OTHER_APP, application="b", x="app-stable"), ("default",), id="name taken"),
        ],
    )
    @pytest.mark.parametrize("shown", ["instance", "progress"])
    async def test_who_follows_a_namespace_is_told_when_what_is_shown_there_moves(self, store, then, namespaces, shown):
        await store.place([placement(stable="app-stable")])
        await (store.observe(sighting("one"), TIMEOUTS) if shown == "instance" else store.publish([COUNTS], NOW))
        position = await store.position()

        await store.place([then])

        revision = position.latest + 1
        assert await news(store, position) == ([PlacementChange(revision, namespaces)] if namespaces else [])

    async def test_fleet_that_comes_into_view_is_told(self, store):
        await store.observe(sighting("one"), TIMEOUTS)
        position = await store.position()

        await store.place([placement(stable="app-stable")])

        assert await news(store, position) == [PlacementChange(position.latest + 1, ("default",))]


class Publishing:
    """Published counts."""

    async def test_first_counts_are_new(self, store):
        position = await store.position()
        await store.publish([COUNTS], NOW)

        row = ProgressRow(COUNTS, position.latest + 1, NOW)
        assert await news(store, position) == [ProgressChange(row.revision, row, new=True)]
        assert list(await store.progresses()) == [row]

    async def test_unchanged_counts_are_not_written(self, store):
        other = GroupProgress(APP_ID, "beta")
        await store.publish([COUNTS, other], NOW)
        position, rows = await store.position(), await store.progresses()

        await store.publish([other, COUNTS], NOW + timedelta(seconds=1))

        assert await store.position() == position
        assert await store.progresses() == rows

    async def test_same_counts_from_two_sides_are_logged_once(self, store):
        position = await store.position()

        await asyncio.gather(*(store.publish([COUNTS], NOW) for _ in range(5)))

        assert len(await news(store, position)) == 1

    async def test_only_changed_counts_are_logged(self, store):
        await store.publish([COUNTS, GroupProgress(APP_ID, "beta")], NOW)
        position = await store.position()
        changed = replace(COUNTS, on_target=9)

        await store.publish([changed, GroupProgress(APP_ID, "beta")], NOW + timedelta(seconds=1))

        row = ProgressRow(changed, position.latest + 1, NOW)
        assert await news(store, position) == [ProgressChange(row.revision, row)]
        assert row in await store.progresses()
