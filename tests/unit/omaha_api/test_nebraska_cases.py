"""What Nebraska's tests of its policy ask of it, and what it was found to get wrong, asked of this service.

Where another test says it already the table names that one; the rest is here, on a real store.
"""

# Nebraska's case                                      | here
# updates_test.go
#   GetUpdatePackage: unknown application, group, both | test_checks: what_cannot_be_answered_says_so_the_same_way
#     a group of another application                   | test_operator_rollouts: a_channel_of_another_application_is_named_…
#     a channel without a package                      | test_checks: a_deleted_package_ends_the_offers
#     up to date, or newer                             | test_decide: only_an_older_instance_is_offered_…
#   GroupNoChannel                                     | test_decide: group_without_a_channel_is_pending
#   UpdatesDisabled                                    | test_checks: what_stops_ends_offers_and_repeated_offers_at_once
#   MaxUpdatesPerPeriodLimitReached_SafeMode           | one_goes_first_…
#   MaxUpdatesPerPeriodLimitReached_LimitUpdated       | test_checks: a_raised_limit_counts_at_the_next_check
#   MaxUpdatesLimitsReached                            | when_the_period_is_over_…
#   MaxTimedOutUpdatesLimitReached_SafeMode            | the_first_to_fail_…, the_first_to_fall_silent_…
#   ResumeUpdates                                      | test_checks: max_in_flight_frees_its_place_when_the_deadline_passes
#   RolloutStats                                       | counts_follow_a_rollout_to_its_end
#   CompletionStats                                    | fleet_store_contract: instances_are_counted_by_what_they_report_now,
#     the channel is removed from the group            |   group_whose_resource_is_gone_is_still_reported
#   UpdateInProgressOnInstance                         | test_omaha_progress: an_instance_that_asks_again_is_offered_the_same_again
#   CheckVersionForGrantedUpdate                       | test_hearing: events_move_the_grant_and_are_durable_before_the_reply
#   InstanceStatusHistory                              | test_sqlite_file: each_move_leaves_a_line_of_history
#   MultiStepUpdateProgression                         | test_floors_in_answers: an_instance_goes_from_floor_to_floor_…
#   AlreadyGrantedWithoutLastUpdateVersion             | no case: a grant's row always has its version, sequence and deadline
#   SafetyRulesValidation                              | test_hops: an_instance_is_offered_the_next_hop[the floor is blocked, …]
# events_test.go
#   InvalidParams                                      | test_hearing: an_event_without_a_live_grant_is_acknowledged_…
#   TriggerEventConsequences                           | test_omaha_progress: an_update_goes_from_granted_to_installed_…
#     a failure that isn't the first                   | a_failure_after_a_success_…
#   FirstUpdateAttemptFailed                           | the_first_to_fail_…
#   CheckSuccessResult, CheckFlatcarSuccessResult      | test_omaha_progress: states_only_go_forward_…
#   CheckFlatcarIgnoredUpdate                          | test_omaha_progress: an_update_complete_event_of_every_check_…
#   GetEvent                                           | test_omaha_progress: an_error_code_is_kept_as_sent_…
# packages_floors_test.go, omaha_floors_test.go
#   NonStandardVersions                                | floors_are_compared_as_versions_are_…
#   FloorReason, SyncerMultiManifest, NoFloors         | test_floors_in_answers: who_takes_several_manifests_…
#   FloorRolloutPolicy                                 | test_floors_in_answers: every_hop_uses_up_the_limit
#   TargetAsFloor                                      | a_floor_that_is_the_target_…
#   FloorBlacklistConflict                             | test_hops: nobody_is_offered_what_is_withdrawn_blocked_or_missing
#   OldSyncerBlocked, LegacySyncerBlockedWithFloors    | test_floors_in_answers: an_instance_goes_from_floor_to_floor_…
#
# What it gets wrong                                   | here
#   a denial is answered as an error                   | test_omaha_decisions: whatever_stands_in_the_way_of_an_update_…
#     and the client's error about it fails its update | an_update_does_not_fail_by_what_its_client_says_of_our_answers
#   an instance in progress is refused for ever        | test_omaha_progress: an_update_that_is_stuck_ends_after_its_time_…
#   a repeated offer asks no policy                    | test_checks: what_stops_ends_offers_and_repeated_offers_at_once
#   each denied check writes a row                     | test_denied_checks: a_thousand_denied_checks_ask_the_store_nothing
#   refused once after more than a day of silence      | who_comes_back_after_days_…
#   stops again at the first check after it was resumed| a_resumed_group_is_not_stopped_by_what_stopped_it_before
#   parallel checks exceed the limit                   | test_omaha_service: forty_parallel_checks_at_one_update_get_exactly_one_…
#   a failure is granted again at once                 | test_checks_and_failures: who_failed_waits_twice_as_long_…
#   safe mode goes on after a failure                  | the_first_to_fail_…
#   updates that time out let more and more through    | fleet_store_outcomes: deadlines_halt_as_well
#   a period may be any text                           | a_period_that_is_no_number_…
#   deleting a package in use goes unnoticed           | test_group_status: a_missing_package_keeps_the_last_target_and_…
#   a refusal for want of a manifest counts as a grant | test_floors_in_answers: a_floor_that_cannot_be_said_is_not_granted_…
#   every floor is fetched where the target lies       | test_floors_in_answers: each_hop_is_fetched_as_its_own_package_says
#   floors are compared without their pre-releases     | floors_are_compared_as_versions_are_…
#   times are off by the database session's zone       | the_time_zone_of_the_database_moves_no_limit_…
#   one that came with the version is waited for always| who_came_with_the_version_is_not_waited_for
#   an application that is unknown ends the answer     | test_omaha_placing: what_is_wrong_with_one_application_is_not_…
#   nonsense is answered with 200 and nothing          | test_omaha_transport: what_cannot_be_answered_has_a_status_and_a_reason_…
#   office hours are fixed, and a bad zone says nothing| test_windows, test_omaha_windows: windows_that_cannot_be_read_shut_the_group

