"""The part of the fleet store's contract about what a rollout is advanced by: counts by wave, who is past help, and its course."""

from dataclasses import replace
from datetime import timedelta

import pytest

from support.fleet_store_actions import HOUR, SECOND, counts, granted, known, weigh
from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, group, sighting, stamp
from update_core import versions
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Event
from update_core.rollout.advance import WaveCounts
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import UNGUARDED, Course, HaltOn, HaltReason, Latch, Plan, Retry
from update_core.rollout.waves import Linear, Opened, Requirement, Wave

ARM = (Requirement("arch", frozenset({"arm64"})),)
NOT_EC2 = (Requirement("oem", frozenset({"ec2"}), negated=True),)
PLAN = Plan(waves=(Wave("arm", ppm=PPM_OF_ALL, match=ARM), Wave("everybody", ppm=PPM_OF_ALL)))
OPEN_TO_ALL = Opened("everybody", NOW, ppm=PPM_OF_ALL)
LATCH = Latch(1, 1, NOW, HaltReason.CONSECUTIVE_FAILURES, "3 in a row.", "arm", ((9, 2), (44, 1)))
COURSE = Course(
    opened=(
        Opened("arm", NOW, ppm=50_000, match=ARM + NOT_EC2, expected=7, settled_at=NOW + SECOND),
        Opened("some", NOW + SECOND, instances=3, settled_after_stopped_seconds=4),
    ),
    epoch=1,
    halted=LATCH,
    stopped_seconds=60,
    stopped_since=NOW + HOUR,
    dependencies_met_at=NOW,
)
OLDER_COURSES = [
    pytest.param(replace(COURSE, epoch=0), id="before it was resumed"),
    pytest.param(replace(COURSE, halted=None), id="before it was halted"),
    pytest.param(replace(COURSE, opened=COURSE.opened[:1]), id="before the last wave was opened"),
    pytest.param(replace(COURSE, dependencies_met_at=None), id="before its dependencies were met"),
]


def guarded(*opened: Opened, plan: Plan = PLAN, epoch: int = 0, **changes):
    """A group whose rollout has waves, of which these are open."""
    return group(**{"plan": plan, "course": Course(opened=opened or (OPEN_TO_ALL,), epoch=epoch)} | changes)


async def mirrored(store, of_group):
    """Tell the store of the group's rollout."""
    await store.record_rollout(of_group, of_group.stamp, completed=False, now=NOW)
    return of_group


async def seen(
    store, name: str, version: str = OLD, *, first: timedelta = HOUR, refusal: str = "", **machine: str
) -> None:
    """An instance that was heard first so long before NOW, and again at NOW."""
    told = {"attributes": Attributes(**machine)}
    await store.observe(sighting(name, version, at=NOW - first, **told), None)
    await store.observe(sighting(name, version, refusal=refusal, **told), None)


