"""Whatever form of HTTP a client speaks, its request is answered whole, in its order, once; and what is no request is refused.

Over real sockets, with each of the two libraries that uvicorn reads HTTP with.
"""

import asyncio
import itertools
import socket

import pytest
import uvloop

from support import omaha_clients_all, public_port
from support.omaha_fleet import APP_ID, check, event
from support.public_port import chunked, replies
from support.public_port import request as a_request

CLOSE = b"Connection: close"
CHUNKED = b"Transfer-Encoding: chunked"
BODY = check(APP_ID)
LONG = 16 * 1024 * 1024


@pytest.fixture(
    scope="module",
    params=[
        ("httptools", uvloop.new_event_loop),
        ("httptools", asyncio.new_event_loop),
        ("h11", uvloop.new_event_loop),
    ],
    ids=["httptools", "httptools on asyncio", "h11"],
)
def port(request):
    http, loop_factory = request.param
    with public_port.served(http, loop_factory=loop_factory) as port:
        yield port


def statuses(data):
    return [reply.status for reply in replies(data)]


def tally(port):
    return port.call(lambda: dict(port.omaha.service.tally.requests))


def test_a_request_is_answered_and_the_connection_can_be_used_again(port):
    with port.connect() as client:
        for number in range(3):
            body = check(APP_ID, f"again-{number}")
            client.sendall(a_request(body))
            reply = public_port.read_reply(client)

            assert reply.status == 200
            omaha_clients_all.assert_accepted(body, reply.body, reply.headers["content-type"])


def test_a_client_that_has_closed_its_sending_half_still_gets_its_answer(port):
    for number in range(20):
        assert statuses(port.exchange(a_request(check(APP_ID, f"half-{number}")), shut=True)) == [200]


def test_a_client_that_has_closed_its_sending_half_gets_an_answer_that_takes_its_time(port):
    port.call(lambda: setattr(port.store, "gate", asyncio.Event()))
    try:
        with port.connect() as client:
            client.sendall(a_request(check(APP_ID, "half-slow")))
            client.shutdown(socket.SHUT_WR)
            port.wait_until(lambda: "grant" in port.store.calls, "the store is asked for a grant")
            port.call(lambda: port.store.gate.set())

            assert statuses(public_port.received(client)) == [200]
    finally:
        port.call(lambda: setattr(port.store, "gate", None))


def test_half_a_request_and_no_more_is_no_request(port):
    before = tally(port)

    assert port.exchange(a_request(BODY)[:-10], shut=True) == b""
    assert port.exchange(a_request(BODY)[:30], shut=True) == b""
    assert port.exchange(shut=True) == b""
    assert tally(port).get(200) == before.get(200)


def test_pipelined_requests_are_answered_in_order_each_whole(port):
    bodies = [check(f"{{{APP_ID}}}" if number % 2 else APP_ID.upper(), f"piped-{number}") for number in range(30)]

    got = replies(port.exchange(b"".join(map(a_request, bodies)), shut=True))

    assert [reply.status for reply in got] == [200] * 30
    for body, reply in zip(bodies, got, strict=True):
        omaha_clients_all.assert_accepted(body, reply.body, reply.headers["content-type"])


def test_pipelined_requests_of_all_kinds_are_answered_in_order(port):
    sent = [
        a_request(BODY),
        a_request(b"", method=b"GET"),
        a_request(b"<"),
        a_request(BODY, target=b"/other"),
        a_request(chunked(BODY[:9], BODY[9:]), CHUNKED, length=False),
        a_request(BODY),
    ]

    assert statuses(port.exchange(b"".join(sent), shut=True)) == [200, 405, 400, 404, 200, 200]


def test_pipelined_requests_are_answered_although_the_last_one_isnt_whole_yet(port):
    with port.connect() as client:
        client.sendall(a_request(BODY) * 2 + a_request(BODY, CLOSE)[:-20])
        port.wait_until(lambda: port.omaha.service.bodies._begun, "the last one's body is being read")
        client.sendall(BODY[-20:])

        assert statuses(public_port.received(client)) == [200, 200, 200]


def test_what_comes_before_nonsense_is_answered_before_the_nonsense_is(port):
    assert statuses(port.exchange(a_request(BODY) + a_request(BODY) + b"\x00\x01 nonsense\r\n\r\n")) == [200, 200, 400]


