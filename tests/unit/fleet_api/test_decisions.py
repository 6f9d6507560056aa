"""What an instance would be answered now: it is what its next check is answered, nothing is changed by asking, and it says why."""

import random

import pytest

from omaha_api.fleet_api.statuses import ApiError
from omaha_api.store.sqlite import connections
from support import omaha_fleet
from support.fleet_desk import FleetDesk
from support.sqlite_stores import connect_impatiently
from update_core.fleet.store import OFFERED, StoreUnavailable
from update_core.resources.fleet.decision import InstanceDecision
from update_core.resources.fleet.history import InstanceHistory
from update_core.rollout import trace

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
ONE, OTHER = "{machine-one}", "{machine-other}"
LIMITS = [str(reason) for reason, _ in trace.LIMITS]


@pytest.fixture
async def desk(tmp_path):
    desk = FleetDesk(tmp_path / "fleet.db", APP, connect_impatiently)
    yield desk
    await desk.close()


async def seen(desk, version="1.0.0"):
    """ONE is known and was refused, while the group was paused."""
    await desk.start(paused=True)
    await desk.check(ONE, version)
    await desk.flush()
    desk.put()


async def test_an_offer_that_would_be_new_is_told_and_not_given(desk):
    await seen(desk)

    decisions = [await desk.decision(ONE) for _ in range(3)]

    assert {(one["answer"], one["offeredVersion"], "repeated" in one) for one in decisions} == {
        ("Offer", "1.1.0", False)
    }
    assert decisions[0]["message"] == 'Group "app-fake1" would give it 1.1.0 (rollout 1): every rule lets it pass.'
    assert {rule["verdict"] for rule in decisions[0]["rules"]} == {"Passes"}
    assert await desk.store.live_grants() == []
    assert (await desk.instance(ONE))["status"]["lastRefusal"] == "Paused"


async def test_an_offer_that_would_be_repeated_skips_the_limits(desk):
    await desk.start(maxInFlight=1)
    await desk.check(ONE)

    decision = await desk.decision(ONE)

    assert (decision["answer"], decision["repeated"]) == ("Offer", True)
    assert [rule["rule"] for rule in decision["rules"] if rule["verdict"] == "Skipped"] == LIMITS


async def test_the_object_is_one_of_its_kind(desk):
    await seen(desk)

    got = await desk.get(ONE, "decision")

    assert (got["apiVersion"], got["kind"]) == ("fleet.updateservice.dev/v1alpha1", "InstanceDecision")
    assert got["metadata"].items() <= (await desk.instance(ONE))["metadata"].items()
    assert InstanceDecision.parse(got).status.evaluated_time == desk.clock.now
    assert InstanceHistory.parse(await desk.get(ONE, "history")).moves == []


async def test_messages_name_when_and_what_would_change_it(desk):
    await desk.start(maxInFlight=1, updateTimeoutSeconds=600)
    await desk.check(OTHER)
    await desk.check(ONE)
    await desk.flush()

    decision = await desk.decision(ONE)

    assert decision["until"] == "2026-03-01T12:10:00Z"
    assert decision["message"] == (
        "1 of 1 instances are in flight; the first times out at 2026-03-01T12:10:00Z unless it reports before. "
        'Raise spec.maxInFlight of Group "app-fake1" or wait.'
    )


# Which version, and what else the instance said


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        pytest.param("1.0.3", None, id="below"),
        pytest.param("1.1.0", "UpToDate", id="target"),
        pytest.param("rubbish", "VersionUnparsable", id="unparsable"),
        pytest.param("v" * 128, "VersionUnparsable", id="as long as may be"),
    ],
)
async def test_another_version_may_be_supposed(desk, version, reason):
    await seen(desk)

    decision = await desk.decision(ONE, version=version)

    assert (decision.get("reason"), decision["currentVersion"]) == (reason, version)
    assert (await desk.decision(ONE, version=""))["currentVersion"] == "1.0.0"


async def test_a_version_that_no_instance_could_have_counted_is_a_bad_request(desk):
    await seen(desk)

    with pytest.raises(ApiError, match="at most 128") as refused:
        await desk.decision(ONE, version="v" * 129)

    assert refused.value.code == 400


async def test_what_was_heard_last_counts_before_it_is_written(desk):
    await seen(desk)
    await desk.check(ONE, inner='<updatecheck updatedisabled="true"/>')

    assert (await desk.instance(ONE))["status"]["lastRefusal"] == "Paused"
    assert (await desk.decision(ONE))["reason"] == "UpdatesDisabledByClient"
    await desk.check(ONE)
    assert (await desk.decision(ONE))["answer"] == "Offer"