from datetime import UTC, datetime, timedelta

import pytest

from omaha_api.store.postgres.store import PostgresStore
from omaha_api.store.postgres.timekeeping import DatabaseClock
from support import omaha_fleet
from support.fleet_values import asking, group, sighting, stamp
from support.known_fleet import APP, EVERYBODY, KNOWN, NEW
from support.omaha_requests import UPDATECHECK
from support.omaha_service import OmahaService
from update_core.rollout import advance
from update_core.rollout.advance import Facts
from update_core.rollout.model import Limits, Offer, Reason, Refusal

FIRST = {"name": "first", "instances": 1, "settlePercent": 100}
ONE_FIRST = {"waves": [FIRST], "haltOn": {"consecutiveFailures": 1}}
"""Nebraska's safe mode: one instance first, and nobody after it if it fails."""
FIRST_OPEN = {"open": [omaha_fleet.wave("first", instances=1)]}
BOTH_OPEN = {"open": [*FIRST_OPEN["open"], *EVERYBODY["open"]]}


async def begin(known_fleet, course, **spec):
    """A rollout, of which the store knows what it is judged by."""
    known_fleet.roll_out(course, **spec)
    await known_fleet.mirrored()


async def time_out(known_fleet, machine):
    """It downloads, and isn't heard again in its time."""
    await known_fleet.omaha.post(omaha_fleet.event(APP, machine, 14))
    await known_fleet.omaha.serve_for(61)
    await known_fleet.omaha.service.sweeper.sweep()


async def counted(known_fleet):
    """The group's counts."""
    service = known_fleet.omaha.service
    found = service.source.current.group(APP, "fake1")
    return found, (await known_fleet.store.progress([found], known_fleet.clock()))[APP, "fake1"]


def complete(found, progress):
    """Whether the operator would call the rollout complete."""
    facts = Facts(active=progress.active, on_target=progress.on_target, in_flight=progress.in_progress_current)
    return advance.complete(found.plan, found.stamp, found.course, facts, found.stamp.started_at)


