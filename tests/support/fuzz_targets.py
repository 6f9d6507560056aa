"""What must hold for any bytes at all? Each target takes some, and raises if it doesn't hold.

The fuzzer in `fuzz/` looks for bytes that make one raise, guided by the code that they reach; the tests run what it found interesting.
"""

import asyncio
import atexit
import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import cup_keys, fuzz_catalog, fuzz_http, omaha_clients_all
from support.omaha_service import OmahaService, Reply
from support.scripted_store import ScriptedStore
from update_core.omaha import cup, dialects, scan30, xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.manifests import Manifest, Package
from update_core.omaha.messages import (
    AppRequest,
    AppResponse,
    DataAnswer,
    DataStatus,
    DayStart,
    NoUpdate,
    Offer,
    Request,
    Response,
)

SLOW_SECONDS = 0.25
"""CPU time of one request that is a finding. Most take less than a millisecond."""

_REASON = re.compile(rb"[\x20-\x7e]{10,120}\n")
_MOST_REASONS = 200
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_ID = re.compile(rb'((?:machineid|bootid|userid|sessionid|requestid)=")[^"]*(?=")')
_OTHER_IDS = (
    b"m",
    b"{other}",
    b"made-up-0",
    b"made-up-1",
    b"a b",
    b"&amp;",
    b"\xc3\xbc",
    b"\xff",
    b"--",
    b"]]>",
    b"",
    b"x" * 129,
)

_DAY = DayStart(7266, 26400)
_OFFER = Offer(
    urls=("https://pkgs.example.com/app/", "http://127.0.0.1:8080/p/"),
    manifest=Manifest("1.2.3", (Package("app.gz", 23, sha1=bytes(20), sha256=bytes(32)),)),
)

# What a client says of itself is taken; what it asks for isn't there.
_DATA_STATUS = {"untrusted": DataStatus.OK}


class Finding(AssertionError):  # noqa: N818 (what the fuzzer looks for)
    """What must hold doesn't."""


class Slow(Finding):
    """It took too long, this time."""


def read(data: bytes) -> None:
    """A body in any dialect is read or refused; what was read can be answered, and the client accepts the answer."""
    sent = _read(data)
    if sent is None:
        return
    request, codec = sent
    offer = _OFFER if codec.inexpressible(_OFFER) is None else NoUpdate()
    for answer in (NoUpdate(), offer):
        apps = tuple(
            AppResponse(
                app.appid,
                ping=app.ping is not None,
                updatecheck=None if app.updatecheck is None else answer,
                event_acks=len(app.events),
                cohort=app.cohort or None,
                data=tuple(DataAnswer(asked, _DATA_STATUS.get(asked.name, DataStatus.NO_DATA)) for asked in app.data),
            )
            for app in request.apps
        )
        body = codec.write(Response(request.protocol, _DAY, apps))
        _assert_accepted(data, body, codec.content_type.decode())


def _assert_accepted(sent: bytes, answer: bytes, content_type: str) -> None:
    """The clients that could have sent it act on the answer."""
    request, codec = dialects.read(sent)
    if all(_may_be_a_clients(app, codec) for app in request.apps) and len({app.appid for app in request.apps}) == len(
        request.apps
    ):
        omaha_clients_all.assert_accepted(sent, answer, content_type)


def _may_be_a_clients(app: AppRequest, codec: dialects.Codec) -> bool:
    # None leaves an application without a name (Omaha 3 has GUIDs only), names one twice, or sends other data than these; some couldn't
    # read what that is answered with.
    names = [item.name for item in app.data]
    known = bool(_GUID.fullmatch(app.appid)) if codec is dialects.OMAHA_3 else bool(app.appid)
    return known and set(names) <= {"install", "untrusted"} and names.count("untrusted") <= 1


def _read(data: bytes) -> tuple[Request, dialects.Codec] | None:
    try:
        with _in_time(data):
            return dialects.read(data)
    except BadRequest as refused:
        _assert_reason(refused.http_status, f"{refused.reason}\n".encode())
        return None


def scan(data: bytes) -> None:
    """A request of a form that was heard before is read by cutting as the XML reader reads it, whatever its ids are."""
    forms = scan30.Forms()
    variants = [data, *(_with_ids(data, other) for other in _OTHER_IDS)]
    for heard in variants:
        request = _in_xml(heard)
        if request is not None:
            forms.learn(heard, request)
        for body in variants:
            scanned = forms.scan(body)
            if scanned is not None and scanned.request != _in_xml(body):
                raise Finding(f"{body!r} is scanned as {scanned.request}, and read as {_in_xml(body)}")


def _with_ids(body: bytes, other: bytes) -> bytes:
    return _ID.sub(lambda match: match[1] + other, body)


def _in_xml(body: bytes) -> Request | None:
    try:
        return xml30.read_request(body)
    except BadRequest:
        return None


