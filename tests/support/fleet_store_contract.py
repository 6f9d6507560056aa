"""What every fleet store must do, whatever database it stands on: inherit FleetStoreContract and give it the fixture `store`.

The fixture is an open, empty store that was made an hour before NOW.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.fleet_values import APP_ID, NEW, NOW, OLD, TIMEOUTS, TRACK, asking, group, sighting, stamp
from update_core.fleet.evidence import Event, Evidence, Reported
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.store import FleetStore, Granted
from update_core.rollout.model import Limits, Offer, Reason, Refusal, ResolvedGroup

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def ask(
    store: FleetStore,
    instance_id: str | None,
    of_group: ResolvedGroup | None = None,
    *,
    at: datetime = NOW,
    version: str = OLD,
) -> Granted:
    """Ask the store for a grant."""
    of_group = of_group or group()
    seen = sighting(instance_id, version, track=of_group.track, app_id=of_group.app_id, at=at)
    return await store.grant(of_group, asking(instance_id, version), seen, at)


async def granted(
    store: FleetStore, instance_id: str, of_group: ResolvedGroup | None = None, *, at: datetime = NOW
) -> Grant:
    """A grant that the test begins with."""
    decision = (await ask(store, instance_id, of_group, at=at)).decision
    assert isinstance(decision, Offer), decision
    assert decision.grant is not None
    return decision.grant


async def weigh(store: FleetStore, instance_id: str, *items: Evidence, at: datetime = NOW) -> Sequence[Grant]:
    """Tell the store what the instance reported."""
    return await store.weigh(APP_ID, instance_id, items, TIMEOUTS, at)


async def ledger_of(store: FleetStore, track: str = TRACK) -> Any:
    """The group's ledger."""
    return {ledger.track: ledger for ledger in await store.ledgers()}[track]


async def counts(store: FleetStore, of_group: ResolvedGroup | None = None, *, at: datetime = NOW) -> Any:
    """The group's progress."""
    of_group = of_group or group()
    return (await store.progress([of_group], at))[of_group.app_id, of_group.track]


async def assert_in_flight_agrees(store: FleetStore) -> None:
    """The groups' counters say what counting the live grants says."""
    counted = Counter(grant.track for grant in await store.live_grants())
    assert {ledger.track: ledger.in_flight for ledger in await store.ledgers() if ledger.in_flight} == dict(counted)


class Instances:
    """Sightings."""

    async def test_unknown_instance_is_none(self, store):
        assert await store.instance(APP_ID, "one") is None

    async def test_observed_instance_is_known_as_it_reported_itself(self, store):
        await store.observe(sighting("one", oem="qemu", boot_id="b1", refusal="Paused"), TIMEOUTS)

        record = await store.instance(APP_ID, "one")

        assert (record.track, record.version, record.oem, record.boot_id) == (TRACK, OLD, "qemu", "b1")
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


