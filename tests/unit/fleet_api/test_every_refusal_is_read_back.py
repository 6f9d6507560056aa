"""Each reason for which a check may be refused happens to an instance, and whoever asks for its decision reads the same one."""

import pytest

from omaha_api.store.sqlite import connections
from support import omaha_fleet
from support.fleet_desk import FleetDesk
from support.sqlite_stores import connect_impatiently
from update_core.rollout.model import Reason

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
ONE, OTHER = "{machine-one}", "{machine-other}"


@pytest.fixture
async def desk(tmp_path):
    desk = FleetDesk(tmp_path / "fleet.db", APP, connect_impatiently)
    yield desk
    await desk.close()


# Each makes a check of ONE refuse for one reason, and leaves everything as it was then.


async def client_refuses(desk):
    await desk.start()
    await desk.check(ONE, inner='<updatecheck updatedisabled="true"/>')


async def version_is_garbage(desk):
    await desk.start()
    await desk.check(ONE, "garbage")


async def runs_the_version(desk):
    await desk.start()
    await desk.check(ONE, "1.1.0")


async def channel_was_moved_and_nobody_stamped(desk):
    await desk.start()
    desk.omaha.put(omaha_fleet.channel("1.2.0"))
    await desk.check(ONE)


async def package_was_deleted(desk):
    await desk.start()
    desk.omaha.remove(omaha_fleet.package("1.1.0"))
    await desk.check(ONE)


async def the_package_takes_higher_versions_only(desk):
    await desk.start()
    desk.omaha.put(omaha_fleet.package("1.1.0", minFromVersion="1.0.1"))
    await desk.check(ONE)


async def what_it_runs_is_a_dead_end(desk):
    await desk.start()
    desk.omaha.put(omaha_fleet.package("1.0.0", deadEnd={"reason": "no room"}))
    await desk.check(ONE)


async def package_was_withdrawn(desk):
    await desk.start()
    desk.omaha.put(omaha_fleet.package("1.1.0", withdrawn={"reason": "loses data"}))
    await desk.check(ONE)


async def group_blocks_the_version(desk):
    await desk.start(versionPolicy={"blockedVersions": ["1.1"]})
    await desk.check(ONE)


async def group_takes_other_versions_only(desk):
    await desk.start(versionPolicy={"prefix": "2"})
    await desk.check(ONE)


async def group_is_paused(desk):
    await desk.start(paused=True)
    await desk.check(ONE)


async def group_is_frozen(desk):
    freeze = {"start": "1970-01-01T00:00:00Z", "end": "3000-01-01T00:00:00Z", "reason": "for good"}
    await desk.start(freezes=[freeze])
    await desk.check(ONE)


async def group_is_outside_its_windows(desk):
    # The desk's clock begins on a Sunday at noon.
    window = {"days": ["Wednesday"], "startTime": "02:00", "durationSeconds": 60, "timeZone": "Europe/Berlin"}
    await desk.start(maintenanceWindows=[window])
    await desk.check(ONE)


async def store_has_seen_a_later_rollout(desk):
    await desk.start()
    payload = omaha_fleet.package("1.1.0")
    desk.omaha.put(omaha_fleet.stamped(omaha_fleet.group(), payload, sequence=2))
    await desk.check(OTHER)
    desk.omaha.put(omaha_fleet.stamped(omaha_fleet.group(), payload, sequence=1))
    await desk.check(ONE)


async def instance_has_no_id(desk):
    await desk.start(maxInFlight=1)
    await desk.check("")


async def another_is_in_flight(desk):
    await desk.start(maxInFlight=1)
    await desk.check(OTHER)
    await desk.check(ONE)


async def rate_is_used_up(desk):
    await desk.start(rateLimit={"maxUpdates": 1, "periodSeconds": 3600})
    await desk.check(OTHER)
    await desk.check(ONE)


async def database_is_locked(desk):
    await desk.start(paused=True)
    await desk.check(ONE)
    await desk.flush()
    desk.put()
    shell = connections.connect(desk.path)
    shell.execute("BEGIN IMMEDIATE")
    desk.cleanup.callback(shell.close)
    await desk.check(ONE)


async def a_person_halted_the_version(desk):
    await desk.start(rollout={"halt": {"version": "1.1.0", "reason": "it eats disks"}})
    await desk.check(ONE)


async def it_failed_just_now(desk):
    await desk.start()
    await fail(desk)
    await desk.check(ONE)


async def it_failed_as_often_as_it_may(desk):
    await desk.start(rollout={"retry": {"maxAttempts": 1}})
    await fail(desk)
    await desk.check(ONE)


