"""The public port serves Omaha within bounds, and nothing else."""

import asyncio

import pytest

from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from support.scripted_store import ScriptedStore

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"


@pytest.fixture
async def omaha():
    return await OmahaService(ScriptedStore()).start(fleet.fleet(APP))


@pytest.mark.parametrize("path", ["/v1/update", "/v1/update/"])
async def test_both_spellings_of_the_path_answer_directly(omaha, path):
    assert (await omaha.post(fleet.check(APP), path=path)).answer == "1.1.0"


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/progress", "/v1/update/x", "/v1/update//"])
async def test_anything_else_is_not_found(omaha, path):
    reply = await omaha.post(fleet.check(APP), path=path)

    assert (reply.status, reply.headers["content-type"]) == (404, "text/plain; charset=utf-8")


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
async def test_other_methods_are_refused_without_a_redirect(omaha, method):
    reply = await omaha.post(b"", method=method)

    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert omaha.service.tally.requests == {405: 1}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", (), 400),
        (b"<request", (), 400),
        (b'<!DOCTYPE x><request protocol="3.0"/>', (), 400),
        (b'<request protocol="2.0"/>', (), 400),
        (b"\xff\xfe", (), 400),
        (b" " * 65537, (), 413),
        ([b" " * 40000] * 2, (), 413),
        (b"", ((b"content-length", b"65537"),), 413),
        (b"x", ((b"content-encoding", b"gzip"),), 415),
    ],
    ids=["empty", "cut", "doctype", "protocol", "utf-16", "large", "large in chunks", "says large", "gzip"],
)
async def test_a_bad_request_gets_a_reason_in_plain_text_and_changes_nothing(omaha, body, headers, status):
    calls = list(omaha.service._store.calls)

    reply = await omaha.post(body, headers=headers)

    assert (reply.status, reply.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert len(reply.body) > 10
    assert omaha.service._store.calls == calls


async def test_a_body_in_chunks_is_put_together(omaha):
    body = fleet.check(APP)

    assert (await omaha.post([body[:10], body[10:50], body[50:]])).answer == "1.1.0"


async def test_a_body_without_an_end_is_refused_before_it_fills_the_memory(omaha):
    received, sent = [], []

    async def receive():
        received.append(1)
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/update/", "query_string": b"", "headers": []}
    async with asyncio.timeout(5):
        await omaha.service.public(scope, receive, send)

    assert (sent[0]["status"], len(received)) == (413, 65)


async def test_a_body_that_stalls_is_given_up(omaha):
    reaper = asyncio.create_task(omaha.service.bodies.run())
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "POST", "path": "/v1/update/", "query_string": b"", "headers": []}
    # In a task of its own: it is cancelled and must not stay so.
    await asyncio.create_task(omaha.service.public(scope, receive, send))
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)

    assert sent[0]["status"] == 408


async def test_a_cancelled_request_is_no_slow_body(omaha):
    async def receive():
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "POST", "path": "/v1/update/", "query_string": b"", "headers": []}
    request = asyncio.create_task(omaha.service.public(scope, receive, receive))
    await asyncio.sleep(0)
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request


async def test_before_a_catalog_is_loaded_the_answer_is_not_yet():
    omaha = OmahaService(ScriptedStore())
    assert (await omaha.post(fleet.check(APP))).status == 503
    await omaha.service.load()
    reply = await omaha.post(fleet.check(APP))
    assert (reply.status, reply.headers["retry-after"]) == (503, "10")
    omaha.put(*fleet.fleet(APP))
    assert (await omaha.post(fleet.check(APP))).status == 200
