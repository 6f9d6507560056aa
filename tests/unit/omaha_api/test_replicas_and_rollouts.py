"""Waves, halts and failures on several replicas: what one records, the others refuse by."""

import pytest

from support import omaha_fleet as fleet

APP = fleet.APP_ID
FIRST, SECOND, THIRD = "m1", "m2", "m3"
EVERYBODY = {"open": [fleet.wave("everybody", percent=100)]}
HALT_ON_ONE = {"rollout": {"haltOn": {"consecutiveFailures": 1}}}
NEXT = {"version": "1.2.0", "sequence": 2}


@pytest.fixture
async def known_to(replicas, clock):
    """Makes the two, which have known FIRST, SECOND and THIRD for an hour, and has them roll out 1.2.0."""

    async def start(course, **group_spec):
        both = await replicas(paused=True)
        for replica in both:
            for machine in (FIRST, SECOND, THIRD):
                await replica.ask(fleet.check(APP, machine))
            await replica.omaha.service.sightings.flush()
            await replica.omaha.mirrored()
        await both[0].omaha.serve_for(3600)
        for replica in both:
            begun = {"startedTime": "2026-03-01T13:00:00Z", **course}
            replica.omaha.put(*fleet.fleet(APP, **NEXT, course=begun, **group_spec))
            await replica.omaha.mirrored()
            await replica.hear()
        return both

    return start


async def test_halt_that_one_recorded_ends_the_offers_of_the_other(known_to):
    one, other = await known_to(EVERYBODY, **HALT_ON_ONE)
    assert await one.ask(fleet.check(APP, FIRST)) == "1.2.0"
    assert await other.ask(fleet.check(APP, SECOND)) == "1.2.0"
    await one.omaha.post(fleet.event(APP, FIRST, 3, 0))
    attempts = other.store.attempts
    await other.hear()

    assert await other.ask(fleet.check(APP, SECOND)) == "noupdate"
    assert await other.ask(fleet.check(APP, THIRD)) == "noupdate"
    assert (other.answers("Halted"), other.store.attempts) == (2, attempts)


async def test_halt_that_was_not_heard_of_stops_a_new_update_all_the_same(known_to, rows):
    one, other = await known_to(EVERYBODY, **HALT_ON_ONE)
    assert await one.ask(fleet.check(APP, FIRST)) == "1.2.0"
    other.ear.open.clear()
    await one.omaha.post(fleet.event(APP, FIRST, 3, 0))

    assert await other.ask(fleet.check(APP, SECOND)) == "noupdate"
    assert other.answers("Halted") == 1
    assert rows("SELECT instance_id FROM grants") == [(FIRST,)]


async def test_failure_that_one_recorded_is_waited_for_at_the_other(known_to):
    one, other = await known_to(EVERYBODY)
    assert await other.ask(fleet.check(APP, FIRST)) == "1.2.0"
    await one.hear()
    await one.omaha.post(fleet.event(APP, FIRST, 3, 0))
    await other.hear()
    attempts = other.store.attempts

    assert await other.ask(fleet.check(APP, FIRST)) == "noupdate"
    assert (other.answers("BackingOff"), other.store.attempts) == (1, attempts)


async def test_wave_that_counts_is_full_for_both_and_who_was_counted_may_try_again_at_the_other(known_to):
    one, other = await known_to({"open": [fleet.wave("canary", instances=1)]})
    assert await one.ask(fleet.check(APP, FIRST)) == "1.2.0"
    await other.hear()
    attempts = other.store.attempts
    assert await other.ask(fleet.check(APP, SECOND)) == "noupdate"
    assert other.store.attempts == attempts
    # It gives its update back.
    await one.omaha.post(fleet.event(APP, FIRST, 3, 4))
    await other.hear()

    assert await other.ask(fleet.check(APP, SECOND)) == "noupdate"
    assert await other.ask(fleet.check(APP, FIRST)) == "1.2.0"
