"""What every fleet store must do, whatever database it stands on: inherit FleetStoreContract and give it two fixtures.

`store` is an open, empty store that was made an hour before NOW; `fresh_store` a context manager that gives another one each time.
"""

import asyncio
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleet_store_actions import HOUR, OVER_STORES, SECOND, ask, assert_in_flight_agrees, counts, granted, weigh
from support.fleet_store_ahead import CountingAhead
from support.fleet_store_counting import Completing, Courses, WaveCounting
from support.fleet_store_evidence import Evidences, Sweeping
from support.fleet_store_granting import Granting, Rollouts
from support.fleet_store_judging import Judging
from support.fleet_store_outcomes import Halting, Resuming, Samples
from support.fleet_store_waves import Newcomers, Retries, Waves
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, group, sighting, stamp
from support.properties import examples
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Event
from update_core.rollout.model import Limits, Offer


class Instances:
    """Sightings."""

    async def test_unknown_instance_is_none(self, store):
        assert await store.instance(APP_ID, "one") is None

    async def test_observed_instance_is_known_as_it_reported_itself(self, store):
        machine = Attributes(oem="qemu", board="amd64-usr", arch="x86_64")
        await store.observe(sighting("one", attributes=machine, alias="desk", boot_id="b1", refusal="Paused"), TIMEOUTS)

        record = await store.instance(APP_ID, "one")

        assert (record.track, record.version, record.boot_id) == (TRACK, OLD, "b1")
        assert (record.attributes, record.alias) == (machine, "desk")
        assert (record.first_seen, record.last_seen, record.last_refusal) == (NOW, NOW, "Paused")

    async def test_later_sighting_changes_all_but_first_seen(self, store):
        await store.observe(sighting("one", boot_id="b1"), None)
        await store.observe(sighting("one", NEW, track="beta", boot_id="b2", at=NOW + SECOND), None)

        record = await store.instance(APP_ID, "one")

        assert (record.version, record.track, record.boot_id) == (NEW, "beta", "b2")
        assert (record.first_seen, record.last_seen) == (NOW, NOW + SECOND)

    async def test_late_written_sighting_leaves_a_newer_last_seen(self, store):
        await store.observe(sighting("one"), None)
        await store.touch([sighting("one", at=NOW + HOUR)])
        await store.observe(sighting("one", NEW, at=NOW + SECOND), None)

        assert (await store.instance(APP_ID, "one")).last_seen == NOW + HOUR

    async def test_touch_records_last_seen_and_refusal_of_each_known_instance(self, store):
        for name in ("one", "two"):
            await store.observe(sighting(name, refusal="Paused"), None)

        await store.touch([sighting("one", at=NOW + SECOND, refusal="RateLimited"), sighting("two", at=NOW + HOUR)])

        one, two = await store.instance(APP_ID, "one"), await store.instance(APP_ID, "two")
        assert (one.last_seen, one.last_refusal) == (NOW + SECOND, "RateLimited")
        assert (two.last_seen, two.last_refusal) == (NOW + HOUR, "Paused")

    async def test_touch_makes_no_instance(self, store):
        await store.touch([sighting("one")])

        assert await store.instance(APP_ID, "one") is None

    async def test_large_batch_of_touches_is_written_whole(self, store):
        names = [f"i{number}" for number in range(1201)]
        await asyncio.gather(*(store.observe(sighting(name), None) for name in names))

        await store.touch([sighting(name, at=NOW + HOUR) for name in names])

        assert (await counts(store, at=NOW + HOUR + timedelta(days=1))).active == len(names)

    async def test_ids_are_kept_byte_for_byte(self, store):
        name = "{Fake-\N{SNOWMAN}'\"%_}"
        await store.observe(sighting(name), None)

        assert (await store.instance(APP_ID, name)).instance_id == name
        assert await store.instance(APP_ID, name.lower()) is None


