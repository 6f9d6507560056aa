"""The fleet API's port on real TLS: whoever comes gets an HTTP answer, and only the front proxy a good one."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import logging
import socket
import ssl
import struct

import pytest
import uvloop
from OpenSSL import SSL

from support import fleet_tls_server, front_proxies, waiting
from support.fleet_tls_server import NAME, ask

MIB = 1 << 20


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with fleet_tls_server.serve(tmp_path_factory.mktemp("fleet")) as port:
        yield port


@pytest.fixture
def own_port(tmp_path):
    with fleet_tls_server.serve(tmp_path) as port:
        yield port


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Nothing that a client does puts a traceback in the log."""
    yield
    loud = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR or record.exc_info]
    assert [record.getMessage() for record in loud] == []


@pytest.fixture
def proxy(port):
    """An open connection of the front proxy."""
    with contextlib.closing(port.connect(port.proxies.issue(NAME))) as connection:
        yield connection


@pytest.mark.parametrize(
    "issue",
    [
        pytest.param(lambda port: None, id="no certificate"),
        pytest.param(lambda port: front_proxies.Authority("front-proxy").issue(NAME), id="wrong CA"),
        pytest.param(lambda port: port.servers.issue(NAME), id="the CA of our own certificate"),
        pytest.param(lambda port: port.proxies.issue("somebody"), id="right CA, wrong CN"),
        pytest.param(lambda port: port.proxies.issue(NAME, valid_for=-front_proxies.DAY), id="expired"),
        pytest.param(lambda port: port.proxies.issue(NAME, usage=front_proxies.FOR_SERVERS), id="for servers"),
    ],
)
def test_forged_headers_from_anybody_else_are_a_401(port, issue):
    forged = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
    with contextlib.closing(port.connect(issue(port))) as connection:
        status, answer = ask(connection, forged)

    assert status == 401
    assert answer == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
        "reason": "Unauthorized", "code": 401,
    }  # fmt: skip


def test_who_is_refused_in_the_middle_of_an_upload_gets_to_read_why(port):
    with contextlib.closing(port.connect(None)) as connection:
        connection.request("POST", "/digest", bytes(8 * MIB))
        assert connection.getresponse().status == 401


def test_the_front_proxy_speaks_for_its_users_one_request_after_the_other(port, proxy):
    proxy.request("GET", "/whoami", headers={"X-Remote-User": "ada", "X-Remote-Extra-Scopes": "all"})
    first = json.loads(proxy.getresponse().read())
    proxy.putrequest("GET", "/whoami")
    for name, value in [("X-Remote-User", "bob"), ("X-Remote-Group", "ops"), ("X-Remote-Group", "dev")]:
        proxy.putheader(name, value)
    proxy.endheaders()
    second = json.loads(proxy.getresponse().read())

    assert (first["user"], first["groups"], first["extra"]) == ("ada", [], {"scopes": ["all"]})
    assert (second["user"], second["groups"], second["extra"]) == ("bob", ["ops", "dev"], {})
    assert first["certificate"] == f"CN={NAME}"
    assert first["error"] is not None


