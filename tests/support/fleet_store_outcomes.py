"""The part of the fleet store's contract about what halts a rollout: what is an outcome, and when there are too many failures."""

from datetime import timedelta

import pytest

from support.fleet_store_actions import HOUR, SECOND, ask, granted, known, ledger_of, weigh
from support.fleet_store_waves import FIRST, failed, waved
from support.fleet_values import APP_ID, NEW, NOW, TIMEOUTS, TRACK, group, sighting, stamp
from update_core.fleet.evidence import Event
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Offer, Reason, Refusal
from update_core.rollout.plan import Course, HaltOn, HaltReason, Latch, Plan, Retry
from update_core.rollout.waves import Linear, Opened, Wave

EARLY = Opened("early", NOW, instances=3)
EVERYBODY = Opened("everybody", NOW, ppm=PPM_OF_ALL)
HALF = HaltOn(failure_percent=50, min_samples=4)
THREE_IN_A_ROW = HaltOn(consecutive_failures=3)
AT_ONCE = Retry(max_attempts=1000, backoff_seconds=0)
BAD, GOOD = 9, None


def judged(halt_on: HaltOn | None, *opened: Opened, epoch: int = 0, **changes):
    """A group whose rollout is judged, with one wave or these."""
    plan = Plan(waves=(Wave("early", instances=3), Wave("everybody", ppm=PPM_OF_ALL)), halt_on=halt_on, retry=AT_ONCE)
    return group(**{"plan": plan, "course": Course(opened=opened or (EVERYBODY,), epoch=epoch)} | changes)


async def outcome(store, name: str, of_group, code: int | None = BAD, *, at=NOW):
    """Grant an update, and let it fail with a code or succeed; returns what that did."""
    await granted(store, name, of_group, at=at)
    return await end(store, name, of_group, code, at=at)


async def end(store, name: str, of_group, code: int | None = BAD, *, at=NOW):
    """Let an update fail or succeed."""
    if code is None:
        return await store.observe(sighting(name, of_group.stamp.version, at=at), TIMEOUTS)
    return await store.weigh(APP_ID, name, [Event(3, 0, code)], TIMEOUTS, at)


async def outcomes(store, of_group, codes) -> list[bool]:
    """What becomes of as many instances, one after the other; for each, whether it halted the rollout."""
    names = [f"{TRACK}-{of_group.stamp.sequence}-{of_group.course.epoch}-{number}" for number in range(len(codes))]
    await known(store, *names)
    return [bool((await outcome(store, name, of_group, code)).halted) for name, code in zip(names, codes, strict=True)]


