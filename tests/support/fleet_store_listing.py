"""The part of the fleet store's contract about pages of instances, what is told of one, and what a decision about it stands on."""

import asyncio

import pytest

from support.fleet_store_actions import HOUR, SECOND, ask, granted, weigh
from support.fleet_store_log import everything
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, asking, group, sighting, stamp
from update_core import names
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Event
from update_core.fleet.reading import IDLE, InstanceQuery
from update_core.rollout import decide
from update_core.rollout.model import Limits

OTHER_APP = "com.example.other"
ALIKE = "fake{_<]))>", "fake{__!<!)"
"""Two ids of APP_ID whose short slugs are equal."""


async def ids(store, **query) -> list[str]:
    """The instances of a page."""
    return [row.record.instance_id for row in await store.instances(InstanceQuery(APP_ID, **query))]


class Listing:
    """Pages of instances."""

    async def test_instance_is_shown_as_it_reported_itself(self, store):
        machine = Attributes(oem="qemu", lang="de", arch="x86_64")
        await store.observe(sighting("one", attributes=machine, alias="desk", refusal="Paused"), TIMEOUTS)

        (row,) = await store.instances(InstanceQuery(APP_ID))

        assert (row.record.instance_id, row.record.version, row.record.attributes) == ("one", OLD, machine)
        assert (row.record.alias, row.record.last_refusal) == ("desk", "Paused")
        assert (row.record.first_seen, row.record.last_seen) == (NOW, NOW)
        assert (row.slug, row.state, row.grant) == (names.instance_slug(APP_ID, "one"), IDLE, None)

    async def test_latest_grant_is_shown_as_it_is(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(3, 0))
        newer = await granted(store, "one", at=NOW + HOUR)

        (row,) = await store.instances(InstanceQuery(APP_ID))

        assert (row.state, row.grant) == ("Granted", newer)

    async def test_pages_are_in_the_order_of_slugs_and_miss_nobody(self, store):
        await asyncio.gather(*(store.observe(sighting(f"{{Fake {number}}}"), TIMEOUTS) for number in range(100)))

        rows = await everything(store, page=7)

        assert [row.slug for row in rows] == sorted(
            names.instance_slug(APP_ID, f"{{Fake {number}}}") for number in range(100)
        )

    async def test_instances_of_another_application_are_its_own(self, store):
        await store.observe(sighting("one", app_id=OTHER_APP), TIMEOUTS)

        assert await ids(store) == []
        assert [row.record.app_id for row in await everything(store, OTHER_APP)] == [OTHER_APP]

    @pytest.mark.parametrize(
        ("app_ids", "up_to", "count"),
        [
            pytest.param([APP_ID], 10, 3, id="one application"),
            pytest.param([APP_ID, OTHER_APP], 10, 5, id="two together"),
            pytest.param([APP_ID, OTHER_APP], 5, 5, id="exactly so many"),
            pytest.param([APP_ID, OTHER_APP], 4, 4, id="no more than are asked for"),
            pytest.param([OTHER_APP, APP_ID], 2, 2, id="the first has them all"),
            pytest.param(["nobody"], 10, 0, id="an application without instances"),
            pytest.param([], 10, 0, id="no application"),
        ],
    )
    async def test_count_goes_as_far_as_it_is_asked_to(self, store, app_ids, up_to, count):
        for name in ("one", "two", "three"):
            await store.observe(sighting(name), TIMEOUTS)
        for name in ("one", "four"):
            await store.observe(sighting(name, app_id=OTHER_APP), TIMEOUTS)

        assert await store.count(app_ids, up_to) == count

    async def test_two_ids_whose_names_would_be_equal_have_different_ones(self, store):
        first, second = ALIKE
        assert names.instance_slug(APP_ID, first) == names.instance_slug(APP_ID, second)
        for name in ALIKE:
            await store.observe(sighting(name), TIMEOUTS)

        slugs = {row.record.instance_id: row.slug for row in await everything(store)}

        assert slugs == {
            first: names.instance_slug(APP_ID, first),
            second: names.instance_slug(APP_ID, second, long=True),
        }

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            pytest.param({}, ["one", "two", "three", "four"], id="all"),
            pytest.param({"track": "beta"}, ["three"], id="track"),
            pytest.param({"version": NEW}, ["two"], id="version"),
            pytest.param({"state": "Granted"}, ["one"], id="state"),
            pytest.param({"state": "Failed"}, ["four"], id="failed"),
            pytest.param({"state": IDLE}, ["two", "three"], id="idle"),
            pytest.param({"state": IDLE, "track": "beta"}, ["three"], id="state and track"),
            pytest.param({"version": OLD, "track": "stable"}, ["one", "four"], id="version and track"),
            pytest.param({"version": OLD, "state": "Granted"}, ["one"], id="version and state"),
            pytest.param({"instance_id": "two"}, ["two"], id="id"),
            pytest.param({"instance_id": "two", "state": "Granted"}, [], id="id that is in another state"),
            pytest.param({"slug": names.instance_slug(APP_ID, "three")}, ["three"], id="slug"),
            pytest.param({"slug": "none"}, [], id="slug of nobody"),
        ],
    )
    async def test_filters_narrow_the_list(self, store, query, found):
        await granted(store, "one")
        await store.observe(sighting("two", NEW), TIMEOUTS)
        await store.observe(sighting("three", track="beta"), TIMEOUTS)
        await granted(store, "four")
        await weigh(store, "four", Event(3, 0))

        assert sorted(await ids(store, **query)) == sorted(found)

    async def test_page_goes_on_after_a_slug_also_with_filters(self, store):
        for number in range(9):
            await store.observe(sighting(f"i{number}", track="ab"[number % 2]), TIMEOUTS)

        first = await store.instances(InstanceQuery(APP_ID, track="a", limit=2))
        second = await store.instances(InstanceQuery(APP_ID, track="a", limit=9, after=first[-1].slug))

        assert [row.record.instance_id for row in (*first, *second)] == ["i0", "i2", "i4", "i6", "i8"]


