"""An answer to a request with cup2key convinces a client with CUP, whatever it is."""

import asyncio

import pytest

from omaha_api.cup import signing
from support import cup_keys
from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from support.scripted_store import ScriptedStore
from update_core.omaha import cup

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
OLD, NEW = cup_keys.pem(cup_keys.FIXED), cup_keys.pem()
KEYS = {"7": OLD, "8": NEW}


@pytest.fixture
def keys(tmp_path):
    return cup_keys.MountedSecret(tmp_path / "keys", k7=OLD, k8=NEW).folder


@pytest.fixture
def store():
    return ScriptedStore()


@pytest.fixture
async def omaha(store, keys):
    return await OmahaService(store, cup_keys_dir=keys).start(fleet.fleet(APP))


def doubt(reply, body, cup2key="7:12345"):
    """What a client has against an answer: with either header, which are to say the same."""
    proofs = (reply.headers["x-cup-server-proof"], reply.headers["etag"])
    key = cup_keys.public(KEYS[cup2key.rpartition(":")[0]])
    doubts = {key.distrust(cup2key.encode(), body, reply.body, proof) for proof in proofs}
    assert (len(doubts), reply.headers["cache-control"]) == (1, "no-store")
    return doubts.pop()


def signed(reply):
    return bool({"x-cup-server-proof", "etag"} & set(reply.headers))


@pytest.mark.parametrize(
    "cup2key", ["7:12345", "8:12345", "8:n-_Q"], ids=["an older key", "the newest key", "a nonce in base64"]
)
async def test_a_client_trusts_the_answer_whichever_key_it_has(omaha, cup2key):
    body = fleet.check(APP)

    reply = await omaha.post(body, query=cup.query(cup2key, body))

    assert (reply.status, reply.answer, doubt(reply, body, cup2key)) == (200, "1.1.0", None)


async def test_the_signature_changes_nothing_of_the_answer(omaha):
    body = fleet.check(APP, version="1.1.0")

    plain = await omaha.post(body)
    proven = await omaha.post(body, query="cup2key=7:1")

    assert proven.body == plain.body
    assert plain.headers == {name: proven.headers[name] for name in plain.headers}
    assert not signed(plain)


async def test_a_client_that_names_the_key_amid_other_parameters_is_heard(omaha):
    body = fleet.check(APP)

    reply = await omaha.post(body, query="os=linux&cup2key=7%3A12345&x=y")

    assert doubt(reply, body) is None


async def test_a_body_in_chunks_is_signed_as_the_whole_that_it_is(omaha):
    body = fleet.check(APP)

    reply = await omaha.post([body[:10], body[10:50], body[50:]], query="cup2key=7:12345")

    assert (reply.status, doubt(reply, body)) == (200, None)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"body": b"<request"}, 400),
        ({"body": b'<request protocol="2.0"/>'}, 400),
        ({"body": b""}, 400),
        ({"body": b"x", "headers": ((b"content-encoding", b"gzip"),)}, 415),
        ({"body": b"", "method": "GET"}, 405),
        ({"body": b"x", "path": "/elsewhere"}, 404),
    ],
    ids=["malformed", "protocol", "empty", "encoded", "method", "path"],
)
async def test_a_refused_request_is_refused_with_a_signature(omaha, request_, status):
    reply = await omaha.post(**request_, query="cup2key=7:12345")

    assert (reply.status, doubt(reply, request_["body"])) == (status, None)


async def test_before_a_catalog_is_loaded_not_yet_is_said_with_a_signature(store, keys):
    body = fleet.check(APP)

    reply = await OmahaService(store, cup_keys_dir=keys).post(body, query="cup2key=7:12345")

    assert (reply.status, reply.headers["retry-after"], doubt(reply, body)) == (503, "10", None)


async def test_an_event_that_can_t_be_recorded_now_is_put_off_with_a_signature(omaha, store):
    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0"
    store.away = True
    body = fleet.event(APP, "{fake-client-000}", 13)

    reply = await omaha.post(body, query="cup2key=7:12345")

    assert (reply.status, reply.headers["retry-after"], doubt(reply, body)) == (503, "10", None)