class WaveCounting:
    """Counts by wave."""

    async def test_who_waits_is_counted_in_each_wave_that_is_planned_or_open(self, store):
        plan = replace(PLAN, waves=(Wave("west", ppm=1, match=NOT_EC2), *PLAN.waves))
        of_group = await mirrored(store, guarded(Opened("gone from the plan", NOW, ppm=1), plan=plan))
        await seen(store, "arm", board="arm64-usr", oem="ec2")
        await seen(store, "amd", arch="x86_64", oem="qemu")
        await seen(store, "silent about it")

        waves = (await counts(store, of_group)).waves

        assert {name: wave.waiting for name, wave in waves.items()} == {
            "west": 2,
            "arm": 1,
            "everybody": 3,
            "gone from the plan": 3,
        }

    async def test_a_wave_that_is_open_is_for_whom_it_was_opened(self, store):
        of_group = await mirrored(store, guarded(Opened("arm", NOW, ppm=PPM_OF_ALL, match=NOT_EC2)))
        await seen(store, "one", oem="ec2", arch="arm64")
        await seen(store, "two", oem="qemu", arch="arm64")
        await seen(store, "three", oem="qemu", arch="amd64")
        await seen(store, "four", oem="qemu", arch="amd64")

        assert (await counts(store, of_group)).waves["arm"].waiting == 3

    async def test_a_machine_is_counted_by_what_it_said_last(self, store):
        of_group = await mirrored(store, guarded())
        await seen(store, "one", arch="amd64")
        await seen(store, "says nothing")
        before = (await counts(store, of_group)).waves["arm"].waiting
        await seen(store, "one", arch="arm64")

        assert (before, (await counts(store, of_group)).waves["arm"].waiting) == (0, 1)

    async def test_who_is_excluded_waits_for_nothing_where_waves_are_for_all_machines(self, store):
        plan = Plan(halt_on=HaltOn(failure_percent=5))
        of_group = await mirrored(store, guarded(plan=plan, excluded_oems=frozenset({"bare"})))
        await seen(store, "one", oem="bare")
        await seen(store, "two", oem="qemu")

        assert (await counts(store, of_group)).waves["everybody"].waiting == 1

    @pytest.mark.parametrize(
        ("before", "waiting"),
        [
            pytest.param(timedelta(0), 0, id="when it began"),
            pytest.param(timedelta(microseconds=1), 1, id="just before"),
        ],
    )
    async def test_who_was_seen_before_the_rollout_began_is_known_well_an_hour_later(self, store, before, waiting):
        of_group = await mirrored(store, guarded())
        await seen(store, "one", first=before)

        assert (await counts(store, of_group, at=NOW + HOUR)).waves["everybody"].waiting == waiting

    @pytest.mark.parametrize(
        ("name", "waiting"),
        [
            pytest.param({}, 1, id="waits"),
            pytest.param({"version": NEW}, 0, id="on the target"),
            pytest.param({"version": "2.0.0"}, 0, id="above the target"),
            pytest.param({"version": "garbage"}, 0, id="version that is none"),
            pytest.param({"first": timedelta(0)}, 0, id="seen when the rollout began"),
            pytest.param({"first": 599 * SECOND}, 0, id="seen too short a time"),
            pytest.param({"first": 600 * SECOND}, 1, id="seen just long enough"),
            pytest.param({"oem": "bare"}, 0, id="excluded"),
        ],
    )
    async def test_who_waits_is_known_well_and_can_be_moved(self, store, name, waiting):
        of_group = await mirrored(store, guarded(excluded_oems=frozenset({"bare"})))
        await seen(store, "one", **name)

        assert (await counts(store, of_group)).waves["everybody"].waiting == waiting

    async def test_who_is_silent_does_not_wait(self, store):
        of_group = await mirrored(store, guarded(active_seconds=60))
        await store.observe(sighting("one", at=NOW - HOUR), None)

        progress = await counts(store, of_group)

        assert (progress.total, progress.active, progress.waves["everybody"].waiting) == (1, 0, 0)

    async def test_dead_end_waits_for_nothing(self, store):
        dead = {versions.parse(OLD): {"arm64": "its boot loader is broken", "": ""}}
        of_group = await mirrored(store, guarded(dead_ends=dead))
        await seen(store, "arm", arch="arm64")
        await seen(store, "amd", arch="amd64")

        assert (await counts(store, of_group)).waves["everybody"].waiting == 1

    async def test_outcomes_are_counted_in_the_wave_of_the_grant(self, store):
        of_group = await mirrored(store, guarded())
        await known(store, "good", "bad", "on its way")
        for name in ("good", "bad", "on its way"):
            await granted(store, name, of_group)
        await weigh(store, "bad", Event(3, 0, 9))
        await store.observe(sighting("good", NEW), TIMEOUTS)

        waves = (await counts(store, of_group)).waves

        assert waves == {"arm": WaveCounts(), "everybody": WaveCounts(3, 1, 1, waiting=2)}

    async def test_a_resume_counts_failures_anew_and_keeps_who_is_there(self, store):
        """Who succeeded isn't granted again: a wave that didn't count them would never settle."""
        of_group = await mirrored(store, guarded(plan=replace(PLAN, retry=Retry(backoff_seconds=0))))
        await known(store, "good", "bad", "bad again")
        for name in ("good", "bad", "bad again"):
            await granted(store, name, of_group)
        for name in ("bad", "bad again"):
            await weigh(store, name, Event(3, 0, 9))
        await store.observe(sighting("good", NEW), TIMEOUTS)

        resumed = await mirrored(store, guarded(plan=of_group.plan, epoch=1))
        after = (await counts(store, resumed)).waves["everybody"]
        await granted(store, "bad again", resumed)
        await weigh(store, "bad again", Event(3, 0, 9))

        assert (after.granted, after.succeeded, after.failed) == (3, 1, 0)
        assert (await counts(store, resumed)).waves["everybody"] == WaveCounts(3, 1, 1, waiting=2)

    async def test_a_later_rollout_counts_from_nothing(self, store):
        of_group = await mirrored(store, guarded())
        await known(store, "one")
        await granted(store, "one", of_group)
        await weigh(store, "one", Event(3, 0, 9))

        later = await mirrored(store, guarded(sequence=2, version="1.2.0"))

        assert (await counts(store, later)).waves["everybody"] == WaveCounts(waiting=1)

    async def test_without_its_resource_a_group_has_no_waves(self, store):
        await mirrored(store, guarded())
        await known(store, "one")

        progress = (await store.progress([], NOW))[APP_ID, TRACK]

        assert (dict(progress.waves), progress.active) == ({}, 1)


