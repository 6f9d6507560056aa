"""What failures do to who asks next, on a real store: back-off and attempts of one instance, a halt of all, and what lets them go on."""

import pytest

from support import omaha_fleet
from support.known_fleet import APP, EVERYBODY, KNOWN, NEW, OLD

CANARY = {"open": [omaha_fleet.wave("canary", percent=100)]}
POLICY = {"waves": [{"name": "canary", "percent": 100}], "haltOn": {"consecutiveFailures": 2}}


async def is_answered(known_fleet, machine, answer, reason):
    """Whether its next check is answered so, for this reason."""
    told = known_fleet.answers(reason)
    return await known_fleet.check(machine) == answer and known_fleet.answers(reason) == told + 1


# One instance


async def test_who_failed_waits_twice_as_long_after_each_failure(known_fleet):
    known_fleet.roll_out(EVERYBODY)
    for wait in (60, 120, 240):
        assert await known_fleet.check(KNOWN[0]) == NEW
        await known_fleet.fail(KNOWN[0])
        known_fleet.clock.advance(wait - 1)
        assert await is_answered(known_fleet, KNOWN[0], "noupdate", "BackingOff")
        known_fleet.clock.advance(1)

    assert await known_fleet.offered(KNOWN) == KNOWN


async def test_an_update_that_timed_out_after_its_download_is_waited_for_as_one_that_failed(known_fleet):
    known_fleet.roll_out(EVERYBODY, updateTimeoutSeconds=60)
    assert await known_fleet.check(KNOWN[0]) == NEW
    await known_fleet.omaha.post(omaha_fleet.event(APP, KNOWN[0], 14))
    await known_fleet.omaha.serve_for(61)
    await known_fleet.omaha.service.sweeper.sweep()

    assert await is_answered(known_fleet, KNOWN[0], "noupdate", "BackingOff")
    known_fleet.clock.advance(60)
    assert await known_fleet.check(KNOWN[0]) == NEW


@pytest.mark.parametrize("ends", ["another version", "resume", "reset"])
async def test_who_failed_as_often_as_it_may_gets_nothing_before_something_changes(known_fleet, ends):
    once = {"rollout": {"retry": {"maxAttempts": 1}}}
    known_fleet.roll_out(EVERYBODY, **once)
    assert await known_fleet.check(KNOWN[0]) == NEW
    await known_fleet.fail(KNOWN[0])
    known_fleet.clock.advance(86400)
    assert await is_answered(known_fleet, KNOWN[0], "noupdate", "AttemptsExhausted")

    wanted = NEW
    match ends:
        case "another version":
            wanted = "1.3.0"
            known_fleet.roll_out(EVERYBODY, sequence=3, version=wanted, **once)
        case "resume":
            known_fleet.roll_out(EVERYBODY | {"epoch": 1}, **once)
        case "reset":
            await known_fleet.flush()
            await known_fleet.create(KNOWN[0], "reset")

    assert await known_fleet.check(KNOWN[0]) == wanted


async def test_a_failure_that_comes_with_the_check_counts_for_it(known_fleet):
    known_fleet.roll_out(EVERYBODY)
    await known_fleet.check(KNOWN[0])
    await known_fleet.omaha.post(omaha_fleet.event(APP, KNOWN[0], 3))

    # It came up on the old version after the installation.
    assert await known_fleet.check(KNOWN[0], boot="{another}") == "noupdate"
    assert known_fleet.answers("BackingOff") == 1
    await known_fleet.flush()
    assert (await known_fleet.instance(KNOWN[0]))["status"]["lastRefusal"] == "BackingOff"


async def test_an_instance_tells_how_often_it_failed_and_through_which_wave_it_came(known_fleet):
    known_fleet.roll_out(CANARY, rollout=POLICY)
    await known_fleet.check(KNOWN[0])
    await known_fleet.fail(KNOWN[0])

    update = (await known_fleet.instance(KNOWN[0]))["status"]["update"]

    assert (update["state"], update["wave"], update["failures"]) == ("Failed", "canary", 1)


# All


