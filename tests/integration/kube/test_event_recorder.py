"""People see what happened, once, with how often; and nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from support.eventually import eventually
from update_kube import backoff, events, resources

QUICK = backoff.Backoff(base=0.02, cap=0.1)


@contextlib.asynccontextmanager
async def recorder(kube, **settings):
    settings = {"series_interval": 0.1, "pauses": QUICK} | settings
    recording = events.Recorder(kube, controller="updateservice.dev/test", instance="test-0", **settings)
    task = asyncio.create_task(recording.run())
    try:
        yield recording
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def subject(kube, namespace):
    return await kube.create(resources.CONFIGMAPS, {"metadata": {"name": "subject", "namespace": namespace}})


async def recorded(kube, namespace):
    items, _ = await kube.list_all(resources.EVENTS, namespace)
    return [item for item in items if item["reportingController"] == "updateservice.dev/test"]


async def test_an_event_says_what_happened_to_which_object(kube, namespace, subject):
    async with recorder(kube) as recording:
        recording.record(subject, "Warning", "RolloutHalted", "Halt", "too many failures: 3 of 10")
        assert await recording.drain(5)

    (event,) = await recorded(kube, namespace)
    assert event["regarding"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": namespace,
        "name": "subject",
        "uid": subject["metadata"]["uid"],
    }
    said = {field: event[field] for field in ("type", "reason", "action", "note", "reportingInstance")}
    assert said == {
        "type": "Warning",
        "reason": "RolloutHalted",
        "action": "Halt",
        "note": "too many failures: 3 of 10",
        "reportingInstance": "test-0",
    }
    assert event["metadata"]["name"].startswith("subject.")


async def test_what_repeats_is_one_event_with_a_count(kube, namespace, subject):
    async with recorder(kube) as recording:
        for _ in range(3):
            recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        assert await recording.drain(5)
        for _ in range(4):
            recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 2")
        assert await recording.drain(5)

    told = {event["note"]: event.get("series", {}).get("count") for event in await recorded(kube, namespace)}
    assert told == {"wave 1": 7, "wave 2": None}
    assert recording.counters == events.Counters(recorded=8, written=3, dropped=0)


async def test_what_repeats_after_the_window_is_another_event(kube, namespace, subject):
    class Clock:
        seconds = 1000.0

        def __call__(self):
            return self.seconds

    clock = Clock()
    async with recorder(kube, clock=clock, window=60.0) as recording:
        recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        assert await recording.drain(5)
        clock.seconds += 61
        recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        assert await recording.drain(5)

    assert [event.get("series") for event in await recorded(kube, namespace)] == [None, None]


async def test_an_event_that_expired_is_told_again_with_its_count(kube, namespace, subject):
    async with recorder(kube) as recording:
        recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        assert await recording.drain(5)
        (expired,) = await recorded(kube, namespace)
        await kube.delete(resources.EVENTS, expired["metadata"]["name"], namespace)
        recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        assert await recording.drain(5)

    (event,) = await recorded(kube, namespace)
    assert event["series"]["count"] == 2


async def test_a_note_beyond_what_the_server_takes_is_cut_between_characters(kube, namespace, subject):
    async with recorder(kube) as recording:
        recording.record(subject, "Normal", "WaveStarted", "Advance", "ü" * 1000)
        assert await recording.drain(5)

    (event,) = await recorded(kube, namespace)
    assert event["note"] == "ü" * 510 + "…"
    assert len(event["note"].encode()) <= events.NOTE_BYTES


async def test_objects_without_a_namespace_and_with_odd_names_have_events_too(kube):
    role = await kube.create(resources.CLUSTERROLES, {"metadata": {"generateName": "test:odd.-name-"}})
    try:
        async with recorder(kube) as recording:
            recording.record(role, "Normal", "Checked", "Check", "fine")
            assert await recording.drain(5)
        told = [event["regarding"]["name"] for event in await recorded(kube, "default")]
        assert role["metadata"]["name"] in told
    finally:
        await kube.delete(resources.CLUSTERROLES, role["metadata"]["name"])


async def test_recording_never_waits_and_what_fits_arrives_when_the_server_is_back(
    kube, proxied, proxy, namespace, subject
):
    async with recorder(proxied, capacity=10) as recording:
        await proxy.cut()
        for number in range(25):
            recording.record(subject, "Normal", "WaveStarted", "Advance", f"wave {number}")
        assert not await recording.drain(0.2)
        await proxy.restore()
        assert await recording.drain(10)

    notes = {event["note"] for event in await recorded(kube, namespace)}
    assert notes == {f"wave {number}" for number in range(15, 25)}
    assert recording.counters.dropped == 15


async def test_events_about_a_namespace_that_is_gone_are_dropped_and_the_next_are_written(kube, namespace, subject):
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": f"{namespace}-gone"}}
    async with recorder(kube) as recording:
        recording.record(gone, "Normal", "WaveStarted", "Advance", "nobody reads this")
        recording.record(subject, "Normal", "WaveStarted", "Advance", "somebody reads this")
        assert await recording.drain(5)

    assert [event["note"] for event in await recorded(kube, namespace)] == ["somebody reads this"]
    assert recording.counters.dropped == 1


async def test_a_server_that_asks_for_patience_gets_it_and_the_event(kube, proxied, proxy, namespace, subject):
    proxy.answer(429, headers={"Retry-After": "1"}, matches=lambda seen: seen.method == "POST")
    async with recorder(proxied) as recording:
        recording.record(subject, "Normal", "WaveStarted", "Advance", "wave 1")
        await eventually(lambda: len(proxy.requests) == 1)
        assert not await recording.drain(0.7)
        assert await recording.drain(5)

    assert len(await recorded(kube, namespace)) == 1


async def test_one_failed_write_does_not_delay_an_event_by_its_series_interval(
    kube, proxied, proxy, namespace, subject
):
    proxy.answer(503, matches=lambda seen: seen.method == "POST")
    async with recorder(proxied, series_interval=3600.0) as recording:
        recording.record(subject, "Warning", "RolloutHalted", "Halt", "too many failures")
        assert await recording.drain(5)

    assert len(await recorded(kube, namespace)) == 1