class Told:
    """What is told of one instance."""

    async def test_history_has_each_move_oldest_first(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(14, 1), Event(3, 0, -1879048148), at=NOW + SECOND)

        history = await store.history(APP_ID, "one", 10)

        assert [(entry.from_state, entry.to_state, entry.at) for entry in history] == [
            ("", "Granted", NOW),
            ("Granted", "Downloaded", NOW + SECOND),
            ("Downloaded", "Failed", NOW + SECOND),
        ]
        assert (history[-1].error_code, history[-1].detail) == (-1879048148, "RolledBack")
        assert {(entry.number, entry.sequence, entry.version) for entry in history} == {(1, 1, NEW)}

    async def test_history_is_cut_to_the_latest(self, store):
        await granted(store, "one")
        await granted(store, "two")
        await weigh(store, "one", Event(13, 1), Event(14, 1))

        assert [entry.to_state for entry in await store.history(APP_ID, "one", 2)] == ["Downloading", "Downloaded"]

    @pytest.mark.parametrize("at", [NOW, NOW + 30 * SECOND, NOW + HOUR], ids=["at once", "soon", "later"])
    @pytest.mark.parametrize(
        ("asking_group", "name"),
        [
            pytest.param(group(limits=Limits(max_updates=1, period_seconds=60)), "two", id="rate limited"),
            pytest.param(group(limits=Limits(max_in_flight=1)), "two", id="full"),
            pytest.param(group(limits=Limits(max_in_flight=1)), "one", id="its own grant"),
            pytest.param(group(sequence=2, version="1.2.0"), "one", id="a newer rollout"),
            pytest.param(group(track="new", stamp=stamp(3)), "two", id="a group never seen"),
            pytest.param(group(stamp=None), "two", id="nothing stamped"),
        ],
    )
    async def test_decision_on_what_is_read_is_the_one_that_a_grant_comes_to(self, store, asking_group, name, at):
        await granted(store, "one", group(limits=asking_group.limits))
        before = await store.ledgers()

        fleet = await store.fleet(asking_group, name, at)
        foretold = decide.decide(asking_group, asking(name), fleet, at)

        assert fleet.available
        assert await store.ledgers() == before
        decided = (await ask(store, name, asking_group, at=at)).decision
        assert type(foretold) is type(decided)
        assert getattr(foretold, "reason", None) == getattr(decided, "reason", None)
        assert getattr(foretold, "until", None) == getattr(decided, "until", None)
