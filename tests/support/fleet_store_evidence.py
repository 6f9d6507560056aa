"""The part of the fleet store's contract about what ends an update: what instances report, and deadlines."""

from datetime import timedelta
from typing import Any

import pytest

from support.fleet_store_actions import HOUR, SECOND, assert_in_flight_agrees, counts, granted, weigh
from support.fleet_values import NEW, NOW, OLD, TIMEOUTS, TRACK, group, sighting
from update_core.fleet.evidence import Event, Reported
from update_core.fleet.grants import GrantState

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

        (moved,) = (await store.observe(sighting("one", NEW, at=NOW + SECOND), TIMEOUTS)).grants

        assert (moved.state, moved.moved_at) == (GrantState.COMPLETE, NOW + SECOND)

    async def test_observed_change_of_group_closes_the_grant_as_moved(self, store):
        await granted(store, "one")

        (moved,) = (await store.observe(sighting("one", track="beta"), TIMEOUTS)).grants

        assert (moved.track, moved.state) == (TRACK, GrantState.MOVED)
        await assert_in_flight_agrees(store)

    async def test_target_version_reported_from_another_group_completes_rather_than_moves(self, store):
        await granted(store, "one")

        moved = (await store.observe(sighting("one", NEW, track="beta"), None)).grants

        assert [grant.state for grant in moved] == [GrantState.COMPLETE]

    async def test_target_version_revives_what_the_clock_ended_and_undoes_the_failure(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(14, 1))
        await store.sweep(NOW + HOUR)
        assert (await counts(store)).failed == 1

        (moved,) = (await store.observe(sighting("one", NEW, at=NOW + 2 * HOUR), TIMEOUTS)).grants

        assert moved.state == GrantState.COMPLETE
        assert (await counts(store)).failed == 0
        await assert_in_flight_agrees(store)

    async def test_reported_failure_is_not_revived(self, store):
        await granted(store, "one")
        await weigh(store, "one", Event(3, 0))

        assert list((await store.observe(sighting("one", NEW), TIMEOUTS)).grants) == []

    async def test_only_the_latest_grant_is_revived(self, store):
        await granted(store, "one")
        await store.sweep(NOW + HOUR)
        await granted(store, "one", group(sequence=2, version="1.2.0"), at=NOW + HOUR)
        await store.sweep(NOW + 2 * HOUR)

        assert list((await store.observe(sighting("one", NEW), TIMEOUTS)).grants) == []


class Sweeping:
    """Deadlines."""

    async def test_grant_is_ended_at_its_deadline_and_not_before(self, store):
        await granted(store, "one")

        early = (await store.sweep(NOW + HOUR - timedelta(microseconds=1))).grants
        at_deadline = (await store.sweep(NOW + HOUR)).grants

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

        assert list((await store.sweep(NOW + wait)).grants) == []
        assert [grant.state for grant in (await store.sweep(NOW + SECOND + wait)).grants] == [state]

    async def test_every_group_is_swept(self, store):
        for track in ("a", "b", "c"):
            await granted(store, f"in-{track}", group(track=track))

        assert len((await store.sweep(NOW + HOUR)).grants) == 3
        assert list(await store.live_grants()) == []

    async def test_swept_instance_may_be_granted_again(self, store):
        await granted(store, "one")
        await store.sweep(NOW + HOUR)

        assert (await granted(store, "one", at=NOW + HOUR)).number == 2