async def test_what_was_heard_last_counts_after_a_restart(desk, tmp_path):
    await desk.start()
    await desk.check(ONE, inner='<updatecheck updatedisabled="true"/>')
    await desk.flush()
    await desk.close()

    after = await FleetDesk(tmp_path / "fleet.db", APP).start()

    assert (await after.decision(ONE))["reason"] == "UpdatesDisabledByClient"
    await after.close()


async def test_the_machine_is_the_one_that_it_described_last(desk):
    amd64 = omaha_fleet.package("1.1.0", arch="amd64")
    stamped = omaha_fleet.stamped(omaha_fleet.group(exclude={"oems": ["ec2"]}), amd64)
    stamped["status"]["target"]["packages"][0]["arch"] = "amd64"
    await desk.start()
    desk.omaha.put(amd64, stamped)

    machines = {'board="arm64-usr"': "Excluded", 'board="amd64-usr"': None, 'board="amd64-usr" oem="ec2"': "Excluded"}
    for words, reason in machines.items():
        await desk.omaha.post(omaha_fleet.check(APP, ONE).replace(b"<app ", f"<app {words} ".encode()))
        await desk.flush()
        assert (await desk.decision(ONE)).get("reason") == reason


async def test_a_package_that_omaha_cannot_say_is_unavailable_to_its_architecture(desk):
    amd64 = omaha_fleet.package("1.1.0", arch="amd64", url="update.gz?path=a/b")
    stamped = omaha_fleet.stamped(omaha_fleet.group(), amd64)
    stamped["status"]["target"]["packages"][0]["arch"] = "amd64"
    await desk.start()
    desk.omaha.put(amd64, stamped)
    await desk.omaha.post(omaha_fleet.check(APP, ONE).replace(b"<app ", b'<app board="amd64-usr" '))
    await desk.flush()

    assert (await desk.decision(ONE))["reason"] == "PackageUnavailable"
    assert (await desk.instance(ONE))["status"]["lastRefusal"] == "PackageUnavailable"


async def test_a_decision_tells_the_next_hop_also_where_it_is_refused(desk):
    floor = omaha_fleet.package("1.0.5")
    target = omaha_fleet.package("1.1.0")
    stamped = omaha_fleet.stamped(omaha_fleet.group(), target, floors=[floor])
    await desk.start()
    desk.omaha.put(floor, omaha_fleet.channel("1.1.0", floors=[{"version": "1.0.5"}]), stamped)
    await desk.omaha.post(omaha_fleet.check(APP, ONE))
    await desk.flush()

    held = await desk.decision(ONE)
    assert (held["answer"], held["offeredVersion"], held["repeated"]) == ("Offer", "1.0.5", True)
    assert (held["nextVersion"], held["targetVersion"]) == ("1.0.5", "1.1.0")
    assert (await desk.decision(ONE, version="1.0.5"))["nextVersion"] == "1.1.0"
    desk.omaha.put(omaha_fleet.package("1.0.5", withdrawn={"reason": "loses data"}))
    refused = await desk.decision(ONE)
    assert (refused["reason"], refused["nextVersion"]) == ("Withdrawn", "1.0.5")
    assert "1.0.5, a floor on the way to 1.1.0, is withdrawn: loses data." in refused["message"]


# Which group


async def test_without_its_group_the_default_group_answers(desk):
    await seen(desk)
    payload = omaha_fleet.package("1.1.0")
    desk.omaha.put(
        omaha_fleet.application(APP, defaultGroupRef={"name": "app-spare"}),
        omaha_fleet.stamped(omaha_fleet.group(name="app-spare", track="spare", paused=True), payload),
    )
    desk.omaha.remove(omaha_fleet.group())

    decision = await desk.decision(ONE)

    assert (decision["reason"], decision["group"]) == ("Paused", "app-spare")
    assert decision["message"].startswith("No Group has its track 'fake1' any more.")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        pytest.param(omaha_fleet.group(), "no Group of Application \"app\" has its track 'fake1'", id="group"),
        pytest.param(omaha_fleet.application(APP), 'Application "app" is gone', id="application"),
    ],
)
async def test_without_any_group_the_answer_says_so(desk, gone, words):
    await seen(desk)
    desk.omaha.remove(gone)

    decision = await desk.decision(ONE)

    assert decision["answer"] == "NoGroup"
    assert words in decision["message"]
    assert (decision["currentVersion"], decision.get("rules")) == ("1.0.0", None)
    assert b"error-unknownApplication" in (await desk.omaha.post(omaha_fleet.check(APP, ONE))).body


async def test_before_the_groups_have_been_read_there_is_nothing_to_say(desk, tmp_path):
    await seen(desk)
    await desk.close()
    starting = FleetDesk(tmp_path / "fleet.db", APP)
    await starting.omaha.service.load()

    with pytest.raises(ApiError) as refused:
        await starting.decision(ONE)

    assert (refused.value.code, refused.value.reason) == (503, "ServiceUnavailable")
    await starting.close()


