"""No client holds up another: neither by being slow, nor by being many, nor by asking for more than can be done.

Over real sockets, with each of the two libraries that uvicorn reads HTTP with.
"""

import asyncio
import contextlib
import socket

import pytest

from omaha_api import patience
from support import cup_keys, public_port, waiting
from support.omaha_fleet import APP_ID, check
from support.public_port import replies
from support.public_port import request as a_request
from update_core.omaha import cup

BODY = check(APP_ID)
SHORT = 0.3


@pytest.fixture(params=["httptools", "h11"])
def http(request):
    return request.param


def statuses(data):
    return [reply.status for reply in replies(data)]


def ends(client):
    """What still comes, and that then the service ends the connection."""
    try:
        return public_port.received(client)
    except ConnectionResetError:
        return b"reset"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(b"", []), (b"P", [408]), (b"POST /v1/update/ HTTP/1.1\r\nHost: a\r\nX-", [408])],
    ids=["nothing", "one byte", "half a head"],
)
def test_a_head_that_doesnt_come_is_waited_for_only_so_long(http, sent, answered):
    with public_port.served(http, limits=patience.Patience(head_seconds=SHORT)) as port, port.connect() as client:
        client.sendall(sent)

        assert statuses(ends(client)) == answered


def test_a_head_that_comes_byte_by_byte_is_waited_for_no_longer(http):
    with public_port.served(http, limits=patience.Patience(head_seconds=SHORT)) as port, port.connect() as client:
        client.settimeout(0.02)
        client.sendall(b"POST /v1/update/ HTTP/1.1\r\n")
        got = b""
        while not got:
            client.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                got = client.recv(1000)

        assert got.startswith(b"HTTP/1.1 408 ")


def test_a_second_head_that_doesnt_come_to_its_end_is_waited_for_only_so_long(http):
    with public_port.served(http, limits=patience.Patience(head_seconds=SHORT)) as port:
        assert statuses(port.exchange(a_request(BODY) + b"POST /v1")) == [200, 408]


def test_a_body_that_stalls_gets_a_reason(http):
    with public_port.served(http, body_timeout_seconds=SHORT) as port:
        assert statuses(port.exchange(a_request(BODY)[:-1])) == [408]


def test_a_body_that_comes_byte_by_byte_is_given_up(http):
    with public_port.served(http, body_timeout_seconds=SHORT) as port, port.connect() as client:
        client.settimeout(0.02)
        client.sendall(a_request(b"", b"Content-Length: 60000", length=False))
        got = b""
        while not got:
            client.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                got = client.recv(1000)

        assert got.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_nobody_reads_isnt_waited_for_either(http):
    """Nor is a connection kept on which a client goes on with what was refused."""
    with public_port.served(http, limits=patience.Patience(linger_seconds=SHORT)) as port, port.connect() as client:
        client.sendall(a_request(b"", b"Content-Length: 60000", target=b"/other", length=False))

        assert statuses(ends(client)) == [404]
        waiting.until(lambda: not port.call(lambda: port.server.server_state.connections), "the connection is gone")


def test_an_idle_connection_is_ended(http):
    limits = patience.Patience(idle_seconds=SHORT)
    with public_port.served(http, limits=limits) as port, port.connect() as client:
        client.sendall(a_request(BODY))

        assert statuses(ends(client)) == [200]


def test_empty_lines_are_no_sign_of_life():
    """httptools reads past them; h11 takes them for a broken request."""
    limits = patience.Patience(idle_seconds=SHORT)
    with public_port.served(limits=limits) as port, port.connect() as client:
        client.settimeout(0.02)
        client.sendall(a_request(BODY))
        assert public_port.read_reply(client).status == 200
        got = None
        while got is None:
            client.sendall(b"\r\n")
            with contextlib.suppress(TimeoutError):
                got = client.recv(1000)

        assert got == b""


def test_a_client_that_never_reads_is_given_up(http):
    limits = patience.Patience(answer_seconds=SHORT, idle_seconds=SHORT, linger_seconds=SHORT)
    # What of its last request has come is a body that stalls, to which h11 gets before it writes.
    served = public_port.served(http, limits=limits, body_timeout_seconds=SHORT)
    with served as port, port.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0.2)
        many = a_request(BODY) * 500
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            for _ in range(200):
                client.sendall(many)

        waiting.until(lambda: not port.call(lambda: port.server.server_state.connections), "the connection is gone")
        waiting.until(lambda: not port.call(lambda: port.server.server_state.tasks), "nobody waits for it")