def test_a_chunked_body_is_put_together(port):
    pieces = (
        [bytes(piece) for piece in itertools.batched(BODY, 7)]
        if hasattr(itertools, "batched")
        else [BODY[:7], BODY[7:]]
    )

    assert statuses(port.exchange(a_request(chunked(*pieces), CHUNKED, CLOSE, length=False))) == [200]


def test_trailers_of_a_chunked_body_change_nothing(port):
    body = chunked(BODY, trailers=b"X-Checksum: 1\r\nServer-Timing: a;dur=1\r\n")

    assert statuses(port.exchange(a_request(body, CHUNKED, length=False) + a_request(BODY, CLOSE))) == [200, 200]


def test_chunk_extensions_are_ignored(port):
    body = b"%x;name=value\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

    assert statuses(port.exchange(a_request(body, CHUNKED, CLOSE, length=False))) == [200]


def test_a_chunked_body_beyond_the_limit_is_refused(port):
    pieces = [b" " * 10_000] * 7

    assert statuses(port.exchange(a_request(chunked(*pieces), CHUNKED, length=False))) == [413]


@pytest.mark.parametrize(
    "body",
    [
        b"xyz\r\nabc\r\n0\r\n\r\n",
        b"-1\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcdef\r\n0\r\n\r\n",
        b"ffffffffffffffffffffffffffffff\r\nabc\r\n",
    ],
    ids=["no number", "negative", "longer than it says", "no length that is"],
)
def test_a_malformed_chunked_body_is_refused(port, body):
    assert statuses(port.exchange(a_request(body, CHUNKED, length=False))) == [400]


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: -5",),
        (b"Content-Length: x",),
        (b"Content-Length: 5, 6",),
        (b"Content-Length: 99999999999999999999999999",),
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length: %d" % len(BODY), CHUNKED),
        (CHUNKED, b"Content-Length: %d" % len(BODY)),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Transfer-Encoding: gzip",),
        (b"Content-Length : 5",),
        (b"Bad Name: x", b"Content-Length: 5"),
        (b"X: a\x00b", b"Content-Length: 5"),
        (b" folded: x", b"Content-Length: 5"),
    ],
    ids=repr,
)
def test_a_request_whose_end_could_be_taken_for_two_is_refused_and_nothing_after_it_is_heard(port, headers, request):
    if "h11" in request.node.callspec.id and (CHUNKED in headers[:2] or b" folded: x" in headers) and len(headers) == 2:
        pytest.skip(
            "h11 follows the rules of RFC 9112 for a reader that takes such a request, and both readings end here"
        )
    before = tally(port).get(200)
    got = statuses(port.exchange(a_request(chunked(BODY), *headers, length=False) + a_request(BODY), shut=True))

    assert len(got) == 1
    assert 400 <= got[0] < 502
    assert tally(port).get(200) == before


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH"])
def test_other_methods_are_told_which_one_there_is_and_change_nothing(port, method):
    calls = port.call(lambda: list(port.store.calls))

    reply = port.ask(event(APP_ID, "{other-method}", 3), method=method)

    assert (reply.status, reply.headers["allow"]) == (405, "post")
    assert APP_ID.encode() not in reply.body
    assert port.call(lambda: list(port.store.calls)) == calls


def test_head_is_told_the_same_without_a_body(port):
    got = port.exchange(a_request(b"", CLOSE, method=b"HEAD", length=False))

    assert got.startswith(b"HTTP/1.1 405 ")
    assert got.endswith(b"\r\n\r\n")
    assert b"\r\nallow: POST\r\n" in got


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/v1/update", 200),
        (b"/v1/update/?", 200),
        (b"/v1/update/?a=b&c", 200),
        (b"/v1/%75pdate/", 200),
        (b"//v1/update/", 404),
        (b"/v1/update/../update/", 404),
        (b"/v1/update/%00", 404),
        (b"/V1/update/", 404),
    ],
    ids=repr,
)
def test_only_the_two_paths_are_served(port, target, status):
    assert port.ask(BODY, target=target).status == status


@pytest.mark.parametrize(
    "target", [b"http://updates.example/v1/update/", b"*", b"updates.example:443", b"http://updates.example"]
)
def test_targets_in_other_forms_get_an_answer_and_no_traceback(port, target, caplog):
    (status,) = statuses(port.exchange(a_request(BODY, CLOSE, target=target)))

    assert status in {200, 400, 404}
    assert caplog.records == []