class Granting:
    """The grant transaction."""

    async def test_first_grant_is_recorded_with_its_deadline(self, store):
        answer = await ask(store, "one")

        grant = answer.decision.grant
        assert (grant.number, grant.sequence, grant.version, grant.state) == (1, 1, NEW, GrantState.GRANTED)
        assert (grant.granted_at, grant.deadline) == (NOW, NOW + HOUR)
        assert list(await store.live_grants()) == [grant]
        assert answer.closed is None

    async def test_ledger_after_a_grant_counts_it(self, store):
        answer = await ask(store, "one", group(limits=Limits(max_updates=1, period_seconds=60)))

        assert (answer.ledger.highest_sequence, answer.ledger.next_number, answer.ledger.in_flight) == (1, 2, 1)
        assert answer.ledger.rate_slot == NOW + timedelta(seconds=60)

    async def test_grant_records_the_instance(self, store):
        await granted(store, "one")

        assert (await store.instance(APP_ID, "one")).version == OLD

    async def test_asking_again_gives_the_same_grant_and_consumes_no_limit(self, store):
        limited = group(limits=Limits(max_updates=1, period_seconds=60, max_in_flight=1))
        first = await granted(store, "one", limited)

        again = await ask(store, "one", limited, at=NOW + SECOND)

        assert again.decision.grant == first
        assert (again.ledger.next_number, again.ledger.in_flight) == (2, 1)

    async def test_rate_limit_refuses_until_the_period_is_over(self, store):
        limited = group(limits=Limits(max_updates=2, period_seconds=60))
        await granted(store, "one", limited)
        await granted(store, "two", limited, at=NOW + SECOND)

        early = await ask(store, "three", limited, at=NOW + 60 * SECOND - timedelta(microseconds=1))
        in_time = await ask(store, "three", limited, at=NOW + 60 * SECOND)

        assert early.decision == Refusal(Reason.RATE_LIMITED, NOW + 60 * SECOND)
        assert isinstance(in_time.decision, Offer)

    async def test_refusal_writes_nothing(self, store):
        limited = group(limits=Limits(max_updates=1, period_seconds=60))
        await granted(store, "one", limited)
        before = await store.ledgers()

        await ask(store, "two", limited)

        assert await store.ledgers() == before
        assert await store.instance(APP_ID, "two") is None

    async def test_full_group_refuses_until_the_first_deadline(self, store):
        limited = group(limits=Limits(max_in_flight=2))
        await granted(store, "one", limited)
        await granted(store, "two", limited, at=NOW + SECOND)

        assert (await ask(store, "three", limited)).decision == Refusal(Reason.TOO_MANY_IN_FLIGHT, NOW + HOUR)

    async def test_finished_update_makes_room(self, store):
        limited = group(limits=Limits(max_in_flight=1))
        await granted(store, "one", limited)
        await store.observe(sighting("one", NEW), TIMEOUTS)

        assert isinstance((await ask(store, "two", limited)).decision, Offer)

    async def test_older_rollout_is_refused_as_stale(self, store):
        await store.record_rollout(group(sequence=1), stamp(1), completed=False, now=NOW)
        await store.record_rollout(group(sequence=2), stamp(2), completed=False, now=NOW)

        assert (await ask(store, "one", group(sequence=1))).decision == Refusal(Reason.STALE_CATALOG)

    async def test_new_rollout_supersedes_the_instances_grant(self, store):
        old = await granted(store, "one")

        answer = await ask(
            store, "one", group(sequence=2, version="1.2.0", limits=Limits(max_in_flight=1)), at=NOW + SECOND
        )

        assert (answer.closed.number, answer.closed.state) == (old.number, GrantState.SUPERSEDED)
        assert [grant.version for grant in await store.live_grants()] == ["1.2.0"]
        assert answer.ledger.in_flight == 1
        await assert_in_flight_agrees(store)

    async def test_grant_in_another_group_closes_the_one_that_was_left(self, store):
        await granted(store, "one")

        answer = await ask(store, "one", group(track="beta"))

        assert (answer.closed.track, answer.closed.state) == (TRACK, GrantState.MOVED)
        assert [grant.track for grant in await store.live_grants()] == ["beta"]
        await assert_in_flight_agrees(store)

    async def test_anonymous_instance_is_offered_and_leaves_no_trace(self, store):
        answer = await ask(store, None)

        assert isinstance(answer.decision, Offer)
        assert answer.decision.grant is None
        assert list(await store.live_grants()) == []
        assert answer.ledger.next_number == 1

    async def test_clock_that_goes_back_gives_grants_at_the_time_of_the_last(self, store):
        await granted(store, "one")

        assert (await granted(store, "two", at=NOW - HOUR)).granted_at == NOW

    async def test_groups_and_applications_have_limits_of_their_own(self, store):
        limits = Limits(max_updates=1, period_seconds=60)

        numbers = [
            (await granted(store, "one", group(limits=limits, track=track, app_id=app_id))).number
            for app_id, track in ((APP_ID, TRACK), (APP_ID, "beta"), ("com.example.other", TRACK))
        ]

        assert numbers == [1, 1, 1]

    async def test_forty_parallel_checks_at_one_update_get_exactly_one_offer_a_hundred_times(self, store):
        offers = []
        for turn in range(100):
            limited = group(track=f"track-{turn}", limits=Limits(max_updates=1, period_seconds=60))
            answers = await asyncio.gather(*(ask(store, f"i{turn}-{number}", limited) for number in range(40)))
            offers.append(sum(isinstance(answer.decision, Offer) for answer in answers))

        assert offers == [1] * 100


