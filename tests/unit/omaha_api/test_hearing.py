"""What an instance's events and reports move, also while the store is away."""

from dataclasses import replace
from datetime import timedelta

import pytest

from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from update_core.fleet.grants import GrantState
from update_core.fleet.store import InstanceRecord
from update_core.rollout.model import Attempts

APP = fleet.APP_ID
FIRST, SECOND = "{fake-client-000}", "{fake-client-001}"


def reasons(omaha):
    return dict(omaha.service.tally.answers)


async def test_events_move_the_grant_and_are_durable_before_the_reply(omaha, store):
    await omaha.post(fleet.check(APP))
    states = []
    for eventtype in (13, 14, 3):
        reply = await omaha.post(fleet.event(APP, FIRST, eventtype))
        assert reply.body.count(b'<event status="ok"/>') == 1
        states.append(store.grants[0].state)
    assert states == [GrantState.DOWNLOADING, GrantState.DOWNLOADED, GrantState.INSTALLED]

    await omaha.post(fleet.check(APP, FIRST, "1.1.0"))
    assert store.grants[0].state is GrantState.COMPLETE


async def test_a_material_event_is_refused_while_the_store_is_away_and_taken_later(omaha, store):
    await omaha.post(fleet.check(APP))
    store.away = True

    refused = await omaha.post(fleet.event(APP, FIRST, 14))
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    store.away = False
    assert (await omaha.post(fleet.event(APP, FIRST, 14))).status == 200
    assert store.grants[0].state is GrantState.DOWNLOADED


@pytest.mark.parametrize(
    ("eventtype", "eventresult"),
    [(3, 2), (14, 1), (3, 0), (54, 1), (99999, 1), (14, 7)],
    ids=["3:2", "14:1", "3:0", "54:1", "unknown type", "unknown result"],
)
async def test_an_event_without_a_live_grant_is_acknowledged_and_touches_no_store(omaha, store, eventtype, eventresult):
    await omaha.post(fleet.check(APP, version="1.1.0"))
    store.calls.clear()
    store.away = True

    reply = await omaha.post(fleet.event(APP, FIRST, eventtype, eventresult, version="1.1.0"))

    assert (reply.status, reply.body.count(b'<event status="ok"/>')) == (200, 1)
    assert store.calls == []


async def test_a_failed_update_frees_its_place_and_is_offered_again(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, maxInFlight=1))
    await omaha.post(fleet.check(APP, FIRST))

    await omaha.post(fleet.event(APP, FIRST, 3, 0))

    assert store.grants[0].state is GrantState.FAILED
    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "1.1.0"


async def test_the_old_version_after_a_restart_into_the_update_is_a_failure(omaha, store):
    await omaha.post(fleet.check(APP))
    await omaha.post(fleet.event(APP, FIRST, 3))

    await omaha.post(fleet.check(APP, boot="{another}"))

    assert (store.grants[0].state, store.grants[0].detail) == (GrantState.FAILED, "BootedOldVersion")


async def test_a_client_that_makes_up_a_boot_id_for_each_request_is_not_called_failed(omaha, store):
    for boot, body in enumerate([fleet.check, fleet.check]):
        await omaha.post(body(APP, boot=f"{{{boot}}}"))
    await omaha.post(fleet.event(APP, FIRST, 3, boot="{7}"))

    await omaha.post(fleet.check(APP, boot="{8}"))

    assert store.grants[0].state is GrantState.INSTALLED


async def test_an_instance_that_changes_its_group_leaves_its_grant(store):
    payload = fleet.package("1.1.0")
    other = fleet.stamped(fleet.group(name="other", track="other", paused=True), payload)
    omaha = await OmahaService(store).start([*fleet.fleet(APP), other])
    await omaha.post(fleet.check(APP))

    await omaha.post(fleet.check(APP, track="other"))

    assert store.grants[0].state is GrantState.MOVED
    assert omaha.service.memory.live_grants == 0


async def test_without_the_store_nothing_new_is_granted_and_the_rest_goes_on(omaha, store):
    await omaha.service.mirror.ensure(omaha.service.source.current.group(APP, "fake1"))
    store.away = True

    assert (await omaha.post(fleet.check(APP, FIRST))).answer == "noupdate"
    assert (await omaha.post(fleet.check(APP, SECOND, "1.1.0"))).answer == "noupdate"
    assert reasons(omaha) == {"StoreUnavailable": 1, "UpToDate": 1}
    assert omaha.service.sightings.queued == 2

    store.away = False
    await omaha.service.sightings.flush()
    assert {key[1]: record.version for key, record in store.instances.items()} == {FIRST: "1.0.0", SECOND: "1.1.0"}


async def test_who_was_first_heard_by_this_process_while_the_store_was_away_isnt_taken_for_new_afterwards(store):
    omaha = OmahaService(store)
    seen = omaha.clock.now - timedelta(hours=1)
    store.instances[APP, FIRST] = InstanceRecord(APP, FIRST, "fake1", "1.0.0", seen, seen)
    canary = {"open": [fleet.wave("canary", instances=1)]}
    await omaha.start(fleet.fleet(APP, course=canary))
    store.away = True
    assert (await omaha.post(fleet.check(APP, FIRST))).answer == "noupdate"
    store.away = False
    await omaha.service.sightings.flush()

    assert (await omaha.post(fleet.check(APP, FIRST))).answer == "1.1.0"


async def test_what_the_store_has_counted_and_this_process_has_not_heard_of_is_asked_for_once(omaha, store):
    """An answer may have been lost on its way."""
    omaha.put(*fleet.fleet(APP, paused=True))
    await omaha.post(fleet.check(APP))
    await omaha.service.sightings.flush()
    failed = Attempts("1.1.0", 1, omaha.clock.now, 1, 0)
    store.instances[APP, FIRST] = replace(store.instances[APP, FIRST], attempts=(failed,))
    omaha.put(*fleet.fleet(APP))
    for _ in range(2):
        assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    store.calls.clear()

    assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    assert (store.calls, reasons(omaha)["BackingOff"]) == ([], 3)


async def test_a_version_reported_while_the_store_is_away_completes_the_grant_later(omaha, store):
    await omaha.post(fleet.check(APP))
    store.away = True
    assert (await omaha.post(fleet.check(APP, FIRST, "1.1.0"))).status == 200
    store.away = False

    await omaha.service.sightings.flush()

    assert store.grants[0].state is GrantState.COMPLETE
    assert omaha.service.memory.live_grants == 0