class Halting:
    """Too many failures."""

    @pytest.mark.parametrize(
        ("halt_on", "codes", "halted_by"),
        [
            pytest.param(HALF, [GOOD, GOOD, BAD, BAD], 3, id="share reached with the last of enough samples"),
            pytest.param(HALF, [BAD, BAD, BAD], None, id="too few samples"),
            pytest.param(HALF, [BAD, BAD, BAD, GOOD], 3, id="success makes enough samples of failures"),
            pytest.param(HALF, [GOOD, GOOD, GOOD, BAD, BAD, GOOD], None, id="share not reached"),
            pytest.param(HALF, [GOOD, GOOD, GOOD, BAD, BAD, BAD], 5, id="share reached later"),
            pytest.param(THREE_IN_A_ROW, [BAD, BAD, GOOD, BAD, BAD], None, id="never three in a row"),
            pytest.param(THREE_IN_A_ROW, [BAD, BAD, GOOD, BAD, BAD, BAD], 5, id="the third in a row"),
            pytest.param(None, [BAD] * 12, None, id="nothing halts"),
        ],
    )
    async def test_rollout_halts_with_the_outcome_that_reaches_the_bound(self, store, halt_on, codes, halted_by):
        halted = await outcomes(store, judged(halt_on), codes)

        assert [number for number, did in enumerate(halted) if did] == ([] if halted_by is None else [halted_by])
        assert ((await ledger_of(store)).latch is None) is (halted_by is None)

    async def test_halt_says_what_decided_it(self, store):
        names = [f"i{number}" for number in range(10)]
        await known(store, *names)
        for name in names:
            await granted(store, name, judged(HaltOn(failure_percent=50, min_samples=10)))
        codes = [17, 17, 17, 15, 15, 14, 13, 12, GOOD]
        for name, code in zip(names[:-1], codes, strict=True):
            await end(store, name, judged(None), code)

        moved = await end(store, names[-1], judged(None), 11, at=NOW + SECOND)

        assert [grant.instance_id for grant in moved.grants] == [names[-1]]
        (ledger,) = moved.halted
        assert (ledger.track, ledger.in_flight) == (TRACK, 0)
        assert ledger.latch == Latch(
            sequence=1,
            epoch=0,
            at=NOW + SECOND,
            reason=HaltReason.FAILURE_PERCENT,
            message="9 of 10 instances failed in wave everybody; 50 percent halt it.",
            wave="everybody",
            errors=((17, 3), (15, 2), (11, 1), (12, 1), (13, 1)),
        )
        assert (await ledger_of(store)).latch == ledger.latch

    async def test_halted_rollout_grants_nothing_and_offers_nothing_again(self, store):
        await known(store, "under way", "next")
        await granted(store, "under way", judged(THREE_IN_A_ROW))
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 3)

        again = await ask(store, "under way", judged(THREE_IN_A_ROW))
        answer = await ask(store, "next", judged(THREE_IN_A_ROW))

        assert again.decision == answer.decision == Refusal(Reason.HALTED)
        assert answer.ledger.latch.reason is HaltReason.CONSECUTIVE_FAILURES
        assert [grant.instance_id for grant in await store.live_grants()] == ["under way"]

    async def test_mirror_tells_of_a_halt_and_does_not_lift_it(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 3)

        ledger = await store.record_rollout(judged(THREE_IN_A_ROW), stamp(), completed=False, now=NOW)

        assert ledger.latch.sequence == 1
        assert (await ask(store, "next", judged(THREE_IN_A_ROW))).decision == Refusal(Reason.HALTED)

    async def test_rollout_is_halted_once(self, store):
        names = [f"i{number}" for number in range(5)]
        await known(store, *names)
        for name in names:
            await granted(store, name, judged(THREE_IN_A_ROW))

        halted = [bool((await end(store, name, judged(None), at=NOW + HOUR / 10)).halted) for name in names]

        assert halted == [False, False, True, False, False]

    async def test_deadlines_halt_as_well(self, store):
        names = [f"i{number}" for number in range(4)]
        await known(store, *names)
        for name in names:
            await granted(store, name, judged(HALF))
            await weigh(store, name, Event(14, 1))

        moved = await store.sweep(NOW + HOUR)

        assert len(moved.grants) == 4
        (ledger,) = moved.halted
        assert (ledger.latch.at, ledger.latch.errors, ledger.in_flight) == (NOW + HOUR, (), 0)
        assert (await store.sweep(NOW + HOUR)).halted == ()

    async def test_later_rollout_is_not_halted_by_it(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 3)
        later = judged(THREE_IN_A_ROW, sequence=2, version="1.2.0")

        assert isinstance((await ask(store, "next", later)).decision, Offer)
        assert (await ledger_of(store)).latch.sequence == 1

    async def test_groups_are_judged_by_their_own_outcomes(self, store):
        await known(store, "one", "two")
        await known(store, "three", track="beta")
        for name in ("one", "two"):
            await outcome(store, name, judged(THREE_IN_A_ROW))

        assert (await outcome(store, "three", judged(THREE_IN_A_ROW, track="beta"))).halted == ()


class Resuming:
    """A resumed rollout counts its failures anew."""

    async def test_resumed_rollout_grants_again(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 3)

        assert isinstance((await ask(store, "next", judged(THREE_IN_A_ROW, epoch=1))).decision, Offer)

    async def test_resumed_rollout_is_halted_by_what_comes_after(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 3)

        assert await outcomes(store, judged(THREE_IN_A_ROW, epoch=1), [BAD] * 3) == [False, False, True]
        assert (await ledger_of(store)).latch.epoch == 1

    async def test_outcome_of_an_update_that_began_before_does_not_count(self, store):
        resumed = judged(THREE_IN_A_ROW, epoch=1)
        await known(store, "early")
        await granted(store, "early", judged(THREE_IN_A_ROW))
        await store.record_rollout(resumed, stamp(), completed=False, now=NOW)
        await outcomes(store, resumed, [BAD, BAD])

        assert (await end(store, "early", resumed)).halted == ()
        assert await outcomes(store, judged(THREE_IN_A_ROW, epoch=1, track=TRACK), []) == []
        assert (await ledger_of(store)).latch is None

    async def test_snapshot_from_before_the_resume_changes_nothing(self, store):
        await known(store, "a", "b", "c")
        for name in ("a", "b", "c"):
            await granted(store, name, judged(THREE_IN_A_ROW, epoch=1))
        await store.record_rollout(judged(None), stamp(), completed=False, now=NOW)

        assert [bool((await end(store, name, judged(None))).halted) for name in ("a", "b", "c")] == [False, False, True]


