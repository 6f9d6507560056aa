"""There is never more than one leader, and soon there is one again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time

import pytest

from support.eventually import eventually
from update_kube import errors, leases, resources

QUICK = leases.Times(duration_seconds=3, renew_deadline_seconds=2.0, retry_period_seconds=0.2)


def candidate(kube, namespace, identity, **settings):
    return leases.Elector(kube, namespace=namespace, name="subject", identity=identity, **{"times": QUICK} | settings)


@contextlib.asynccontextmanager
async def running(*electors):
    tasks = [asyncio.create_task(elector.run()) for elector in electors]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def lease_spec(kube, namespace):
    return (await kube.get(resources.LEASES, "subject", namespace))["spec"]


async def held_by(kube, namespace, identity):
    """Wait until the lease is held by this one; its renewTime."""
    while True:
        with contextlib.suppress(errors.NotFound):
            spec = await lease_spec(kube, namespace)
            if spec["holderIdentity"] == identity:
                return spec["renewTime"]


async def put_lease(kube, namespace, **spec):
    await kube.create(
        resources.LEASES,
        {"metadata": {"name": "subject", "namespace": namespace}, "spec": {"leaseDurationSeconds": 1, **spec}},
    )


async def test_of_many_candidates_at_once_exactly_one_leads(kube, namespace):
    many = [candidate(kube, namespace, f"candidate-{number}") for number in range(8)]
    async with running(*many):
        await eventually(lambda: any(elector.acquired.is_set() for elector in many))
        for _ in range(5):
            await asyncio.gather(*(lease_spec(kube, namespace) for _ in range(8)))
            assert sum(elector.is_leader for elector in many) == 1

        leader = next(elector for elector in many if elector.is_leader)
        assert (await lease_spec(kube, namespace))["holderIdentity"] == leader.identity


async def test_of_many_that_race_for_an_expired_lease_exactly_one_wins(kube, namespace):
    await put_lease(kube, namespace, holderIdentity="dead", leaseTransitions=4)
    many = [candidate(kube, namespace, f"candidate-{number}", jitter=lambda: 0.0) for number in range(8)]
    async with running(*many):
        await eventually(lambda: any(elector.acquired.is_set() for elector in many))

        assert sum(elector.acquired.is_set() for elector in many) == 1
        assert (await lease_spec(kube, namespace))["leaseTransitions"] == 5


async def test_a_lease_is_not_taken_before_it_was_watched_for_its_whole_duration(kube, namespace):
    # Its renewTime is long ago: clocks of other machines are not to be trusted.
    await put_lease(kube, namespace, holderIdentity="alive", renewTime="2001-01-01T00:00:00.000000Z")
    elector = candidate(kube, namespace, "candidate")
    started = time.monotonic()
    async with running(elector):
        await eventually(elector.acquired.is_set)

        assert time.monotonic() - started >= 1.0


async def test_a_leader_that_stops_hands_over_at_once(kube, namespace):
    patient = leases.Times(duration_seconds=60, renew_deadline_seconds=30.0, retry_period_seconds=0.2)
    first = candidate(kube, namespace, "first", times=patient)
    second = candidate(kube, namespace, "second", times=patient)
    async with running(first) as (leading,):
        await eventually(lambda: first.is_leader)
        async with running(second):
            await eventually(lambda: second.holder == "first")
            leading.cancel()

            # Long before the lease would have expired.
            await eventually(second.acquired.is_set, within=10.0)
            assert second.is_leader
            assert not first.is_leader
            assert not first.lost.is_set()


ELECTOR_PROCESS = """
import asyncio, pathlib, sys
from update_kube import client, configuration, leases

async def main(kubeconfig, namespace):
    async with await client.connect(configuration.load(pathlib.Path(kubeconfig))) as kube:
        times = leases.Times(duration_seconds=3, renew_deadline_seconds=2.0, retry_period_seconds=0.2)
        elector = leases.Elector(kube, namespace=namespace, name="subject", identity="process", times=times)
        await elector.run()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_leader_is_replaced_once_its_lease_ran_out(kube, control_plane, namespace):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ELECTOR_PROCESS, str(control_plane.kubeconfig), namespace
    )
    survivor = candidate(kube, namespace, "survivor")
    try:
        renewed = [await held_by(kube, namespace, "process")]
        async with running(survivor):
            # It renews for longer than an unrenewed lease would have lasted.
            started = time.monotonic()
            while len(set(renewed)) < 4 or time.monotonic() - started < QUICK.duration_seconds + 0.5:
                renewed.append(await held_by(kube, namespace, "process"))
            assert not survivor.acquired.is_set()

            process.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            await eventually(survivor.acquired.is_set)

            # Not sooner than a lease renewed right before the kill, seen one attempt late, allows.
            assert time.monotonic() - killed >= QUICK.duration_seconds - 2 * QUICK.retry_period_seconds
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_leader_cut_off_gives_up_before_another_takes_over(kube, proxied, proxy, namespace):
    lost = []
    isolated = candidate(proxied, namespace, "isolated", on_lost=lambda: lost.append(time.monotonic()))
    other = candidate(kube, namespace, "other")
    async with running(isolated) as (task,):
        await eventually(lambda: isolated.is_leader)
        async with running(other):
            await proxy.cut()
            await eventually(other.acquired.is_set)
            taken = time.monotonic()

            assert isolated.lost.is_set()
            assert lost[0] < taken
            assert not isolated.is_leader
            await asyncio.wait_for(task, 1.0)


async def test_a_lease_taken_by_hand_is_lost_at_once(kube, namespace):
    elector = candidate(kube, namespace, "candidate")
    async with running(elector):
        await eventually(lambda: elector.is_leader)
        usurped = {"spec": {"holderIdentity": "administrator"}}
        await kube.merge_patch(resources.LEASES, "subject", usurped, namespace)

        await eventually(elector.lost.is_set, within=QUICK.renew_deadline_seconds)
        assert (await lease_spec(kube, namespace))["holderIdentity"] == "administrator"


async def test_a_process_that_was_suspended_knows_before_its_first_step_that_it_may_not_act(kube, namespace):
    class Clock:
        ahead = 0.0

        def __call__(self):
            return time.monotonic() + self.ahead

    clock = Clock()
    elector = candidate(kube, namespace, "candidate", clock=clock)
    async with running(elector):
        await eventually(lambda: elector.is_leader)
        clock.ahead += QUICK.renew_deadline_seconds

        assert not elector.is_leader
        await eventually(elector.lost.is_set)


async def test_a_slow_api_server_within_the_deadline_costs_no_leadership(kube, proxied, proxy, namespace):
    patient = leases.Times(duration_seconds=60, renew_deadline_seconds=30.0, retry_period_seconds=0.2)
    elector = candidate(proxied, namespace, "candidate", times=patient)
    async with running(elector):
        await eventually(lambda: elector.is_leader)
        before = (await lease_spec(kube, namespace))["renewTime"]
        proxy.answer(503, times=2)
        asked = len(proxy.requests)
        await eventually(lambda: len(proxy.requests) > asked + 4)

        assert elector.is_leader
        assert (await lease_spec(kube, namespace))["renewTime"] > before


@pytest.mark.parametrize(
    "times",
    [pytest.param((10, 10, 2), id="deadline not before expiry"), pytest.param((15, 2, 2), id="no time to retry")],
)
def test_times_that_cannot_be_safe_are_refused(times):
    with pytest.raises(ValueError, match="duration > renew deadline"):
        leases.Times(*times)