def test_http_1_0_is_answered_and_the_connection_ended(port):
    assert statuses(port.exchange(a_request(BODY, version=b"1.0"))) == [200]


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"9.9"])
def test_a_version_that_nobody_speaks_is_refused_or_answered_as_1_1(port, version):
    (status,) = statuses(port.exchange(a_request(BODY, CLOSE, version=version)))

    assert status in {200, 400}


def test_an_offer_to_change_the_protocol_is_not_taken_up(port):
    """As Java's client sends it with each first request."""
    upgrade = (
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    )
    with port.connect() as client:
        client.sendall(a_request(BODY, *upgrade))

        assert public_port.read_reply(client).status == 200
        client.sendall(a_request(BODY))
        assert public_port.read_reply(client).status == 200


@pytest.mark.parametrize(
    "sent", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\x00" * 100]
)
def test_another_protocol_is_refused(port, sent):
    assert statuses(port.exchange(sent, shut=True))[0] in {400, 404, 405}


def test_a_body_that_waits_for_leave_gets_it(port):
    with port.connect() as client:
        client.sendall(a_request(BODY, b"Expect: 100-continue", CLOSE)[: -len(BODY)])
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(BODY)

        assert statuses(public_port.received(client)) == [200]


@pytest.mark.parametrize(
    ("headers", "target", "method", "status"),
    [
        ((b"Content-Length: 97280",), b"/v1/update/", b"POST", 413),
        ((b"Content-Length: 500", b"Content-Encoding: gzip"), b"/v1/update/", b"POST", 415),
        ((b"Content-Length: 500",), b"/other", b"POST", 404),
        ((b"Content-Length: 500",), b"/v1/update/", b"PUT", 405),
    ],
    ids=["too large", "encoded", "path", "method"],
)
def test_a_body_that_waits_for_leave_is_refused_without_being_sent(port, headers, target, method, status):
    head = a_request(b"", b"Expect: 100-continue", *headers, target=target, method=method, length=False)

    # The connection ends with it: whether the body comes after all couldn't be known.
    assert statuses(port.exchange(head)) == [status]


def test_a_client_that_sends_all_of_a_refused_body_gets_its_answer_and_no_reset(port):
    """One that closes under a client that is sending takes the answer away with it."""
    for _ in range(5):
        assert statuses(port.exchange(a_request(b" " * 500_000, b"Content-Type: text/xml"))) == [413]


def test_a_client_that_goes_on_and_on_after_its_refusal_is_cut_off(port):
    with port.connect() as client, pytest.raises((BrokenPipeError, ConnectionResetError)):
        client.sendall(a_request(b" " * LONG))


@pytest.mark.parametrize("piece", [1000, 20_000], ids=["in small pieces", "in large pieces"])
@pytest.mark.parametrize("where", ["target", "header", "headers"])
def test_a_head_that_is_too_long_is_refused(port, where, piece):
    long = {
        "target": b"POST /v1/update/?%b HTTP/1.1\r\n" % (b"x" * 100_000),
        "header": b"POST /v1/update/ HTTP/1.1\r\nX: %b\r\n" % (b"x" * 100_000),
        "headers": b"POST /v1/update/ HTTP/1.1\r\n%b" % (b"A: b\r\n" * 20_000),
    }[where]
    with port.connect() as client:
        for start in range(0, len(long), piece):
            client.sendall(long[start : start + piece])

        assert statuses(public_port.received(client))[0] in {400, 431}


def test_a_client_that_leaves_in_mid_body_is_forgotten(port):
    with port.connect() as client:
        client.sendall(a_request(BODY)[:-5])
        port.wait_until(lambda: port.omaha.service.bodies._begun, "the body is being read")
    port.wait_until(lambda: not port.omaha.service.bodies._begun, "nobody reads it any more")
    port.wait_until(lambda: not port.server.server_state.connections, "the connection is gone")


def test_a_client_that_leaves_before_its_answer_leaves_no_error_behind(port, caplog):
    port.call(lambda: setattr(port.store, "gate", asyncio.Event()))
    try:
        with port.connect() as client:
            before = port.call(lambda: port.store.calls.count("grant"))
            client.sendall(a_request(check(APP_ID, "leaver")))
            port.wait_until(lambda: port.store.calls.count("grant") > before, "the store is asked for a grant")
        port.call(lambda: port.store.gate.set())
        port.wait_until(lambda: not port.server.server_state.tasks, "the request has ended")
        port.wait_until(lambda: not port.server.server_state.connections, "the connection is gone")
    finally:
        port.call(lambda: setattr(port.store, "gate", None))

    assert caplog.records == []
    assert port.ask(BODY).status == 200