# One first, then all


async def test_one_goes_first_and_the_others_wait_until_their_wave_is_open(known_fleet):
    await begin(known_fleet, FIRST_OPEN, rollout=ONE_FIRST)

    assert await known_fleet.offered(KNOWN) == KNOWN[:1]
    assert await known_fleet.check(KNOWN[0], NEW) == "noupdate"
    # Its success opens nothing by itself: that is the operator's.
    assert await known_fleet.offered(KNOWN[1:]) == []
    await begin(known_fleet, BOTH_OPEN, rollout=ONE_FIRST)
    assert await known_fleet.offered(KNOWN[1:]) == KNOWN[1:]


@pytest.mark.parametrize("ends", ["an error", "silence after the download"])
async def test_the_first_to_fail_stops_the_group(known_fleet, ends):
    await begin(known_fleet, BOTH_OPEN, rollout=ONE_FIRST, updateTimeoutSeconds=60)
    assert await known_fleet.offered(KNOWN[:1]) == KNOWN[:1]

    if ends == "an error":
        await known_fleet.fail(KNOWN[0])
    else:
        await time_out(known_fleet, KNOWN[0])

    assert await known_fleet.offered(KNOWN) == []
    assert known_fleet.answers("Halted") == len(KNOWN)


async def test_the_first_to_fall_silent_before_its_download_keeps_the_others_waiting(known_fleet):
    await begin(known_fleet, FIRST_OPEN, rollout=ONE_FIRST, updateTimeoutSeconds=60)
    assert await known_fleet.offered(KNOWN) == KNOWN[:1]
    await known_fleet.omaha.serve_for(61)
    await known_fleet.omaha.service.sweeper.sweep()

    assert await known_fleet.offered(KNOWN[1:]) == []
    assert await known_fleet.offered(KNOWN[:1]) == KNOWN[:1]


async def test_a_failure_after_a_success_stops_nothing_where_two_in_a_row_would(known_fleet):
    await begin(known_fleet, BOTH_OPEN, rollout={"waves": [FIRST], "haltOn": {"consecutiveFailures": 2}})
    assert await known_fleet.offered(KNOWN[:2]) == KNOWN[:2]
    assert await known_fleet.check(KNOWN[0], NEW) == "noupdate"

    await known_fleet.fail(KNOWN[1])

    assert await known_fleet.offered(KNOWN[2:]) == KNOWN[2:]


@pytest.mark.parametrize("ends", ["an error", "silence after the download"])
async def test_a_resumed_group_is_not_stopped_by_what_stopped_it_before(known_fleet, ends):
    await begin(known_fleet, BOTH_OPEN, rollout=ONE_FIRST, updateTimeoutSeconds=60)
    assert await known_fleet.offered(KNOWN[:1]) == KNOWN[:1]
    if ends == "an error":
        await known_fleet.fail(KNOWN[0])
    else:
        await time_out(known_fleet, KNOWN[0])
    assert await known_fleet.offered(KNOWN[1:2]) == []

    await begin(known_fleet, BOTH_OPEN | {"epoch": 1}, rollout=ONE_FIRST, updateTimeoutSeconds=60)

    assert await known_fleet.offered(KNOWN[1:]) == KNOWN[1:]
    assert await known_fleet.check(KNOWN[1], NEW) == "noupdate"
    assert await known_fleet.offered(KNOWN[2:]) == KNOWN[2:]


# Limits


async def test_when_the_period_is_over_updates_in_flight_still_hold_others_back(known_fleet):
    limits = {"rateLimit": {"maxUpdates": 2, "periodSeconds": 600}, "maxInFlight": 2}
    await begin(known_fleet, EVERYBODY, **limits)

    assert await known_fleet.offered(KNOWN) == KNOWN[:2]
    assert known_fleet.answers("TooManyInFlight") == len(KNOWN) - 2
    assert await known_fleet.check(KNOWN[0], NEW) == "noupdate"
    assert await known_fleet.offered(KNOWN[2:]) == []
    assert known_fleet.answers("RateLimited") == len(KNOWN) - 2

    known_fleet.clock.advance(600)

    assert await known_fleet.offered(KNOWN[2:]) == KNOWN[2:3]


