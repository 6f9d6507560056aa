"""Answers without an end: what was made for them is given up when the client goes, or stops reading."""

import asyncio
import contextlib

import pytest

from omaha_api.fleet_api.streaming import StreamedResponse
from support.eventually import eventually


class Connection:
    """A client as an ASGI server shows it."""

    def __init__(self, *, reads=True):
        self.sent = []
        self.hung_up = asyncio.Event()
        self._reads = reads

    async def receive(self):
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if not self._reads and message["type"] == "http.response.body":
            await asyncio.Event().wait()

    @property
    def bodies(self):
        return [message["body"] for message in self.sent if message["type"] == "http.response.body"]


class Source:
    """Chunks, and whether they were closed."""

    def __init__(self, *, endless=True):
        self.closed = False
        self._endless = endless

    async def chunks(self):
        try:
            yield b"one"
            yield b"two"
            if self._endless:
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def serve(source, connection, **settings):
    response = StreamedResponse(source.chunks(), content_type="application/json", **settings)
    await asyncio.wait_for(response({"type": "http"}, connection.receive, connection.send), 10)


async def test_chunks_are_sent_one_by_one_without_a_length():
    source, connection = Source(endless=False), Connection()
    await serve(source, connection)

    assert connection.bodies == [b"one", b"two", b""]
    assert [message.get("more_body") for message in connection.sent] == [None, True, True, False]
    assert b"content-length" not in dict(connection.sent[0]["headers"])
    assert source.closed


async def test_a_client_that_hangs_up_ends_what_is_made_for_it():
    source, connection = Source(), Connection()
    serving = asyncio.create_task(serve(source, connection))
    await eventually(lambda: len(connection.bodies) == 2)
    assert not source.closed
    connection.hung_up.set()
    await serving

    assert source.closed


async def test_a_client_that_reads_nothing_is_left():
    source, connection = Source(), Connection(reads=False)
    await serve(source, connection, send_seconds=0.05)

    assert connection.bodies == [b"one"]
    assert source.closed


async def test_a_server_that_ends_ends_it_too():
    source, connection = Source(), Connection()
    serving = asyncio.create_task(serve(source, connection))
    await eventually(lambda: len(connection.bodies) == 2)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving

    assert source.closed


async def test_a_bug_in_the_source_is_told_to_the_server():
    class Broken(Source):
        async def chunks(self):
            yield b"one"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await serve(Broken(), Connection())
