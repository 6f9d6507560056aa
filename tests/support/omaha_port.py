"""The public port of the service as a process: what it says over a real socket, and why it says no.

Every answer with status 200 is shown to the clients that could have asked. Reasons are read off the service's own metrics, so one test at
a time may talk to a process.
"""

import contextlib
import http.client
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lxml import etree

from support import omaha_clients_all
from support.omaha_process import OmahaProcess
from support.omaha_service import Reply

JSON_PREFIX = b")]}'\n"
_ANSWERS = re.compile(r'^omaha_update_checks_total\{answer="(\w+)"\} ([0-9.]+)$', re.MULTILINE)
_EVENTS = re.compile(r'^omaha_events_total\{moved="(\w+)",result="(-?\d+)",type="(-?\d+)"\} ([0-9.]+)$', re.MULTILINE)


class OmahaPort:
    """One process, talked to. `process` is the process itself, with its files and its private port."""

    def __init__(self, process: OmahaProcess) -> None:
        self.process = process
        self.port = process.port

    def send(
        self,
        body: bytes,
        *,
        method: str = "POST",
        path: str = "/v1/update/",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request on a connection of its own, with no header that isn't asked for or needed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return accepted(body, Reply(response.status, named, response.read()))

    def ask(self, body: bytes, **options: Any) -> Reply:
        """The same, and it is answered with 200."""
        reply = self.send(body, **options)
        assert reply.status == 200, f"{reply}\n{self.process.log.read_text()[-3000:] if reply.status == 500 else ''}"
        return reply

    def answer(self, body: bytes) -> tuple[str, Reply]:
        """How the only update check of the request is answered, as the service counts it, and the answer."""
        before = self.answers()
        reply = self.ask(body)
        counted = self.answers() - before
        assert counted.total() <= 1, f"more than one update check: {counted}"
        return next(iter(counted), "unanswered"), reply

    def expect(self, wanted: str, body: bytes, *, within: float = 15.0) -> Reply:
        """Ask until the update check is answered so: the catalog is some milliseconds behind the API server."""
        deadline = time.monotonic() + within
        while True:
            answer, reply = self.answer(body)
            if answer == wanted:
                return reply
            assert time.monotonic() < deadline, f"{wanted} was expected, not {answer}: {reply}"
            time.sleep(0.02)

    def answers(self) -> Counter[str]:
        """The update checks so far by answer: Offer, or why there was none."""
        return Counter({name: int(float(count)) for name, count in _ANSWERS.findall(self._metrics())})

    def events(self) -> Counter[tuple[int, int, bool]]:
        """The events so far by type, result and whether one moved an update."""
        return Counter(
            {
                (int(kind), int(result), moved == "true"): int(float(count))
                for moved, result, kind, count in _EVENTS.findall(self._metrics())
            }
        )

    def _metrics(self) -> str:
        status, text = self.process.private("/metrics")
        assert status == 200, text
        return text


def accepted(body: bytes, reply: Reply) -> Reply:
    """The answer to a request, shown to the clients that could have asked; `send` does so itself."""
    if reply.status == 200:
        omaha_clients_all.assert_accepted(body, reply.body, reply.headers.get("content-type", ""))
    return reply


def document(reply: Reply) -> dict[str, Any]:
    """The response in an answer in JSON."""
    assert reply.body.startswith(JSON_PREFIX), reply.body
    found: dict[str, Any] = json.loads(reply.body.removeprefix(JSON_PREFIX))["response"]
    return found


def apps(reply: Reply) -> list[dict[str, Any]]:
    """The applications in an answer in JSON, of whatever version."""
    found = document(reply)
    listed: list[dict[str, Any]] = found["apps" if found["protocol"] == "4.0" else "app"]
    return listed


def updatecheck(reply: Reply) -> Any:
    """The only updatecheck of an answer: an element in XML, an object in JSON."""
    if reply.body.startswith(JSON_PREFIX):
        (app,) = apps(reply)
        return app["updatecheck"]
    (found,) = etree.fromstring(reply.body).iterfind("app/updatecheck")
    return found


def offered(reply: Reply) -> str | None:
    """The version that the only updatecheck offers; None without an update."""
    found = updatecheck(reply)
    status = found.get("status")
    if status != "ok":
        assert status == "noupdate", reply.body
        return None
    if not isinstance(found, dict):
        manifests = found.findall("manifest")
        return str(manifests[-1].get("version"))
    version: str = found["nextversion"] if "nextversion" in found else found["manifest"]["version"]
    return version