class Progress:
    """Counts."""

    async def test_group_that_was_never_seen_counts_nothing(self, store):
        progress = await counts(store)

        assert (progress.rollout, progress.total, progress.active, progress.in_progress) == (None, 0, 0, 0)

    async def test_instances_are_counted_by_what_they_report_now(self, store):
        await store.record_rollout(group(), stamp(), completed=False, now=NOW)
        for name, version in (("a", OLD), ("b", NEW), ("c", "2.0.0"), ("d", "garbage"), ("e", OLD)):
            await store.observe(sighting(name, version), TIMEOUTS)
        await store.observe(sighting("e", NEW), TIMEOUTS)
        await store.observe(sighting("f", NEW, track="beta"), TIMEOUTS)

        progress = await counts(store)

        assert (progress.total, progress.active, progress.on_target) == (5, 5, 3)

    async def test_silent_instances_are_not_active(self, store):
        await store.record_rollout(group(), stamp(), completed=False, now=NOW)
        for name, at in (("silent", NOW - timedelta(seconds=61)), ("just", NOW - timedelta(seconds=60)), ("now", NOW)):
            await store.observe(sighting(name, NEW, at=at), TIMEOUTS)

        progress = await counts(store, group(active_seconds=60))

        assert (progress.total, progress.active, progress.on_target) == (3, 2, 2)

    async def test_updates_under_way_are_counted_by_rollout(self, store):
        await granted(store, "one")
        await granted(store, "two")
        await store.record_rollout(group(), stamp(1), completed=False, now=NOW)
        await store.record_rollout(group(sequence=2), stamp(2), completed=False, now=NOW)
        await granted(store, "three", group(sequence=2))

        progress = await counts(store)

        assert (progress.in_progress, progress.in_progress_current) == (3, 1)

    async def test_instance_counts_as_failed_until_it_is_granted_again(self, store):
        await store.record_rollout(group(), stamp(), completed=False, now=NOW)
        for name in ("one", "two", "three"):
            await granted(store, name)
            await weigh(store, name, Event(3, 4) if name == "three" else Event(3, 0))
        before = (await counts(store)).failed
        await granted(store, "one", at=NOW + HOUR)
        after = (await counts(store)).failed
        await weigh(store, "one", Event(3, 0), at=NOW + HOUR)

        assert (before, after, (await counts(store)).failed) == (2, 1, 2)

    async def test_failures_of_an_earlier_rollout_do_not_count(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(3, 0))
        await store.record_rollout(group(sequence=2), stamp(2), completed=False, now=NOW)

        assert (await counts(store)).failed == 0

    async def test_group_whose_resource_is_gone_is_still_reported(self, store):
        await store.record_rollout(group(track="gone"), stamp(), completed=False, now=NOW)
        await store.observe(sighting("one", NEW, track="gone"), TIMEOUTS)

        progress = await store.progress([], NOW)

        assert {key: (counted.total, counted.on_target) for key, counted in progress.items()} == {
            (APP_ID, "gone"): (1, 1)
        }


LIMITS = st.builds(Limits, max_updates=st.integers(1, 4), period_seconds=st.integers(1, 30))
ASKED = st.tuples(st.just("ask"), st.integers(-40, 40))
SCHEDULES = st.lists(st.one_of(ASKED, ASKED, ASKED, st.tuples(st.just("limit"), LIMITS)), max_size=40)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "events", "observe", "sweep", "promote"]),
        st.sampled_from(["i1", "i2", "i3"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([(13, 1), (14, 1), (3, 1), (3, 0), (3, 4), (3, 9)]),
    ),
    max_size=30,
)
PROPERTY = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=OVER_STORES,
)


class Properties:
    """What holds for every course of events."""

    @PROPERTY
    @given(schedule=SCHEDULES)
    def test_no_interval_holds_more_grants_than_the_limit_that_each_was_given_under(self, fresh_store, schedule):
        async def run() -> list[tuple[datetime, Limits]]:
            given_at, now, limits = [], NOW, Limits(max_updates=1, period_seconds=10)
            async with fresh_store() as store:
                for number, (what, value) in enumerate(schedule):
                    if what == "limit":
                        limits = value
                        continue
                    now += timedelta(seconds=value)
                    decision = (await ask(store, f"i{number}", group(limits=limits), at=now)).decision
                    if isinstance(decision, Offer):
                        given_at.append((decision.grant.granted_at, limits))
            return given_at

        grants = asyncio.run(run())

        for number, (at, limits) in enumerate(grants):
            since = at - timedelta(seconds=limits.period_seconds)
            assert sum(since < earlier <= at for earlier, _ in grants[: number + 1]) <= limits.max_updates

    @PROPERTY
    @given(steps=STEPS)
    def test_in_flight_counters_never_drift(self, fresh_store, steps):
        async def run() -> None:
            sequence, now = 1, NOW
            async with fresh_store() as store:
                for what, name, track, event in steps:
                    now += timedelta(minutes=20)
                    if what == "promote":
                        sequence += 1
                    elif what == "ask":
                        await ask(store, name, group(sequence=sequence, version=f"1.{sequence}.0", track=track), at=now)
                    elif what == "events":
                        await weigh(store, name, Event(*event), at=now)
                    elif what == "observe":
                        await store.observe(sighting(name, f"1.{sequence}.0", track=track, at=now), TIMEOUTS)
                    else:
                        await store.sweep(now)
                    await assert_in_flight_agrees(store)

        asyncio.run(run())


class FleetStoreContract(
    Instances,
    Granting,
    Waves,
    Newcomers,
    Retries,
    Evidences,
    Sweeping,
    Halting,
    Resuming,
    Samples,
    Judging,
    Rollouts,
    Courses,
    Progress,
    WaveCounting,
    CountingAhead,
    Completing,
    Properties,
):
    """Everything above."""