MOVES: list[Any] = [
    pytest.param([Event(13, 1)], ["Downloading"], True, id="13:1 downloading"),
    pytest.param([Event(14, 1)], ["Downloaded"], True, id="14:1 downloaded"),
    pytest.param([Event(1, 1)], ["Downloaded"], True, id="1:1 downloaded"),
    pytest.param([Event(3, 1)], ["Installed"], True, id="3:1 installed"),
    pytest.param([Event(2, 1)], ["Installed"], True, id="2:1 installed"),
    pytest.param([Event(6, 1)], ["Installed"], True, id="6:1 installed"),
    pytest.param([Event(800, 1)], ["Installed"], True, id="800:1 installed"),
    pytest.param([Event(3, 9)], ["OnHold"], True, id="3:9 on hold"),
    pytest.param([Event(3, 1), Reported(OLD, ping_alone=True)], ["Installed", "OnHold"], True, id="ping alone on hold"),
    pytest.param(
        [Event(13, 1), Event(14, 1), Event(3, 1)], ["Downloading", "Downloaded", "Installed"], True, id="whole path"
    ),
    pytest.param([Event(14, 1), Event(13, 1)], ["Downloaded"], True, id="never backwards"),
    pytest.param([Event(13, 0), Event(14, 0), Event(1, 0)], [], True, id="noted only"),
    pytest.param([Event(3, 2), Event(54, 1), Event(777, 1)], [], True, id="says nothing"),
    pytest.param([Event(3, 0, 2007)], [], True, id="about talking to us"),
    pytest.param([Event(3, 0, 2000)], ["Failed"], False, id="2000 is a failure"),
    pytest.param([Event(3, 4)], ["Released"], False, id="3:4 released"),
    pytest.param([Event(3, 0), Event(3, 1)], ["Failed"], False, id="nothing after failed"),
    pytest.param([Event(3, 1), Reported(NEW)], ["Installed", "Complete"], False, id="version reported"),
    pytest.param([Reported(NEW)], ["Complete"], False, id="version reported at once"),
    pytest.param(
        [Event(3, 1, boot_id="b1"), Reported(OLD, boot_id="b2", asked=True)],
        ["Installed", "Failed"],
        False,
        id="booted old",
    ),
]