async def test_a_period_that_is_no_number_changes_nothing_and_stops_no_check(known_fleet):
    await begin(known_fleet, EVERYBODY, rateLimit={"maxUpdates": 1, "periodSeconds": 600})

    known_fleet.roll_out(EVERYBODY, rateLimit={"maxUpdates": 9, "periodSeconds": "banana"})

    assert await known_fleet.offered(KNOWN) == KNOWN[:1]
    known_fleet.clock.advance(600)
    assert await known_fleet.offered(KNOWN[1:]) == KNOWN[1:2]


async def test_the_time_zone_of_the_database_moves_no_limit_and_no_deadline(postgres):
    name = postgres.create()
    postgres.execute(f"ALTER DATABASE {name} SET timezone = 'Pacific/Kiritimati'")
    before = datetime.now(UTC)
    store = PostgresStore(postgres.url(name), time_keeping=DatabaseClock(lambda: datetime.now(UTC)))
    await store.open()
    try:
        began = stamp(started_at=before)
        limited = group(stamp=began, limits=Limits(max_updates=1, period_seconds=3600), active_seconds=3600)
        first = await store.grant(limited, asking("one"), sighting("one", at=before), before)
        second = await store.grant(limited, asking("two"), sighting("two", at=before), before)
        counts = (await store.progress([limited], datetime.now(UTC)))[limited.app_id, limited.track]
    finally:
        await store.close()
        postgres.drop(name)

    assert isinstance(first.decision, Offer)
    granted = first.decision.grant
    assert before <= granted.granted_at <= datetime.now(UTC)
    assert granted.deadline - granted.granted_at == timedelta(hours=1)
    assert second.decision == Refusal(Reason.RATE_LIMITED, granted.granted_at + timedelta(hours=1))
    assert (counts.total, counts.active) == (1, 1)


# One instance


async def test_an_update_does_not_fail_by_what_its_client_says_of_our_answers(known_fleet):
    """update_engine reports an answer that it doesn't take as error 34 of its update, with a flag beside it."""
    await begin(known_fleet, EVERYBODY)
    assert await known_fleet.offered(KNOWN[:1]) == KNOWN[:1]
    for eventtype in (13, 14, 3):
        await known_fleet.omaha.post(omaha_fleet.event(APP, KNOWN[0], eventtype))
    known_fleet.roll_out(EVERYBODY, paused=True)
    assert await known_fleet.check(KNOWN[0]) == "noupdate"

    complaint = f'<event eventtype="3" eventresult="0" errorcode="{2**28 + 34}"/>'
    await known_fleet.omaha.post(omaha_fleet.check(APP, KNOWN[0], inner=complaint))
    known_fleet.roll_out(EVERYBODY)

    assert await known_fleet.check(KNOWN[0]) == NEW
    (held,) = await known_fleet.store.live_grants()
    assert (held.state, held.number) == ("Installed", 1)


async def test_who_comes_back_after_days_is_offered_the_update_with_its_first_check(known_fleet):
    await known_fleet.omaha.serve_for(3 * 86400)
    await known_fleet.restart()
    await begin(known_fleet, EVERYBODY)

    assert await known_fleet.check(KNOWN[0], inner=UPDATECHECK) == NEW
    assert known_fleet.omaha.service.granting.granted == 1


# Counts