async def halt(known_fleet):
    """Two fail, one after the other; the third is on its way."""
    known_fleet.roll_out(CANARY, rollout=POLICY)
    await known_fleet.mirrored()
    assert await known_fleet.offered(KNOWN[:3]) == KNOWN[:3]
    await known_fleet.fail(KNOWN[0])
    assert await known_fleet.check(KNOWN[2]) == NEW
    await known_fleet.fail(KNOWN[1])


@pytest.mark.parametrize("machine", [KNOWN[2], KNOWN[3]], ids=["a repeated offer", "a new one"])
async def test_a_halt_is_seen_by_the_very_next_check(known_fleet, machine):
    await halt(known_fleet)

    assert await is_answered(known_fleet, machine, "noupdate", "Halted")


async def test_a_halt_outlives_the_process_and_is_counted_once(known_fleet):
    await halt(known_fleet)
    metrics = (await known_fleet.omaha.private("/metrics")).body.decode()
    assert "\nomaha_rollouts_halted_total 1.0\n" in metrics

    await known_fleet.restart()

    assert await is_answered(known_fleet, KNOWN[3], "noupdate", "Halted")


async def test_a_halt_doesnt_hold_for_the_next_version(known_fleet):
    await halt(known_fleet)

    known_fleet.roll_out(CANARY, sequence=3, version="1.3.0", rollout=POLICY)

    assert await known_fleet.check(KNOWN[3]) == "1.3.0"


async def test_what_was_resumed_goes_on_and_is_halted_by_new_failures_alone(known_fleet):
    await halt(known_fleet)
    known_fleet.clock.advance(60)

    known_fleet.roll_out(CANARY | {"epoch": 1}, rollout=POLICY)
    await known_fleet.mirrored()

    assert await known_fleet.offered(KNOWN[:5]) == KNOWN[:5]
    await known_fleet.fail(KNOWN[0])
    assert await known_fleet.offered(KNOWN[3:5]) == KNOWN[3:5]
    await known_fleet.fail(KNOWN[1])
    assert await known_fleet.offered(KNOWN[3:5]) == []


async def test_failures_are_judged_by_what_the_group_says_now(known_fleet):
    lenient = POLICY | {"haltOn": {"consecutiveFailures": 10}}
    known_fleet.roll_out(CANARY, rollout=lenient)
    await known_fleet.mirrored()
    assert await known_fleet.offered(KNOWN[:3]) == KNOWN[:3]
    await known_fleet.fail(KNOWN[0])

    known_fleet.roll_out(CANARY, rollout=POLICY)
    await known_fleet.mirrored()
    await known_fleet.fail(KNOWN[1])

    assert await known_fleet.offered(KNOWN[2:]) == []


async def test_newcomers_halt_nothing(known_fleet):
    known_fleet.roll_out(CANARY, rollout=POLICY)
    await known_fleet.mirrored()
    newcomers = ["new1", "new2", "new3"]
    assert await known_fleet.offered(newcomers) == newcomers
    for machine in newcomers:
        await known_fleet.fail(machine)

    assert await known_fleet.offered(KNOWN) == KNOWN
    metrics = (await known_fleet.omaha.private("/metrics")).body.decode()
    assert "\nomaha_grants_total 15.0\n" in metrics
    assert "\nomaha_newcomer_grants_total 3.0\n" in metrics


async def test_a_rollback_moves_back_exactly_who_runs_what_was_halted(known_fleet):
    down = {"kind": "Rollback", "fromVersion": NEW, **EVERYBODY}
    payload = omaha_fleet.package(OLD)
    known_fleet.roll_out(EVERYBODY)
    channel = omaha_fleet.channel(NEW)
    group = omaha_fleet.group(versionPolicy={"allowDowngrade": True})
    known_fleet.omaha.put(channel, payload, omaha_fleet.stamped(group, payload, sequence=3, course=down))

    told = {version: await known_fleet.check(f"at{version}", version) for version in (NEW, "1.1.0", OLD, "1.3.0")}

    assert told == {NEW: OLD, "1.1.0": "noupdate", OLD: "noupdate", "1.3.0": "noupdate"}
