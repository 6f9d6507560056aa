"""A watch is read right however its bytes are cut, and nonsense in it is an error."""

from __future__ import annotations

import asyncio
import json

import pytest

from update_kube import backoff, errors, watching


def line(kind, revision):
    return json.dumps({"type": kind, "object": {"metadata": {"resourceVersion": str(revision)}}}).encode() + b"\n"


def stream(*chunks):
    left = list(chunks)

    async def read():
        return left.pop(0) if left else b""

    return watching.Stream(read)


async def everything(source):
    events = []
    while (batch := await source.next_events(1.0)) is not None:
        events += [(event.type.value, event.resource_version) for event in batch]
    return events


WHOLE = line("ADDED", 1) + b"\n" + line("BOOKMARK", 22) + line("DELETED", 333)
EXPECTED = [("ADDED", 1), ("BOOKMARK", 22), ("DELETED", 333)]


@pytest.mark.parametrize("size", [1, 2, 7, 61, len(WHOLE)])
async def test_events_are_the_same_however_the_bytes_arrive(size):
    chunks = [WHOLE[at : at + size] for at in range(0, len(WHOLE), size)]

    assert await everything(stream(*chunks)) == EXPECTED


async def test_events_that_arrive_together_come_together():
    assert len(await stream(WHOLE).next_events(1.0)) == 3


NONSENSE = {
    "not JSON": (b"<html>\n", errors.Unreachable, "not an event"),
    "not an object": (b"[]\n", errors.Unreachable, "not an event"),
    "no object in it": (b'{"type": "ADDED"}\n', errors.Unreachable, "not an event"),
    "an object that is none": (b'{"type": "ADDED", "object": 5}\n', errors.Unreachable, "without an object"),
    "an unknown type": (line("RENAMED", 1), errors.Unreachable, "unknown type 'RENAMED'"),
    "an end in the middle of a line": (line("ADDED", 1)[:-1], errors.Unreachable, "in the middle"),
    "a line without an end": (b"x" * (17 * 1024 * 1024), errors.Unreachable, "beyond all bounds"),
    "an error": (
        b'{"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}\n',
        errors.Gone,
        "too old",
    ),
}


@pytest.mark.parametrize(("chunk", "kind", "message"), NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_an_error(chunk, kind, message):
    with pytest.raises(kind, match=message):
        await stream(chunk).next_events(1.0)


async def test_silence_is_a_timeout():
    with pytest.raises(TimeoutError):
        await watching.Stream(asyncio.Event().wait).next_events(0.01)


@pytest.mark.parametrize(
    "metadata",
    [pytest.param({}, id="none"), pytest.param({"resourceVersion": "..."}, id="not a number")],
)
def test_an_object_without_a_revision_is_an_error(metadata):
    with pytest.raises(errors.Unreachable, match="resourceVersion"):
        watching.revision({"metadata": metadata})


def test_pauses_double_up_to_their_cap():
    pauses = backoff.Backoff(base=1.0, cap=10.0, jitter=lambda: 0.0)

    assert [pauses.pause(failures) for failures in (1, 2, 3, 4, 5, 10_000)] == [1, 2, 4, 8, 10, 10]


def test_jitter_shortens_a_pause_by_up_to_half_but_never_below_what_was_asked():
    pauses = backoff.Backoff(base=4.0, jitter=lambda: 1.0)

    assert pauses.pause(1) == 2.0
    assert pauses.pause(1, asked=3.0) == 3.0