class Samples:
    """What counts as an outcome."""

    async def test_instances_that_are_not_established_do_not_count(self, store):
        for number in range(6):
            assert (await outcome(store, f"new-{number}", judged(THREE_IN_A_ROW))).halted == ()

    async def test_outcomes_of_an_earlier_rollout_do_not_count(self, store):
        earlier, later = judged(THREE_IN_A_ROW), judged(THREE_IN_A_ROW, sequence=2, version="1.2.0")
        await known(store, "one", "two")
        for name in ("one", "two"):
            await granted(store, name, earlier)
        await outcomes(store, later, [BAD] * 2)

        assert [bool((await end(store, name, earlier)).halted) for name in ("one", "two")] == [False, False]

    async def test_rollout_that_is_stamped_later_is_judged_from_then_on(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 2)
        later = judged(THREE_IN_A_ROW, sequence=2, version="1.2.0")
        await store.record_rollout(later, stamp(2, version="1.2.0"), completed=False, now=NOW)

        assert await outcomes(store, later, [BAD] * 3) == [False, False, True]

    async def test_retry_replaces_the_failure(self, store):
        await known(store, "one", "two", "three", "four")
        for name in ("one", "two", "three"):
            await outcome(store, name, judged(HALF))
        await outcome(store, "two", judged(HALF), GOOD)
        await outcome(store, "three", judged(HALF), GOOD)

        # Four instances, one of which failed: the failures that were made good would have been three of four.
        assert (await outcome(store, "four", judged(HALF), GOOD)).halted == ()

    async def test_one_instance_is_one_sample_however_often_it_fails(self, store):
        await known(store, "one")
        for number in range(6):
            assert (await outcome(store, "one", judged(THREE_IN_A_ROW), at=NOW + number * SECOND)).halted == ()

    async def test_version_that_is_reached_after_all_turns_the_outcome_around(self, store):
        names = [f"i{number}" for number in range(3)]
        await known(store, *names)
        for name in names:
            await granted(store, name, judged(THREE_IN_A_ROW))
        for name in names[:2]:
            await weigh(store, name, Event(14, 1))
        await store.sweep(NOW + HOUR)
        await end(store, names[0], judged(None), GOOD, at=NOW + HOUR)
        await known(store, "last")

        assert (await outcome(store, "last", judged(THREE_IN_A_ROW), at=NOW + HOUR)).halted == ()

    async def test_failures_in_a_row_count_across_waves(self, store):
        await known(store, "a", "b", "c")
        early = judged(THREE_IN_A_ROW, EARLY)
        await outcome(store, "a", early)
        await outcome(store, "b", early)

        both = judged(THREE_IN_A_ROW, EARLY, EVERYBODY)
        await granted(store, "c", both)

        assert (await end(store, "c", both)).halted != ()

    async def test_share_is_that_of_the_wave_that_was_opened_last(self, store):
        bounds = HaltOn(failure_percent=60, min_samples=3)
        names = [f"i{number}" for number in range(8)]
        await known(store, *names)
        early, both = judged(bounds, EARLY), judged(bounds, EARLY, EVERYBODY)
        for name in names[:3]:
            await outcome(store, name, early, GOOD)
        halted = [
            bool((await outcome(store, name, both, code)).halted)
            for name, code in zip(names[3:], [GOOD, BAD, BAD], strict=False)
        ]

        # Two of three failed in the wave, two of six altogether.
        assert halted == [False, False, True]
        assert (await ledger_of(store)).latch.wave == "everybody"

    async def test_wave_that_opens_is_looked_at_from_the_next_grant_on(self, store):
        bounds = HaltOn(failure_percent=100, min_samples=2)
        await known(store, "a", "b", "c", "d", "e")
        for name in ("a", "b", "c"):
            await outcome(store, name, judged(bounds, EARLY), GOOD)
        for name in ("d", "e"):
            await granted(store, name, judged(bounds, EARLY, EVERYBODY))

        halted = [bool((await end(store, name, judged(None))).halted) for name in ("d", "e")]

        assert halted == [False, True]

    async def test_share_of_the_last_hundred_counts_whatever_wave_they_are_of(self, store):
        bounds = HaltOn(failure_percent=50, min_samples=4)
        await known(store, *(f"i{number}" for number in range(6)))
        early, both = judged(bounds, EARLY), judged(bounds, EARLY, EVERYBODY)
        for number, code in enumerate([GOOD, BAD, GOOD]):
            await outcome(store, f"i{number}", early, code)

        # Of its own wave this is the first outcome.
        assert (await outcome(store, "i3", both, BAD)).halted != ()

    async def test_failure_of_an_instance_that_is_reset_still_counts(self, store):
        await known(store, "one", "two", "three")
        for name in ("one", "two"):
            await outcome(store, name, judged(THREE_IN_A_ROW))
            await store.reset(APP_ID, name, NOW)

        assert (await outcome(store, "three", judged(THREE_IN_A_ROW))).halted != ()

    async def test_version_reached_without_a_grant_is_no_sample(self, store):
        await known(store, "one", "two", "three", "four")
        for name in ("one", "two"):
            await outcome(store, name, judged(THREE_IN_A_ROW))
        await store.observe(sighting("four", NEW), TIMEOUTS)

        assert (await outcome(store, "three", judged(THREE_IN_A_ROW))).halted != ()

    @pytest.mark.parametrize(
        "course",
        [
            pytest.param(Course(), id="everybody at once"),
            pytest.param(Course(linear=Linear(PPM_OF_ALL, 60)), id="a share that grows"),
        ],
    )
    async def test_rollout_without_waves_is_judged_as_a_whole(self, store, course):
        assert await outcomes(store, judged(HALF, course=course), [GOOD, BAD, GOOD, BAD]) == [False, False, False, True]
        assert (await ledger_of(store)).latch.message.startswith("2 of 4 instances failed in this rollout")

    async def test_bounds_that_change_hold_from_then_on(self, store):
        await outcomes(store, judged(None), [BAD] * 2)
        await store.record_rollout(judged(THREE_IN_A_ROW), stamp(), completed=False, now=NOW)
        await known(store, "one")

        assert (await outcome(store, "one", judged(THREE_IN_A_ROW))).halted != ()

    async def test_halt_is_there_before_the_answer(self, store):
        await known(store, "a", "b", "c")
        for name in ("a", "b", "c"):
            await granted(store, name, judged(THREE_IN_A_ROW))
        for name in ("a", "b", "c"):
            await end(store, name, judged(None), at=NOW + timedelta(minutes=1))

        assert (await ask(store, "a", judged(THREE_IN_A_ROW))).decision == Refusal(Reason.HALTED)