def test_a_thousand_open_connections_keep_nobody_from_being_served(http):
    opened = [b"", b"POST /v1", a_request(BODY)[:-5]]
    with public_port.served(http) as port, contextlib.ExitStack() as stack:
        for number in range(1000):
            client = stack.enter_context(port.connect())
            client.sendall(opened[number % 3])

        for number in range(20):
            assert port.ask(check(APP_ID, f"among-many-{number}")).status == 200
        assert port.call(lambda: len(port.server.server_state.connections)) >= 1000


def test_beyond_the_most_connections_those_make_room_that_ask_nothing(http):
    with (
        public_port.served(http, limits=patience.Patience(max_connections=20)) as port,
        contextlib.ExitStack() as stack,
    ):
        idle = [stack.enter_context(port.connect()) for _ in range(60)]

        for number in range(20):
            assert port.ask(check(APP_ID, f"new-{number}")).status == 200

        port.wait_until(lambda: len(port.server.server_state.connections) <= 20, "there is room")
        assert len(idle) == 60


def test_a_connection_whose_request_is_being_answered_makes_no_room(http):
    with public_port.served(http, limits=patience.Patience(max_connections=3)) as port, contextlib.ExitStack() as stack:
        port.call(lambda: setattr(port.store, "gate", asyncio.Event()))
        asking = [stack.enter_context(port.connect()) for _ in range(3)]
        for number, client in enumerate(asking):
            client.sendall(a_request(check(APP_ID, f"asking-{number}"), b"Connection: close"))
        port.wait_until(lambda: port.store.calls.count("grant") == 3, "all three wait for the store")

        assert port.exchange() == b""
        port.call(lambda: port.store.gate.set())

        assert [statuses(public_port.received(client)) for client in asking] == [[200]] * 3


class Busy:
    """A service that may answer two at a time, and does."""

    def __init__(self, port, stack):
        port.call(lambda: setattr(port.store, "gate", asyncio.Event()))
        self.waiting = [stack.enter_context(port.connect()) for _ in range(2)]
        for number, client in enumerate(self.waiting):
            client.sendall(a_request(check(APP_ID, f"busy-{number}"), b"Connection: close"))
        port.wait_until(lambda: port.store.calls.count("grant") == 2, "two wait for the store")


def test_who_asks_too_much_of_the_service_is_told_when_to_come_again(http):
    chosen = {"max_requests": 2, "overload_retry_seconds": 77}
    with public_port.served(http, **chosen) as port, contextlib.ExitStack() as stack:
        busy = Busy(port, stack)

        reply = port.ask(check(APP_ID, "one-too-many"))

        assert (reply.status, reply.headers["retry-after"], reply.headers["x-retry-after"]) == (503, "77", "77")
        port.call(lambda: port.store.gate.set())
        assert [statuses(public_port.received(client)) for client in busy.waiting] == [[200], [200]]
        assert port.ask(check(APP_ID, "one-too-many")).status == 200


def test_that_there_is_too_much_to_do_is_signed_for_those_who_trust_nothing_else(http, tmp_path):
    """Fuchsia's client doesn't believe an X-Retry-After without a signature."""
    cup_keys.MountedSecret(tmp_path / "keys", k7=cup_keys.pem(cup_keys.FIXED))
    body = check(APP_ID, "one-too-many")
    query = cup.query("7:nonce", body)
    with (
        public_port.served(http, max_requests=2, cup_keys_dir=tmp_path / "keys") as port,
        contextlib.ExitStack() as stack,
    ):
        Busy(port, stack)

        reply = port.ask(body, target=f"/v1/update/?{query}".encode())
        port.call(lambda: port.store.gate.set())

    assert reply.status == 503
    public = cup_keys.public(cup_keys.pem(cup_keys.FIXED))
    assert public.distrust(b"7:nonce", body, reply.body, reply.headers["x-cup-server-proof"]) is None