class Evidences:
    """What instances report of their updates."""

    @pytest.mark.parametrize(("items", "states", "in_flight"), MOVES)
    async def test_evidence_moves_the_live_grant(self, store, items, states, in_flight):
        await granted(store, "one")

        moved = await weigh(store, "one", *items, at=NOW + SECOND)

        assert [grant.state for grant in moved] == states
        live = [states[-1] if states else GrantState.GRANTED] if in_flight else []
        assert [grant.state for grant in await store.live_grants()] == live
        await assert_in_flight_agrees(store)

    async def test_evidence_without_a_grant_moves_nothing(self, store):
        await store.observe(sighting("one"), None)

        assert list(await weigh(store, "one", Event(3, 1), Reported(NEW))) == []

    async def test_failure_keeps_its_code_and_meaning(self, store):
        await granted(store, "one")

        (failed,) = await weigh(store, "one", Event(3, 0, -1879048148))

        assert (failed.error_code, failed.detail) == (-1879048148, "RolledBack")

    async def test_evidence_of_one_instance_leaves_the_others(self, store):
        await granted(store, "one")
        two = await granted(store, "two")

        await weigh(store, "one", Event(3, 0))

        assert list(await store.live_grants()) == [two]

    async def test_observed_target_version_completes_the_grant(self, store):
        await granted(store, "one")

        (moved,) = await store.observe(sighting("one", NEW, at=NOW + SECOND), TIMEOUTS)

        assert (moved.state, moved.moved_at) == (GrantState.COMPLETE, NOW + SECOND)

    async def test_observed_change_of_group_closes_the_grant_as_moved(self, store):
        await granted(store, "one")

        (moved,) = await store.observe(sighting("one", track="beta"), TIMEOUTS)

        assert (moved.track, moved.state) == (TRACK, GrantState.MOVED)
        await assert_in_flight_agrees(store)

    async def test_target_version_reported_from_another_group_completes_rather_than_moves(self, store):
        await granted(store, "one")

        moved = await store.observe(sighting("one", NEW, track="beta"), None)

        assert [grant.state for grant in moved] == [GrantState.COMPLETE]

    async def test_target_version_revives_what_the_clock_ended_and_undoes_the_failure(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(14, 1))
        await store.sweep(NOW + HOUR)
        assert (await counts(store)).failed == 1

        (moved,) = await store.observe(sighting("one", NEW, at=NOW + 2 * HOUR), TIMEOUTS)

        assert moved.state == GrantState.COMPLETE
        assert (await counts(store)).failed == 0
        await assert_in_flight_agrees(store)

    async def test_reported_failure_is_not_revived(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(3, 0))

        assert list(await store.observe(sighting("one", NEW), TIMEOUTS)) == []

    async def test_only_the_latest_grant_is_revived(self, store):
        await granted(store, "one")
        await store.sweep(NOW + HOUR)
        await granted(store, "one", group(sequence=2, version="1.2.0"), at=NOW + HOUR)

        assert list(await store.observe(sighting("one", NEW), TIMEOUTS)) == []


class Sweeping:
    """Deadlines."""

    async def test_grant_is_ended_at_its_deadline_and_not_before(self, store):
        await granted(store, "one")

        early = await store.sweep(NOW + HOUR - timedelta(microseconds=1))
        at_deadline = await store.sweep(NOW + HOUR)

        assert list(early) == []
        assert [grant.state for grant in at_deadline] == [GrantState.LAPSED]
        await assert_in_flight_agrees(store)

    @pytest.mark.parametrize(
        ("event", "wait", "state"),
        [
            pytest.param(Event(13, 1), HOUR, "Lapsed", id="downloading lapses"),
            pytest.param(Event(14, 1), HOUR, "TimedOut", id="downloaded times out"),
            pytest.param(Event(3, 1), timedelta(days=7), "TimedOut", id="installed has the time to restart"),
        ],
    )
    async def test_deadline_runs_from_the_last_move_forward(self, store, event, wait, state):
        await granted(store, "one")
        await weigh(store, "one", event, at=NOW + SECOND)

        assert list(await store.sweep(NOW + wait)) == []
        assert [grant.state for grant in await store.sweep(NOW + SECOND + wait)] == [state]

    async def test_every_group_is_swept(self, store):
        for track in ("a", "b", "c"):
            await granted(store, f"in-{track}", group(track=track))

        assert len(await store.sweep(NOW + HOUR)) == 3
        assert list(await store.live_grants()) == []

    async def test_swept_instance_may_be_granted_again(self, store):
        await granted(store, "one")
        await store.sweep(NOW + HOUR)

        assert (await granted(store, "one", at=NOW + HOUR)).number == 2