@dataclass
class Served:
    """Two services of the same catalog, one of which has no shortcut for steady checks: they answer alike.

    Each input meets them as if it was the first: they are made anew after one that may have left a trace.
    """

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="fuzz-keys-")))
    services: list[OmahaService] = field(default_factory=list)
    accepted: tuple[bytes, bytes] = (b"", b"")

    def __post_init__(self) -> None:
        atexit.register(shutil.rmtree, self.folder)
        cup_keys.MountedSecret(self.folder / "keys", k7=cup_keys.pem(cup_keys.FIXED))
        self.catalog = fuzz_catalog.catalog()
        self.key = cup_keys.public(cup_keys.pem(cup_keys.FIXED))

    def serve(self, data: bytes) -> None:
        """Any body is answered or refused, twice, and then from another instance, with and without the shortcut alike."""
        for body in (data, data, _with_ids(data, b"another")):
            self._ask(body, "")
        # Now the form is known and the instance is, too.
        self._ask(data, "")

    def sign(self, data: bytes) -> None:
        """Any query (the first line) with any body: what asks for a proof gets one that holds, or is refused."""
        query, _, body = data.partition(b"\n")
        reply = self._ask(body, query.decode("latin-1"))
        challenge = _challenge(query)
        if challenge is None or reply.status == 400:
            return
        proof = reply.headers.get("x-cup-server-proof")
        if proof is None:
            raise Finding(f"{reply.status} without a proof")
        distrust = self.key.distrust(challenge, body, reply.body, proof)
        if distrust is not None:
            raise Finding(f"the proof isn't trusted: {distrust}")

    def _ask(self, body: bytes, query: str) -> Reply:
        reply = self.loop.run_until_complete(self._answered(body, query))
        if reply.status == 200:
            self._assert_accepted(body, reply)
        else:
            if reply.headers["content-type"] != "text/plain; charset=utf-8":
                raise Finding(f"a refusal of type {reply.headers['content-type']}")
            _assert_reason(reply.status, reply.body)
        return reply

    def _assert_accepted(self, body: bytes, reply: Reply) -> None:
        # The same answer to the same request needn't be shown to the clients twice.
        if self.accepted != (body, reply.body):
            _assert_accepted(body, reply.body, reply.headers["content-type"])
            self.accepted = (body, reply.body)

    async def public(self, scope: Any, receive: Any, send: Any) -> None:
        """The application of the public port, for what comes over a wire."""
        await self._make()
        await self.services[0].service.public(scope, receive, send)

    async def _make(self) -> None:
        if not self.services:
            self.services = [await self._made(steady=steady) for steady in (True, False)]

    async def _answered(self, body: bytes, query: str) -> Reply:
        await self._make()
        try:
            replies = [await _post(service.service.public, body, query) for service in self.services]
        except Exception:
            # One may have heard what the other didn't.
            self.services.clear()
            raise
        traces = [_traces(service) for service in self.services]
        if replies[0] != replies[1] or traces[0] != traces[1]:
            raise Finding(f"with the shortcut {replies[0]}, {traces[0]}; without {replies[1]}, {traces[1]}")
        return replies[0]

    async def _made(self, *, steady: bool) -> OmahaService:
        omaha = OmahaService(ScriptedStore(), cup_keys_dir=self.folder / "keys")
        await omaha.service.load()
        omaha.service.source.serve(self.catalog)
        if not steady:
            fuzz_catalog.forget_shortcut(omaha.service)
        return omaha

    def forget(self) -> None:
        """Begin anew with the next input, if this one left a trace."""
        if any(service.service.tally.requests[200] for service in self.services):
            self.services.clear()


def _challenge(query: bytes) -> bytes | None:
    try:
        challenge = cup.read_challenge(query)
    except BadRequest:
        return None
    return None if challenge is None else challenge.cup2key


def _traces(omaha: OmahaService) -> Any:
    store: Any = omaha.service._store
    tally = omaha.service.tally
    return (tally.answers, tally.events, tally.requests, store.calls, store.grants, omaha.service.sightings.queued)


async def _post(public: Any, body: bytes, query: str) -> Reply:
    """As a server would ask; an exception of the application is nobody's to catch."""
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/update/",
        "query_string": query.encode("latin-1"),
        "headers": [],
    }
    with _in_time(body):
        await public(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return Reply(said[0]["status"], headers, b"".join(message["body"] for message in said[1:]))


_reasons: set[bytes] = set()


def _assert_reason(status: int, reason: bytes) -> None:
    """A refusal is the client's fault, says so in plain words, and repeats nothing: there are only so many reasons."""
    if not 400 <= status < 500 or not _REASON.fullmatch(reason):
        raise Finding(f"{status} {reason!r}")
    _reasons.add(reason)
    if len(_reasons) > _MOST_REASONS:
        raise Finding(f"reasons that are made of what was sent: {sorted(_reasons)[-5:]}")


@contextlib.contextmanager
def _in_time(data: bytes) -> Iterator[None]:
    begun = time.process_time()
    yield
    spent = time.process_time() - begun
    if spent > SLOW_SECONDS:
        raise Slow(f"{spent:.3f} s of CPU time for {len(data)} bytes")


def _patient(target: Callable[[bytes], None], forget: Callable[[], None] | None = None) -> Callable[[bytes], None]:
    """The target, with more tries for what seems slow: the machine may have been busy, or a first time pays for all later ones."""

    def run(data: bytes) -> None:
        for tries_left in (2, 1, 0):
            try:
                target(data)
            except Slow:
                if not tries_left:
                    raise
            else:
                return
            finally:
                if forget is not None:
                    forget()

    return run


def targets() -> Mapping[str, Callable[[bytes], None]]:
    """The targets by name."""
    served = Served()
    return {
        "read": _patient(read),
        "scan": _patient(scan),
        "serve": _patient(served.serve, served.forget),
        "sign": _patient(served.sign, served.forget),
        "http": _patient(fuzz_http.Wire(served.loop, served.public).speak, served.forget),
    }
