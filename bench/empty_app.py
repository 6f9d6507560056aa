"""The least that a server can do: read the body, send a reply of the same size. What the service's cost is measured against."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from omaha_api import serving
from omaha_api.settings import Address

REPLY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" server="update-service"><daystart elapsed_days="7266"'
    b' elapsed_seconds="26400"/><app appid="e96281a6-d1af-4bde-9a0a-97b76e56dc57" status="ok"><ping status="ok"/>'
    b'<updatecheck status="noupdate"/><event status="ok"/></app></response>'
)
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/xml; charset=utf-8"), (b"content-length", str(len(REPLY)).encode())],
}
BODY = {"type": "http.response.body", "body": REPLY}


async def app(_scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer one request."""
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send(BODY)


async def main(port: int) -> None:
    """Serve until killed."""
    with serving.listen(Address("127.0.0.1", port), "port") as bound:
        await serving.server(app, shutdown_timeout_seconds=1).serve(sockets=[bound])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