class Completing:
    """What a rollout is complete by."""

    @pytest.mark.parametrize(
        ("plan", "active", "on_target"),
        [
            pytest.param(PLAN, 2, 1, id="waves"),
            pytest.param(Plan(halt_on=HaltOn(failure_percent=5)), 2, 1, id="haltOn"),
            pytest.param(Plan(), 4, 2, id="neither"),
        ],
    )
    async def test_newcomers_count_only_where_failures_halt_nothing(self, store, plan, active, on_target):
        of_group = await mirrored(store, guarded(plan=plan))
        await seen(store, "known")
        await seen(store, "known and there", NEW)
        await seen(store, "new", first=timedelta(0))
        await seen(store, "new and there", NEW, first=timedelta(0))

        progress = await counts(store, of_group)

        assert (progress.total, progress.active, progress.on_target) == (4, active, on_target)

    async def test_where_nobody_is_known_well_all_count(self, store):
        of_group = await mirrored(store, guarded())
        await seen(store, "new", first=timedelta(0))
        await seen(store, "new and there", NEW, first=timedelta(0))

        progress = await counts(store, of_group)

        assert (progress.active, progress.on_target, progress.waves["everybody"].waiting) == (2, 1, 0)

    @pytest.mark.parametrize(
        ("refusal", "finished"),
        [
            pytest.param("AttemptsExhausted", 1, id="exhausted"),
            pytest.param("DeadEnd", 1, id="dead end"),
            pytest.param("Excluded", 1, id="excluded"),
            pytest.param("BackingOff", 0, id="backing off"),
            pytest.param("", 0, id="not refused"),
        ],
    )
    async def test_who_can_not_be_brought_there_is_finished(self, store, refusal, finished):
        of_group = await mirrored(store, guarded())
        await seen(store, "one", refusal=refusal)
        await seen(store, "there", NEW, refusal=refusal)
        await seen(store, "new", first=timedelta(0), refusal=refusal)

        progress = await counts(store, of_group)

        assert (progress.active, progress.on_target, progress.finished) == (2, 1, finished)

    async def test_who_was_refused_and_fell_silent_is_not_finished(self, store):
        of_group = await mirrored(store, guarded(active_seconds=60))
        await seen(store, "one", refusal="Excluded")

        assert (await counts(store, of_group, at=NOW + 61 * SECOND)).finished == 0

    async def test_in_a_rollback_who_left_the_halted_version_is_there(self, store):
        back = stamp(2, version=OLD, kind="Rollback", from_version=NEW)
        of_group = await mirrored(store, guarded(stamp=back, wanted=versions.parse(NEW), target_version=OLD))
        await seen(store, "halted", NEW)
        await seen(store, "halted in other words", f"{NEW}.0")
        await seen(store, "never went", OLD)
        await seen(store, "went on by itself", "2.0.0")

        progress = await counts(store, of_group)

        assert (progress.active, progress.on_target, progress.waves["everybody"].waiting) == (4, 2, 2)


class Courses:
    """The course of a rollout, which a lost status is made again from."""

    @pytest.mark.parametrize(
        "course",
        [
            pytest.param(COURSE, id="waves"),
            pytest.param(Course(opened=()), id="nothing open"),
            pytest.param(Course(linear=Linear(1000, 3600), stopped_since=NOW), id="linear"),
            pytest.param(Course(opened=(), soaking=(("early", NOW), ("first", NOW - HOUR))), id="soaking"),
            pytest.param(UNGUARDED, id="everybody"),
        ],
    )
    async def test_it_is_read_back_as_it_was_stamped(self, store, course):
        of_group = await mirrored(store, group(course=course))

        assert (await counts(store, of_group)).rollout.course == course

    async def test_a_rollback_is_read_back_with_where_it_began(self, store):
        back = stamp(2, version=OLD, kind="Rollback", from_version=NEW)
        of_group = await mirrored(store, guarded(stamp=back))

        rollout = (await counts(store, of_group)).rollout

        assert (rollout.kind, rollout.version, rollout.from_version) == ("Rollback", OLD, NEW)

    async def test_it_goes_on(self, store):
        await mirrored(store, group(course=replace(COURSE, halted=None)))
        further = replace(COURSE, epoch=2, halted=None, stopped_since=None, stopped_seconds=90)
        of_group = await mirrored(store, group(course=further))

        assert (await counts(store, of_group)).rollout.course == further

    async def test_it_goes_on_where_a_wave_that_a_later_one_includes_is_not_told_of_any_more(self, store):
        some = Opened("some", NOW, ppm=1000, settled_at=NOW)
        more = Opened("more", NOW + SECOND, ppm=2000, settled_at=NOW + SECOND)
        most = Opened("most", NOW + 2 * SECOND, ppm=3000)
        await mirrored(store, guarded(some, more))
        of_group = await mirrored(store, guarded(more, most))
        await mirrored(store, guarded(some, more))

        assert (await counts(store, of_group)).rollout.course.opened == (more, most)

    @pytest.mark.parametrize("older", OLDER_COURSES)
    async def test_what_another_replica_saw_further_on_is_not_taken_back(self, store, older):
        of_group = await mirrored(store, group(course=COURSE))
        await mirrored(store, group(course=older))

        assert (await counts(store, of_group)).rollout.course == COURSE

    async def test_a_status_that_was_made_anew_brings_its_own(self, store):
        await mirrored(store, group(course=COURSE))
        anew = stamp(salt="another")
        of_group = await mirrored(store, group(stamp=anew, course=Course(opened=())))

        assert (await counts(store, of_group)).rollout.course == Course(opened=())

    async def test_it_is_mirrored_by_a_grant_that_comes_first(self, store):
        of_group = guarded(OPEN_TO_ALL)
        await granted(store, "one", of_group)

        assert (await counts(store, of_group)).rollout.course == of_group.course