def test_the_front_proxy_without_a_user_is_a_401(proxy):
    assert ask(proxy, {"X-Remote-Group": "system:masters"})[0] == 401


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_both_versions_of_tls_work_on_both_loops(tmp_path, version, loop):
    with fleet_tls_server.serve(tmp_path, loop) as port:
        context = port.context(port.proxies.issue(NAME))
        context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection(("127.0.0.1", port.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as talk,
        ):
            body = bytes(range(256)) * 4096 * 3
            talk.sendall(b"POST /digest HTTP/1.1\r\nX-Remote-User: ada\r\nConnection: close\r\n")
            talk.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            answer = json.loads(b"".join(iter(lambda: talk.recv(65536), b"")).partition(b"\r\n\r\n")[2])
            assert talk.version() == version.name.replace("_", ".")
    assert answer["sha256"] == hashlib.sha256(body).hexdigest()


def test_older_tls_is_refused(port):
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", port.port), timeout=20) as plain:
        talk = SSL.Connection(context, plain)
        plain.setblocking(True)
        talk.set_connect_state()
        with pytest.raises(SSL.Error):
            talk.do_handshake()


def test_the_client_can_not_renegotiate(port):
    issued = port.proxies.issue(NAME)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate(issued.certificate)
    context.use_privatekey(issued.key)
    with socket.create_connection(("127.0.0.1", port.port), timeout=20) as plain:
        plain.setblocking(True)
        talk = SSL.Connection(context, plain)
        talk.set_connect_state()
        talk.do_handshake()
        talk.renegotiate()

        with pytest.raises(SSL.Error, match="no renegotiation"):
            talk.do_handshake()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_a_session_is_never_resumed(port, version):
    context = port.context(port.proxies.issue(NAME))
    context.minimum_version = context.maximum_version = version
    session = None
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", port.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as talk,
        ):
            talk.sendall(b"GET /whoami HTTP/1.1\r\nX-Remote-User: ada\r\nConnection: close\r\n\r\n")
            assert b" 200 " in b"".join(iter(lambda: talk.recv(65536), b""))
            assert not talk.session_reused
            session = talk.session


def test_large_bodies_arrive_whole(proxy):
    body = bytes(range(256)) * (8 * MIB // 256)
    proxy.request("POST", "/digest", body, fleet_tls_server.ADA)

    answer = json.loads(proxy.getresponse().read())

    assert (answer["size"], answer["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_slow_reader_gets_it_all_and_holds_up_nobody(port, proxy):
    with port.socket(port.proxies.issue(NAME)) as slow:
        slow.sendall(b"GET /zeros/%d HTTP/1.1\r\nX-Remote-User: ada\r\nConnection: close\r\n\r\n" % (32 * MIB))
        received = len(slow.recv(1000))
        assert ask(proxy)[0] == 200
        received += sum(map(len, iter(lambda: slow.recv(MIB), b"")))

    assert 32 * MIB < received < 33 * MIB


def test_what_a_slow_reader_does_not_read_is_not_held_in_memory(own_port):
    """The application is paused at some hundred KiB: none of them has sent all it has."""
    with port_sockets(own_port, 1) as (slow,):
        slow.sendall(b"GET /zeros/%d HTTP/1.1\r\nX-Remote-User: ada\r\n\r\n" % (256 * MIB))
        slow.recv(1000)
        (protocol,) = waiting.until(lambda: list(own_port.server.server_state.connections))

        waiting.until(lambda: protocol.flow.write_paused, "the application is paused")

        assert protocol.transport.get_write_buffer_size() < MIB


def test_many_records_in_one_segment_are_all_read(port):
    with port.socket(port.proxies.issue(NAME)) as talk:
        request = b"POST /digest HTTP/1.1\r\nX-Remote-User: ada\r\nConnection: close\r\nContent-Length: 2000\r\n\r\n"
        for piece in [request, *[b"x"] * 2000]:
            talk.sendall(piece)
        answer = b"".join(iter(lambda: talk.recv(65536), b""))

    assert hashlib.sha256(b"x" * 2000).hexdigest().encode() in answer


@pytest.mark.parametrize("size", [0, 100], ids=["idle", "in the middle of a request"])
def test_a_client_may_hang_up_half_way(port, size):
    with port.socket(port.proxies.issue(NAME)) as talk:
        if size:
            talk.sendall(b"POST /digest HTTP/1.1\r\nX-Remote-User: ada\r\nContent-Length: 1000\r\n\r\n" + b"x" * size)
        # Of TCP alone: the method of SSLSocket would also forget the session.
        socket.socket.shutdown(talk, socket.SHUT_WR)
        assert talk.recv(100) == b""
    if size:
        assert port.unfinished.acquire(timeout=20)


def test_who_says_good_bye_is_told_good_bye(port):
    with port.socket(port.proxies.issue(NAME)) as talk:
        talk.unwrap().close()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(100_000)],
    ids=["nothing", "plain HTTP", "a broken hello", "zeros"],
)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_what_is_not_tls_is_dropped_quietly(port, proxy, sent, reset):
    with socket.create_connection(("127.0.0.1", port.port), timeout=20) as plain:
        with contextlib.suppress(OSError):
            plain.sendall(sent)
        if reset:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert ask(proxy)[0] == 200


@pytest.mark.parametrize("after", [1, 2], ids=["after the hello", "after the answer"])
def test_a_connection_reset_in_the_handshake_is_dropped_quietly(port, proxy, after):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = port.context(port.proxies.issue(NAME)).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", port.port), timeout=20) as plain:
        for _ in range(after):
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            plain.sendall(outgoing.read()[: 40 if after > 1 else None])
            incoming.write(plain.recv(65536) if after == 1 else b"")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert ask(proxy)[0] == 200


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(b"", b""), (b"GET /whoami HTTP/1.1\r\nX-Remote-", b"HTTP/1.1 408 Request Timeout")],
    ids=["nothing", "half a request"],
)
def test_who_connects_and_asks_nothing_is_not_waited_for(tmp_path, sent, answered):
    with fleet_tls_server.serve(tmp_path, head_seconds=0.5) as port, port.socket(None) as talk:
        talk.sendall(sent)
        assert b"".join(iter(lambda: talk.recv(1000), b"")).partition(b"\r\n")[0] == answered