@pytest.mark.parametrize(
    ("body", "headers"),
    [([b" " * 40000] * 3, ()), (b" " * 65537, ((b"content-length", b"65537"),))],
    ids=["more than was read", "not read at all"],
)
async def test_nothing_is_sworn_about_a_body_that_wasn_t_read_to_its_end(omaha, body, headers):
    reply = await omaha.post(body, headers=headers, query="cup2key=7:12345")

    assert (reply.status, signed(reply)) == (413, False)


async def test_a_client_that_never_sends_its_body_waits_once(omaha):
    reaper = asyncio.create_task(omaha.service.bodies.run())
    asked, sent = [], []

    async def receive():
        asked.append(1)
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/update/", "query_string": b"cup2key=7:1", "headers": []}
    # In a task of its own: it is cancelled and must not stay so.
    await asyncio.create_task(omaha.service.public(scope, receive, send))
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)

    assert (sent[0]["status"], len(asked)) == (408, 1)


async def test_nothing_is_said_to_a_client_that_hung_up(omaha):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/update/", "query_string": b"cup2key=7:1", "headers": []}
    await omaha.service.public(scope, receive, send)

    assert sent == []


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("cup2key=9:12345", "the key that cup2key names isn't known here"),
        ("cup2key=..%2F7:12345", "the key that cup2key names isn't known here"),
        ("cup2key=7", "cup2key isn't <key id>:<nonce>"),
        ("cup2key=7:1&cup2key=8:1", "the query has more than one cup2key"),
    ],
    ids=["unknown", "a path", "no nonce", "two"],
)
async def test_what_can_t_be_signed_as_asked_gets_a_reason_and_changes_nothing(omaha, store, query, reason):
    calls = list(store.calls)

    reply = await omaha.post(fleet.check(APP), query=query)

    assert (reply.status, reply.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert reply.body == f"{reason}\n".encode()
    assert not signed(reply)
    assert store.calls == calls
    assert omaha.service.tally.requests == {400: 1}


async def test_a_service_without_keys_knows_no_key(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    assert (await omaha.post(fleet.check(APP), query="cup2key=7:12345")).status == 400
    assert (await omaha.post(fleet.check(APP))).status == 200


async def test_an_altered_request_is_answered_and_signed_as_it_arrived_so_that_its_client_notices(omaha, caplog):
    sent, arrived = fleet.check(APP), fleet.check(APP, version="1.0.1")

    reply = await omaha.post(arrived, query=cup.query("7:12345", sent))

    assert (reply.status, doubt(reply, arrived)) == (200, None)
    assert doubt(reply, sent) is cup.Distrust.REQUEST_ALTERED
    assert "a request isn't what its cup2hreq says" in caplog.text


@pytest.mark.parametrize(
    ("body", "query", "outcome"),
    [
        (b"<request", "cup2key=7:1", "Signed"),
        (b"<request", "cup2key=9:1", "UnknownKey"),
        (b"<request", "cup2key=7", "Malformed"),
        ([b" " * 40000] * 3, "cup2key=7:1", "NotRead"),
    ],
    ids=["signed", "unknown key", "malformed", "not read"],
)
async def test_requests_for_a_signature_are_counted_by_what_came_of_them(omaha, body, query, outcome):
    await omaha.post(fleet.check(APP))
    await omaha.post(body, query=query)

    metrics = (await omaha.private("/metrics")).body.decode()

    assert [line for line in metrics.splitlines() if line.startswith("omaha_cup_requests_total")] == [
        f'omaha_cup_requests_total{{outcome="{outcome}"}} 1.0'
    ]


async def test_altered_requests_are_counted(omaha):
    body = fleet.check(APP)
    await omaha.post(body, query=cup.query("7:1", body))
    await omaha.post(body, query=cup.query("7:1", b"another"))

    assert b"omaha_cup_altered_requests_total 1.0" in (await omaha.private("/metrics")).body


def test_altered_requests_are_mentioned_at_most_once_a_minute(keys, caplog):
    now = [0.0]
    signer = signing.Signer(keys, monotonic=lambda: now[0])
    altered = signer.begin(b"cup2key=7:1&cup2hreq=" + b"0" * 64)
    assert isinstance(altered, signing.Signing)

    for now[0] in (0.0, 1.0, 59.0, 61.0):
        altered.headers(b"request", b"response")

    assert [record.args for record in caplog.records] == [(1,), (4,)]