async def test_counts_follow_a_rollout_to_its_end(known_fleet):
    async def seen():
        await known_fleet.flush()
        found, progress = await counted(known_fleet)
        return (progress.in_progress_current, progress.on_target, progress.failed, complete(found, progress))

    three, others = KNOWN[:3], KNOWN[3:]
    for machine in others:
        await known_fleet.create(machine, "forget")
    await begin(known_fleet, FIRST_OPEN, rollout={"waves": [FIRST], "haltOn": {"consecutiveFailures": 3}})
    assert await known_fleet.offered(three) == three[:1]
    assert await seen() == (1, 0, 0, False)
    assert await known_fleet.check(three[0], NEW) == "noupdate"
    assert await seen() == (0, 1, 0, False)

    await begin(known_fleet, BOTH_OPEN, rollout={"waves": [FIRST], "haltOn": {"consecutiveFailures": 3}})
    assert await known_fleet.offered(three[1:]) == three[1:]
    assert await seen() == (2, 1, 0, False)
    assert await known_fleet.check(three[1], NEW) == "noupdate"
    await known_fleet.fail(three[2])
    assert await seen() == (0, 2, 1, False)

    known_fleet.clock.advance(60)
    assert await known_fleet.offered(three[2:]) == three[2:]
    assert await known_fleet.check(three[2], NEW) == "noupdate"
    assert await seen() == (0, 3, 0, True)


async def test_who_came_with_the_version_is_not_waited_for(known_fleet):
    await begin(known_fleet, EVERYBODY)
    for machine in KNOWN[1:]:
        await known_fleet.create(machine, "forget")
    assert await known_fleet.check("came with it", NEW) == "noupdate"
    assert await known_fleet.offered(KNOWN[:1]) == KNOWN[:1]
    assert await known_fleet.check(KNOWN[0], NEW) == "noupdate"
    await known_fleet.flush()

    found, progress = await counted(known_fleet)

    assert (progress.active, progress.on_target) == (2, 2)
    assert complete(found, progress)


# Floors


def towards(target, *floors):
    """An application whose group moves to the target by way of the floors."""
    packages = [omaha_fleet.package(version) for version in floors]
    aim = omaha_fleet.package(target)
    named = [{"version": version} for version in floors]
    moving = omaha_fleet.stamped(omaha_fleet.group(), aim, floors=[each for each in packages if each != aim])
    return [omaha_fleet.application(APP), omaha_fleet.channel(target, floors=named), aim, *packages, moving]


async def walked(store, version, target, *floors):
    """The versions that an instance is offered one after the other."""
    omaha = await OmahaService(store).start(towards(target, *floors))
    found = []
    while (answer := (await omaha.post(omaha_fleet.check(APP, "{m}", version))).answer) != "noupdate":
        version = answer
        found.append(version)
    return found


@pytest.mark.parametrize(
    ("version", "way"),
    [
        ("3400.0.0", ["3510.2.0+test", "3602.2.1-lts", "3760.2.0", "3815.2.0-beta"]),
        ("3550.0.0+custom", ["3602.2.1-lts", "3760.2.0", "3815.2.0-beta"]),
        ("3800.0.0-test", ["3815.2.0-beta"]),
        pytest.param("3602.2.1-alpha", ["3602.2.1-lts", "3760.2.0", "3815.2.0-beta"], id="an earlier pre-release"),
        pytest.param("3760.2.0-rc.1", ["3760.2.0", "3815.2.0-beta"], id="a pre-release of the floor"),
        pytest.param("3815.2.0-alpha", ["3815.2.0-beta"], id="a pre-release before the target"),
        pytest.param("3815.2.0", [], id="past the target"),
    ],
)
async def test_floors_are_compared_as_versions_are_pre_releases_and_all(store, version, way):
    floors = ("3510.2.0+test", "3602.2.1-lts", "3760.2.0")

    assert await walked(store, version, "3815.2.0-beta", *floors) == way


@pytest.mark.parametrize(
    ("version", "way"),
    [("500.0.0", ["1000.0.0", "2000.0.0", "3000.0.0"]), ("2500.0.0", ["3000.0.0"]), ("3000.0.0", [])],
)
async def test_a_floor_that_is_the_target_is_the_last_hop_once(store, version, way):
    assert await walked(store, version, "3000.0.0", "1000.0.0", "2000.0.0", "3000.0.0") == way
