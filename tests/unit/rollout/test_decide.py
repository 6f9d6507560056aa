"""Which answer an instance gets: each reason, their order, when it can change, and what a repeated offer may skip."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from support.fleet_values import NEW, NOW, OLD, PAYLOAD, asking, grant, group, stamp
from update_core import versions
from update_core.fleet.grants import PROGRESS
from update_core.rollout import decide, zones
from update_core.rollout.model import Attempts, Fleet, Limits, Offer, Reason, Refusal
from update_core.rollout.plan import Dependency, HaltRequest
from update_core.rollout.schedule import Schedule
from update_core.rollout.waves import LAST
from update_core.rollout.windows import Freeze, Window

SOON, LATER = NOW + timedelta(seconds=10), NOW + timedelta(seconds=60)
ONE_IN_FLIGHT = Limits(max_in_flight=1)
ONE_A_MINUTE = Limits(max_updates=1, period_seconds=60)
# NOW is a Sunday at noon.
SHUT = Schedule((Window(frozenset({0}), time(2), 3600, zones.zone("UTC")),))
FROZEN = Schedule(freezes=(Freeze(NOW, LATER),))
FAILED_ONCE, FAILED_TOO_OFTEN = (Attempts(NEW, failures, NOW, sequence=1, epoch=0) for failures in (1, 5))


def answer(of_group=None, instance=None, fleet=None):
    return decide.decide(of_group or group(), instance or asking("one"), fleet or Fleet(), NOW)


# In the order of the rules: each row makes one rule refuse, and is applied on top of the others. What a row says of the group's plan and
# course is added to what others say of them.
REASONS = [
    ("UpdatesDisabledByClient", {}, {"updates_disabled": True}, {}),
    ("VersionUnparsable", {}, {"version": "garbage"}, {}),
    ("UpToDate", {}, {"version": NEW}, {}),
    ("RolloutPending", {"stamp": None}, {}, {}),
    ("NoPath", {"payloads": (replace(PAYLOAD, min_from=versions.parse("1.0.1")),)}, {}, {}),
    ("DeadEnd", {"dead_ends": {versions.parse(OLD): {"": "no room"}}}, {}, {}),
    ("PackageUnavailable", {"payloads": ()}, {}, {}),
    ("Withdrawn", {"payloads": (replace(PAYLOAD, withdrawn="bad"),)}, {}, {}),
    ("VersionBlocked", {"blocked_versions": frozenset({versions.parse(NEW)})}, {}, {}),
    ("Excluded", {"excluded_oems": frozenset({"ami"})}, {"oem": "ami"}, {}),
    ("Paused", {"paused": True}, {}, {}),
    ("Halted", {"plan": {"halt": HaltRequest(NEW, "it loses data")}}, {}, {}),
    ("Frozen", {"schedule": FROZEN}, {}, {}),
    ("OutsideWindow", {"schedule": SHUT}, {}, {}),
    ("StaleCatalog", {}, {}, {"highest_sequence": 2}),
    ("AnonymousInstance", {"limits": ONE_A_MINUTE}, {"instance_id": None}, {}),
    ("BackingOff", {}, {}, {"attempts": (FAILED_ONCE,)}),
    ("AttemptsExhausted", {}, {}, {"attempts": (FAILED_TOO_OFTEN,)}),
    ("DependencyNotMet", {"plan": {"depends_on": (Dependency("first"),)}}, {}, {}),
    (
        "AwaitingApproval",
        {"plan": {"waves": (replace(LAST, approval_required=True),)}, "course": {"opened": ()}},
        {},
        {},
    ),
    ("NotInCohort", {"course": {"opened": ()}}, {}, {}),
    ("EnrolmentLimited", {}, {}, {"enrolment_until": SOON}),
    ("TooManyInFlight", {"limits": ONE_IN_FLIGHT}, {}, {"in_flight": 1}),
    ("RateLimited", {}, {}, {"rate_slot": SOON}),
    ("StoreUnavailable", {}, {}, {"available": False}),
]


def build(rows):
    of_group, instance, fleet = group(), asking("one"), Fleet()
    for _, group_changes, instance_changes, fleet_changes in rows:
        # Of two schedules the later doesn't take the earlier one's place.
        held = of_group.schedule
        added = {
            name: replace(getattr(of_group, name), **changes)
            for name, changes in group_changes.items()
            if name in {"plan", "course"}
        }
        of_group = replace(of_group, **group_changes | added)
        both = Schedule((*held.windows, *of_group.schedule.windows), (*held.freezes, *of_group.schedule.freezes))
        of_group = replace(of_group, schedule=both)
        instance = replace(instance, **instance_changes)
        fleet = replace(fleet, **fleet_changes)
    return of_group, instance, fleet


def test_nothing_in_the_way_is_an_offer_of_the_stamped_package():
    assert answer() == Offer(NEW, 1, group().payloads[0])


@pytest.mark.parametrize("row", REASONS, ids=[row[0] for row in REASONS])
def test_each_reason_refuses_alone(row):
    assert answer(*build([row])).reason == row[0]


@pytest.mark.parametrize("first", range(len(REASONS)), ids=[row[0] for row in REASONS])
def test_earlier_rule_wins_over_all_later_ones(first):
    # A version can't be garbage and up to date at once; both are skipped where the earlier one is asked for.
    rows = [row for row in REASONS[first:] if row is REASONS[first] or row[0] not in {"VersionUnparsable", "UpToDate"}]
    rows = [
        row
        for row in rows
        if row is REASONS[first] or row[0] != "TooManyInFlight" or REASONS[first][0] != "AnonymousInstance"
    ]
    # Nor can it have failed once, and five times.
    rows = [
        row
        for row in rows
        if row is REASONS[first] or (row[0], REASONS[first][0]) != ("AttemptsExhausted", "BackingOff")
    ]
    # Where one rule is about the package, another one's package would take its place.
    rows = [
        row for row in rows if row is REASONS[first] or not ("payloads" in row[1] and "payloads" in REASONS[first][1])
    ]

    assert answer(*build(rows)).reason == REASONS[first][0]


def test_every_reason_that_exists_is_in_the_table():
    assert {row[0] for row in REASONS} == set(Reason)


@pytest.mark.parametrize(
    ("version", "same_version", "reason"),
    [
        pytest.param("1.0.9", False, None, id="below"),
        pytest.param(NEW, False, Reason.UP_TO_DATE, id="equal"),
        pytest.param("1.1", False, Reason.UP_TO_DATE, id="equal in another notation"),
        pytest.param("1.2.0", False, Reason.UP_TO_DATE, id="above"),
        pytest.param(NEW, True, None, id="equal and asked for the same"),
        pytest.param("1.2.0", True, Reason.UP_TO_DATE, id="above and asked for the same"),
        pytest.param("1.1.0-rc.1", False, None, id="release candidate"),
    ],
)
def test_only_an_older_instance_is_offered_unless_it_wants_the_same_again(version, same_version, reason):
    decision = answer(instance=asking("one", version, same_version=same_version))

    assert (decision.reason if isinstance(decision, Refusal) else None) == reason


def test_up_to_date_is_measured_by_the_channel_though_nothing_is_stamped():
    pending = group(stamp=None, payloads=())

    assert answer(pending, asking("one", NEW)).reason == Reason.UP_TO_DATE
    assert answer(pending, asking("one", OLD)).reason == Reason.ROLLOUT_PENDING


def test_group_without_a_channel_is_pending():
    assert answer(group(wanted=None, stamp=None, payloads=())).reason == Reason.ROLLOUT_PENDING


def test_anonymous_instance_is_offered_where_nothing_is_counted():
    assert isinstance(answer(instance=asking(None)), Offer)


@pytest.mark.parametrize(
    ("fleet", "until"),
    [
        pytest.param(Fleet(rate_slot=SOON), SOON, id="one"),
        pytest.param(Fleet(rate_slot=SOON, quiet_until=LATER), LATER, id="slot and quiet time"),
        pytest.param(Fleet(rate_slot=SOON, in_flight=1, in_flight_until=LATER), LATER, id="the latest of several"),
        pytest.param(Fleet(rate_slot=LATER, in_flight=1, in_flight_until=SOON), LATER, id="the latest, in any order"),
        pytest.param(Fleet(rate_slot=SOON, in_flight=1), None, id="one of them unknown"),
        pytest.param(Fleet(rate_slot=SOON, available=False), None, id="store away"),
    ],
)
def test_until_is_the_latest_known_and_none_if_one_is_unknown(fleet, until):
    assert answer(group(limits=ONE_IN_FLIGHT), fleet=fleet).until == until


def test_pause_hides_when_the_limit_would_end():
    assert answer(group(paused=True), fleet=Fleet(rate_slot=SOON)) == Refusal(Reason.PAUSED)


@pytest.mark.parametrize("slot", [NOW, NOW - timedelta(seconds=1)], ids=["now", "past"])
def test_slot_that_has_come_does_not_refuse(slot):
    assert isinstance(answer(fleet=Fleet(rate_slot=slot, quiet_until=slot)), Offer)


@pytest.mark.parametrize("state", list(PROGRESS))
def test_live_grant_of_this_rollout_is_offered_again_past_every_limit(state):
    held = grant(state)
    fleet = Fleet(live_grant=held, highest_sequence=1, in_flight=9, rate_slot=LATER, quiet_until=LATER, available=False)

    assert answer(group(limits=Limits(1, 60, 1)), fleet=fleet) == Offer(NEW, 1, group().payloads[0], held)


@pytest.mark.parametrize(
    ("of_group", "instance", "fleet", "reason"),
    [
        pytest.param({"paused": True}, {}, {}, "Paused", id="paused"),
        pytest.param({"payloads": ()}, {}, {}, "PackageUnavailable", id="package gone"),
        pytest.param({"stamp": None}, {}, {}, "RolloutPending", id="channel moved"),
        pytest.param({"wanted": versions.parse(OLD)}, {}, {}, "UpToDate", id="channel moved back"),
        pytest.param({}, {"updates_disabled": True}, {}, "UpdatesDisabledByClient", id="client"),
        pytest.param({}, {}, {"highest_sequence": 2}, "StaleCatalog", id="superseded elsewhere"),
    ],
)
def test_what_stops_a_rollout_stops_its_repeated_offers_too(of_group, instance, fleet, reason):
    decision = decide.decide(
        replace(group(), **of_group),
        replace(asking("one"), **instance),
        replace(Fleet(live_grant=grant()), **fleet),
        NOW,
    )

    assert decision == Refusal(Reason(reason))


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(grant(sequence=0), id="earlier rollout"),
        pytest.param(grant(track="beta"), id="another group"),
        pytest.param(grant(version="1.0.5"), id="another version"),
    ],
)
def test_other_live_grant_is_not_offered_again(held):
    fleet = Fleet(live_grant=held, rate_slot=SOON)

    assert answer(fleet=fleet) == Refusal(Reason.RATE_LIMITED, SOON)
    assert answer(fleet=replace(fleet, rate_slot=None)) == Offer(NEW, 1, group().payloads[0])


def test_instance_is_not_in_its_own_way_when_its_grant_is_superseded():
    superseded = Fleet(live_grant=grant(sequence=1), in_flight=1, highest_sequence=2)

    assert isinstance(answer(group(stamp=stamp(2), limits=ONE_IN_FLIGHT), fleet=superseded), Offer)
    assert (
        answer(group(stamp=stamp(2), limits=ONE_IN_FLIGHT), fleet=replace(superseded, in_flight=2)).reason
        == "TooManyInFlight"
    )