class Rollouts:
    """The mirror of the operator's stamps."""

    async def test_first_rollout_is_not_delayed(self, store):
        ledger = await store.record_rollout(group(), stamp(), completed=False, now=NOW)

        assert (ledger.highest_sequence, ledger.quiet_until) == (1, None)

    async def test_first_rollout_that_is_mirrored_late_is_not_delayed(self, store):
        ledger = await store.record_rollout(group(), stamp(), completed=False, now=NOW + HOUR)

        assert ledger.quiet_until is None

    @pytest.mark.parametrize(
        "known",
        [
            pytest.param(stamp(2), id="a later rollout of a group never seen"),
            pytest.param(stamp(1, started_at=NOW - 2 * HOUR), id="a first rollout older than the store"),
        ],
    )
    @pytest.mark.parametrize("mirrored", [True, False], ids=["mirrored first", "granted first"])
    async def test_lost_store_grants_nothing_until_the_longest_limit_has_passed(self, store, known, mirrored):
        lost = group(stamp=known, limits=Limits(max_updates=5, period_seconds=7200))
        if mirrored:
            await store.record_rollout(lost, known, completed=False, now=NOW)

        early = await ask(store, "one", lost, at=NOW)
        still = await ask(store, "one", lost, at=NOW + 2 * HOUR - SECOND)
        over = await ask(store, "one", lost, at=NOW + 2 * HOUR)

        assert early.decision == still.decision == Refusal(Reason.RATE_LIMITED, NOW + 2 * HOUR)
        assert isinstance(over.decision, Offer)

    async def test_lost_store_waits_at_least_for_updates_that_it_does_not_know_of(self, store):
        ledger = await store.record_rollout(group(sequence=3), stamp(3), completed=False, now=NOW)

        assert ledger.quiet_until == NOW + HOUR

    async def test_later_rollout_raises_the_highest_sequence(self, store):
        await store.record_rollout(group(), stamp(1), completed=False, now=NOW)

        ledger = await store.record_rollout(group(sequence=7), stamp(7), completed=False, now=NOW)

        assert (ledger.highest_sequence, ledger.quiet_until) == (7, None)

    async def test_earlier_rollout_is_refused_as_stale(self, store):
        await store.record_rollout(group(), stamp(1), completed=False, now=NOW)
        await store.record_rollout(group(sequence=2), stamp(2), completed=False, now=NOW)

        assert await store.record_rollout(group(), stamp(1), completed=False, now=NOW) == Refusal(Reason.STALE_CATALOG)

    async def test_latest_rollout_is_read_back_whole(self, store):
        await store.record_rollout(group(), stamp(1, kind="Rollback"), completed=False, now=NOW)

        rollout = (await counts(store)).rollout

        assert (rollout.sequence, rollout.version, rollout.salt, rollout.started_at) == (1, NEW, "salt-1", NOW)
        assert (rollout.kind, rollout.completed_at) == ("Rollback", None)

    async def test_completion_stays(self, store):
        for completed, at in ((True, NOW), (False, NOW + HOUR), (True, NOW + 2 * HOUR)):
            await store.record_rollout(group(), stamp(1), completed=completed, now=at)

        assert (await counts(store)).rollout.completed_at == NOW

    async def test_rollout_that_is_granted_before_it_is_mirrored_is_known(self, store):
        await granted(store, "one")

        assert (await counts(store)).rollout.sequence == 1

    async def test_same_sequence_stamped_anew_is_not_complete(self, store):
        await store.record_rollout(group(), stamp(1), completed=True, now=NOW)
        await store.record_rollout(group(), stamp(1, salt="another"), completed=False, now=NOW)

        rollout = (await counts(store)).rollout
        assert (rollout.salt, rollout.completed_at) == ("another", None)


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
        await granted(store, "one")
        after = (await counts(store)).failed
        await weigh(store, "one", Event(3, 0))

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
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Properties:
    """What holds for every course of events. The fixture `fresh_store` is a context manager that gives an empty store each time."""

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


class FleetStoreContract(Instances, Granting, Evidences, Sweeping, Rollouts, Progress, Properties):
    """Everything above."""