def test_an_answer_may_take_longer_than_a_question(tmp_path):
    with fleet_tls_server.serve(tmp_path, head_seconds=0.5) as port, port.socket(port.proxies.issue(NAME)) as talk:
        talk.sendall(b"POST /digest HTTP/1.1\r\nX-Remote-User: ada\r\nContent-Length: 1\r\n\r\n")
        talk.settimeout(1.0)
        with pytest.raises(TimeoutError):
            talk.recv(100)
        talk.settimeout(20)
        talk.sendall(b"x")
        assert b" 200 " in talk.recv(1000)


def test_many_connections_at_once(port):
    context = port.context(port.proxies.issue(NAME))

    def one(number):
        connection = http.client.HTTPSConnection("127.0.0.1", port.port, timeout=20, context=context)
        with contextlib.closing(connection):
            return [ask(connection, {"X-Remote-User": f"user-{number}"})[1]["user"] for _ in range(5)]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(200)))

    assert answers == [[f"user-{number}"] * 5 for number in range(200)]


def test_a_new_authority_ends_the_old_certificate_on_open_connections_too(own_port):
    successor = front_proxies.Authority("front-proxy")
    with contextlib.closing(own_port.connect(own_port.proxies.issue(NAME))) as old:
        assert ask(old)[0] == 200

        own_port.front_proxy.follow(front_proxies.configmap(successor))

        old.auto_open = False
        assert ask(old)[0] == 401
        with contextlib.closing(own_port.connect(successor.issue(NAME))) as new:
            assert ask(new)[0] == 200
        # It is closed, so that a proxy connects anew, with the certificate that it has by now.
        assert old.sock is None


def test_our_own_certificate_is_replaced_without_a_restart(own_port, caplog):
    caplog.set_level(logging.INFO)
    issued = own_port.proxies.issue(NAME)

    def shown():
        with own_port.socket(issued) as talk:
            return talk.getpeercert()["serialNumber"]

    with contextlib.closing(own_port.connect(issued)) as open_before:
        before = shown()
        key = own_port.key.read_text()
        own_port.new_serving_certificate()
        new_key = own_port.key.read_text()
        own_port.key.write_text(key)

        assert [shown(), shown()] == [before, before]
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
            f"the serving certificate stays the one before: {own_port.key} isn't the key of {own_port.certificate}"
        ]

        own_port.key.unlink()
        assert shown() == before
        own_port.key.write_text(new_key)
        assert shown() != before
        assert ask(open_before)[0] == 200


@contextlib.contextmanager
def port_sockets(port, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(port.socket(port.proxies.issue(NAME))) for _ in range(count)]