class Telling:
    """What readers are told of all that."""

    async def test_what_would_be_decided_is_what_a_grant_decides_on(self, store):
        await known(store, "one", "two")
        await failed(store, "one", waved(FIRST))
        await granted(store, "new", waved(FIRST, EVERYBODY))

        fleet = await store.fleet(waved(FIRST), "one", NOW)

        assert (fleet.counted_in, fleet.through["first"], fleet.first_seen) == ("first", 1, NOW - HOUR)
        assert [(each.version, each.failures) for each in fleet.attempts] == [(NEW, 1)]
        assert (fleet.in_flight, fleet.newcomers_in_flight) == (1, 1)
        assert (await store.fleet(waved(FIRST), "nobody", NOW)).first_seen is None

    async def test_what_would_be_decided_knows_of_a_halt(self, store):
        await outcomes(store, judged(THREE_IN_A_ROW), [BAD] * 3)

        assert (await store.fleet(judged(None), "next", NOW)).latch == (await ledger_of(store)).latch

    async def test_failures_are_told_in_the_log(self, store):
        await granted(store, "one")
        position = await store.position()
        await weigh(store, "one", Event(3, 0))

        (change,) = await store.changes(position.latest, 10)

        assert [(each.version, each.failures) for each in change.row.record.attempts] == [(NEW, 1)]