async def fail(desk):
    await desk.check(ONE)
    await desk.omaha.post(omaha_fleet.event(APP, ONE, 3, 0))


async def another_group_goes_first(desk):
    await desk.start(rollout={"dependsOn": [{"groupRef": {"name": "app-first"}}]})
    await desk.check(ONE)


async def the_next_wave_needs_approval(desk):
    waves = [{"name": "first", "percent": 0}, {"name": "rest", "percent": 100, "approval": "Required"}]
    await desk.start(rollout={"waves": waves}, course={"open": [omaha_fleet.wave("first", percent=0)]})
    await desk.check(ONE)


async def no_wave_is_open(desk):
    await desk.start(rollout={"waves": [{"name": "first", "percent": 1}]}, course={"open": []})
    await desk.check(ONE)


HAPPENINGS = {
    Reason.UPDATES_DISABLED_BY_CLIENT: client_refuses,
    Reason.VERSION_UNPARSABLE: version_is_garbage,
    Reason.UP_TO_DATE: runs_the_version,
    Reason.ROLLOUT_PENDING: channel_was_moved_and_nobody_stamped,
    Reason.NO_PATH: the_package_takes_higher_versions_only,
    Reason.DEAD_END: what_it_runs_is_a_dead_end,
    Reason.PACKAGE_UNAVAILABLE: package_was_deleted,
    Reason.WITHDRAWN: package_was_withdrawn,
    Reason.VERSION_BLOCKED: group_blocks_the_version,
    Reason.EXCLUDED: group_takes_other_versions_only,
    Reason.PAUSED: group_is_paused,
    Reason.HALTED: a_person_halted_the_version,
    Reason.FROZEN: group_is_frozen,
    Reason.OUTSIDE_WINDOW: group_is_outside_its_windows,
    Reason.STALE_CATALOG: store_has_seen_a_later_rollout,
    Reason.ANONYMOUS_INSTANCE: instance_has_no_id,
    Reason.BACKING_OFF: it_failed_just_now,
    Reason.ATTEMPTS_EXHAUSTED: it_failed_as_often_as_it_may,
    Reason.DEPENDENCY_NOT_MET: another_group_goes_first,
    Reason.AWAITING_APPROVAL: the_next_wave_needs_approval,
    Reason.NOT_IN_COHORT: no_wave_is_open,
    Reason.TOO_MANY_IN_FLIGHT: another_is_in_flight,
    Reason.RATE_LIMITED: rate_is_used_up,
    Reason.STORE_UNAVAILABLE: database_is_locked,
}

NOT_OF_THE_GROUP = {Reason.ENROLMENT_LIMITED}
"""Told to instances that aren't taken in, whatever their group does."""

REASONS = [reason for reason in Reason if reason not in NOT_OF_THE_GROUP]

WITHOUT_AN_OBJECT = {Reason.ANONYMOUS_INSTANCE}
"""Nothing is kept of an instance without an id, so there is nothing to ask about: the service's counter is all that tells."""


def test_every_reason_happens_here():
    assert set(HAPPENINGS) == set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
async def test_a_refusal_is_counted_under_its_reason(desk, reason):
    await HAPPENINGS[reason](desk)

    assert desk.omaha.service.tally.answers[reason] == 1


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason not in WITHOUT_AN_OBJECT])
async def test_a_refusal_is_read_back_with_its_reason(desk, reason):
    await HAPPENINGS[reason](desk)
    if reason is not Reason.STORE_UNAVAILABLE:
        await desk.flush()

    decision = await desk.decision(ONE)

    assert (decision["answer"], decision["reason"]) == ("Refusal", reason)
    verdicts = {rule["rule"]: rule for rule in decision["rules"]}
    assert verdicts[reason]["verdict"] == "Refuses"
    assert verdicts[reason]["message"]
    assert decision["message"].startswith(verdicts[reason]["message"])


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason not in WITHOUT_AN_OBJECT])
async def test_a_refusal_stands_on_the_instance(desk, reason):
    await HAPPENINGS[reason](desk)
    desk.cleanup.close()
    await desk.flush()

    assert (await desk.instance(ONE))["status"]["lastRefusal"] == reason


@pytest.mark.parametrize("reason", WITHOUT_AN_OBJECT)
async def test_who_sends_no_id_leaves_no_object(desk, reason):
    await HAPPENINGS[reason](desk)
    await desk.flush()

    assert desk.omaha.service.memory.instances == 0
    assert await desk.store.instance(APP, "") is None
