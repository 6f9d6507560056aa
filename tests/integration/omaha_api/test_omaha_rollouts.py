"""Does the Omaha service, as a process, let in whom the operator's stamps let in, and stop by itself where failures say so?"""

from datetime import UTC, datetime, timedelta

from support import omaha_fleet
from support.local_stack import wait_until

CANARY, EVERYBODY = omaha_fleet.wave("canary", instances=1), omaha_fleet.wave("everybody", percent=100)
POLICY = {"waves": [{"name": "canary", "instances": 1}], "haltOn": {"consecutiveFailures": 1}}
HALTED = 'omaha_update_checks_total{answer="Halted"}'


def counted_as_halted(omaha, app_id):
    progress = omaha.progress_of(app_id, "fake1")
    return progress is not None and progress.latch is not None


def test_a_rollout_goes_from_wave_to_wave_is_halted_by_a_failure_and_goes_on_when_it_is_resumed(omaha, fleet, app_id):
    def check(machine):
        return omaha_fleet.check(app_id, machine)

    omaha.start()
    # Whoever is heard before that was known before it began.
    begins = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fleet.roll_out("1.1.0", rollout=POLICY, evidence={"minAgeSeconds": 0}, course={"startedTime": begins, "open": []})
    for machine in ("m1", "m2", "m3"):
        omaha.wait_for_answer(check(machine), "noupdate")

    fleet.advance(open=[CANARY])
    omaha.wait_for_answer(check("m1"), "1.1.0")
    assert omaha.answer(check("m2")) == "noupdate"

    fleet.advance(open=[CANARY, EVERYBODY])
    omaha.wait_for_answer(check("m2"), "1.1.0")
    assert omaha.post(omaha_fleet.event(app_id, "m1", 3, 0)).status == 200
    # The very next check, and the update that was offered before it.
    assert [omaha.answer(check(machine)) for machine in ("m3", "m2")] == ["noupdate"] * 2
    assert f"{HALTED} 2.0" in omaha.private("/metrics")[1]
    wait_until(lambda: counted_as_halted(omaha, app_id), "the operator can read of it")

    omaha.kill()
    omaha.start()
    assert [omaha.answer(check(machine)) for machine in ("m3", "m2")] == ["noupdate"] * 2

    fleet.advance(epoch=1)
    for machine in ("m1", "m2", "m3"):
        omaha.wait_for_answer(check(machine), "1.1.0")


def test_a_share_that_grows_reaches_everybody_without_another_stamp(omaha, fleet, app_id):
    machines = [f"m{number}" for number in range(8)]
    linear = {"startThreshold": 0, "durationSeconds": 4}
    omaha.start()
    fleet.roll_out("1.1.0", rollout={"linear": {"durationSeconds": 4}}, course={"linear": linear})
    omaha.wait_for_answer(omaha_fleet.check(app_id, "ready", "1.1.0"), "noupdate")

    let_in: set[str] = set()

    def everybody_is_let_in():
        told = {machine for machine in machines if omaha.answer(omaha_fleet.check(app_id, machine)) == "1.1.0"}
        assert told >= let_in, "who is let in stays in"
        let_in.update(told)
        return len(told) == len(machines)

    wait_until(everybody_is_let_in, "everybody is let in")