# What can't be said, and what can't be written


@pytest.mark.parametrize(("paused", "verdict"), [(False, "Passes"), (True, "Refuses")])
async def test_a_package_that_omaha_cannot_say_is_unavailable_as_it_is_to_a_check(desk, paused, verdict):
    payload = omaha_fleet.package("1.1.0", url="https://example.com/get?path=a/b")
    group = omaha_fleet.stamped(omaha_fleet.group(paused=paused), payload)
    await desk.omaha.start([omaha_fleet.application(APP), omaha_fleet.channel("1.1.0"), payload, group])
    assert await desk.check(ONE) == "noupdate"
    await desk.flush()

    decision = await desk.decision(ONE)

    assert decision["reason"] == "PackageUnavailable" == (await desk.instance(ONE))["status"]["lastRefusal"]
    assert "can't be handed out: an Omaha answer can't carry its URL" in decision["message"]
    assert next(rule["verdict"] for rule in decision["rules"] if rule["rule"] == "Paused") == verdict
    assert await desk.store.live_grants() == []


async def test_a_store_that_takes_no_writes_refuses_what_would_need_a_grant_as_long_as_it_does(desk):
    await seen(desk)
    await desk.omaha.service.mirror.ensure(desk.omaha.service.source.current.group(APP, "fake1"))
    shell = connections.connect(desk.path)
    shell.execute("BEGIN IMMEDIATE")

    assert (await desk.decision(ONE))["reason"] == "StoreUnavailable"
    assert (await desk.decision(ONE, version="1.1.0"))["reason"] == "UpToDate"
    shell.close()
    assert (await desk.decision(ONE))["answer"] == "Offer"


async def test_an_update_that_is_offered_again_needs_no_writing(desk):
    await desk.start()
    await desk.check(ONE)
    shell = connections.connect(desk.path)
    shell.execute("BEGIN IMMEDIATE")

    assert (await desk.decision(ONE))["repeated"]
    shell.close()


async def test_a_store_that_cannot_be_read_leaves_nothing_to_say(desk):
    await seen(desk)
    await desk.close()

    with pytest.raises(StoreUnavailable):
        await desk.decision(ONE)


# It is the same decision


def settings(dice: random.Random) -> dict:
    """A Group's spec, as it might be."""
    spec = {"paused": dice.random() < 0.1, "updateTimeoutSeconds": 300}
    if dice.random() < 0.6:
        spec["maxInFlight"] = dice.randint(1, 3)
    if dice.random() < 0.6:
        spec["rateLimit"] = {"maxUpdates": dice.randint(1, 3), "periodSeconds": 60}
    return spec


async def test_the_next_check_is_answered_as_the_decision_said(tmp_path):
    dice = random.Random(4)
    desk = await FleetDesk(tmp_path / "fleet.db", APP).start()
    machines = [f"m{number}" for number in range(6)]
    answers = set()
    for machine in machines:
        await desk.check(machine, inner='<updatecheck updatedisabled="true"/>')
    for _ in range(400):
        machine = dice.choice(machines)
        what = dice.random()
        if what < 0.3:
            desk.put(**settings(dice))
        elif what < 0.5:
            desk.clock.advance(dice.choice([1, 20, 61]))
            await desk.omaha.service.sweeper.sweep()
        elif what < 0.6:
            await desk.omaha.post(omaha_fleet.event(APP, machine, dice.choice([3, 13, 14]), dice.choice([0, 1])))
        elif what < 0.7:
            await desk.flush()
            await desk.create(machine, "reset")
        await desk.flush()
        version = dice.choice(["1.0.0"] * 8 + ["1.1.0", "rubbish"])

        decision = await desk.decision(machine, version=version)
        if decision.get("reason") == "UpdatesDisabledByClient":
            await desk.check(machine, version)
            continue
        await desk.check(machine, version)

        said = decision.get("reason", OFFERED)
        answers.add(said)
        assert desk.memory.known((APP, machine)).refusal == said
    assert answers >= {OFFERED, "UpToDate", "VersionUnparsable", "Paused", "TooManyInFlight", "RateLimited"}
    await desk.close()


# What may be asked


@pytest.mark.parametrize(
    ("method", "subresource", "code"),
    [
        pytest.param("POST", "decision", 405, id="decision is read"),
        pytest.param("DELETE", "history", 405, id="history stays"),
        pytest.param("GET", "reset", 405, id="reset is done"),
        pytest.param("PUT", "forget", 405, id="forget is done"),
        pytest.param("GET", "status", 404, id="no such subresource"),
    ],
)
async def test_other_requests_are_refused(desk, method, subresource, code):
    await seen(desk)

    with pytest.raises(ApiError) as refused:
        await desk.handle(method, ONE, subresource)

    assert refused.value.code == code
