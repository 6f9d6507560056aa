"""How much a request may be, in which forms it may come, and when clients are told to come later."""

import resource
import socket

import pytest

from support import omaha_fleet, omaha_port, omaha_requests, public_port
from support.omaha_process import OmahaProcess, running
from support.omaha_requests import UPDATECHECK, json_check, xml, xml_app, xml_check, xml_event

EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
KIB, MIB = 1024, 1024 * 1024
CHUNKED = b"Transfer-Encoding: chunked"


def exchange(omaha, *pieces):
    """The answer to these bytes."""
    with connected(omaha) as client:
        for piece in pieces:
            client.sendall(piece)
        return public_port.read_reply(client)


def connected(omaha):
    return socket.create_connection(("127.0.0.1", omaha.port), timeout=30)


def filled(body, size):
    """The request with white space behind it, up to a size."""
    return body + b" " * (size - len(body))


@pytest.mark.omaha_point(
    57, breaks="Chromium, Omaha 3, Fuchsia: told nothing, they come back at once, and keep an overloaded service down"
)
@pytest.mark.parametrize("wanted", [1, 600, 86400])
def test_clients_that_are_to_stay_away_are_told_for_how_many_seconds(omaha, fleet, app_id, wanted):
    """An answer that sends clients away says for how long: an integer of seconds from 1 to 86400 in X-Retry-After."""
    fleet.roll_out("1.1.0", application={"retryAfterSeconds": 7200}, retryAfterSeconds=wanted)

    for protocol in ("xml", "3.0", "3.1", "4.0"):
        reply = omaha.expect("Offer", omaha_requests.check(protocol, app_id, machineid="m"))
        assert reply.headers["x-retry-after"] == str(wanted)


@pytest.mark.omaha_point(57)
def test_nobody_is_sent_away_without_a_reason(omaha, guide_app):
    reply = omaha.ask(xml_check(guide_app, machineid="m"))

    assert reply.headers.keys().isdisjoint({"x-retry-after", "retry-after"})


@pytest.mark.omaha_point(57)
def test_an_event_that_cannot_be_recorded_is_asked_for_again_later(control_plane, fleet, app_id, tmp_path):
    with running(OmahaProcess(tmp_path, ["--kubeconfig", str(control_plane.kubeconfig)])) as process:
        omaha = omaha_port.OmahaPort(process.start())
        fleet.roll_out("1.1.0")
        omaha.expect("Offer", xml_check(app_id, machineid="m"))
        # As a full disk: no file may grow.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

        reply = omaha.send(xml_check(app_id, xml_event(14), machineid="m"))

    assert reply.status == 503
    assert reply.headers["retry-after"] == reply.headers["x-retry-after"]
    assert 1 <= int(reply.headers["x-retry-after"]) <= 86400


@pytest.mark.omaha_point(
    59, breaks="every client, when one fills the service's memory; go-omaha and Chromium take answers up to 1 MiB"
)
@pytest.mark.parametrize(
    "head", [b"Content-Length: 65537", b"Content-Length: 10737418240"], ids=["a byte too many", "10 GiB"]
)
def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(omaha, head):
    """A body of more than 64 KiB gets 413 before anything is parsed; below that it may come in chunks, and after a 100 Continue."""
    reply = exchange(omaha, public_port.request(b"", head, length=False))

    assert reply.status == 413
    assert reply.headers["connection"] == "close"


@pytest.mark.omaha_point(59)
@EVERY_DIALECT
def test_64_kib_are_read_and_a_byte_more_is_not(omaha, guide_app, protocol):
    body = omaha_requests.check(protocol, guide_app, machineid="m")

    assert omaha_port.offered(omaha.ask(filled(body, 64 * KIB))) == "1.1.0"
    assert omaha.send(filled(body, 64 * KIB + 1)).status == 413
    # It isn't what is wrong with the document that is said.
    assert omaha.send(filled(b"<", 95 * KIB)).status == 413


@pytest.mark.omaha_point(59)
@EVERY_DIALECT
@pytest.mark.parametrize("size", [1, 7, 1000], ids=["bytes", "small chunks", "large chunks"])
def test_a_chunked_body_is_put_together(omaha, guide_app, protocol, size):
    body = omaha_requests.check(protocol, guide_app, machineid="m")
    pieces = [body[place : place + size] for place in range(0, len(body), size)]

    chunked = public_port.chunked(*pieces, trailers=b"X-Checksum: none\r\n")
    reply = exchange(omaha, public_port.request(b"", CHUNKED, length=False), *_halves(chunked))

    omaha_port.accepted(body, reply)
    assert (reply.status, omaha_port.offered(reply)) == (200, "1.1.0")


def _halves(data):
    return data[: len(data) // 2], data[len(data) // 2 :]


@pytest.mark.omaha_point(59)
def test_a_chunked_body_is_bounded_as_it_comes(omaha):
    head = public_port.request(b"", CHUNKED, length=False)
    endless = [b"400\r\n" + b" " * KIB + b"\r\n"] * 65

    reply = exchange(omaha, head, *endless)

    assert reply.status == 413


@pytest.mark.omaha_point(59)
@EVERY_DIALECT
def test_a_client_that_waits_for_100_continue_gets_it_and_its_answer(omaha, guide_app, protocol):
    body = omaha_requests.check(protocol, guide_app, machineid="m")
    with connected(omaha) as client:
        client.sendall(public_port.request(body, b"Expect: 100-continue").removesuffix(body))
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += client.recv(1)
        assert said.startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        reply = omaha_port.accepted(body, public_port.read_reply(client))

    assert (reply.status, omaha_port.offered(reply)) == (200, "1.1.0")


@pytest.mark.omaha_point(59)
def test_a_client_that_waits_with_too_large_a_body_is_told_at_once(omaha):
    reply = exchange(omaha, public_port.request(b"", b"Expect: 100-continue", b"Content-Length: 70000", length=False))

    assert reply.status == 413


SHA256 = omaha_fleet.SHA256
LARGEST = {
    "url": "https://updates.example/" + "u" * 1990 + "/update.gz",
    "sha1": "f8b5d78e268f91e6032c7a0d2a57fd6ab4c1be79",
    "signature": "A" * 4096,
    "mirrors": [f"https://{number}.example/" + "m" * 2000 + "/" for number in range(8)],
    "extraFiles": [{"name": f"{number:02}" + "e" * 250, "size": 2**53 - 1, "sha256": SHA256} for number in range(32)],
    "actions": [{"event": "install", "run": "r" * 1024, "arguments": "a" * 4096} for _ in range(8)],
}


@pytest.mark.omaha_point(59)
@EVERY_DIALECT
def test_no_answer_is_larger_than_clients_take(omaha, fleet, app_id, protocol):
    fleet.roll_out("1.1.0", payload=LARGEST)
    alone = omaha.expect("Offer", xml_check(app_id, machineid="m"))
    assert 50 * KIB < len(alone.body) < MIB

    if protocol == "xml":
        body = xml(*[xml_app(app_id, UPDATECHECK, machineid="m")] * 64)
    else:
        body = omaha_requests.in_json(protocol, *[omaha_requests.json_app(app_id, machineid="m")] * 64)
    reply = omaha.send(body)

    # Whoever finds no room is offered the update when it asks again.
    assert reply.status == 200
    offered = reply.body.count(b"1.1.0")
    assert offered == 0 if protocol == "4.0" else 0 < offered < 64  # 4.0 has no word for extra files
    assert len(reply.body) < MIB


@pytest.mark.omaha_point(59)
@EVERY_DIALECT
def test_as_many_applications_as_may_be_asked_for_at_once_are_answered(omaha, guide_app, protocol):
    events = [{"eventtype": 3, "eventresult": 2}] * 5
    if protocol == "xml":
        body = xml(*[xml_app(guide_app, UPDATECHECK, *[xml_event(3, 2)] * 5, machineid="m")] * 64)
    else:
        name = "events" if protocol == "4.0" else "event"
        body = omaha_requests.in_json(
            protocol, *[omaha_requests.json_app(guide_app, machineid="m", **{name: events})] * 64
        )

    assert len(omaha.ask(body).body) < MIB


@pytest.mark.omaha_point(59)
def test_what_is_compressed_is_refused(omaha, guide_app):
    for encoding in ("gzip", "br", "deflate"):
        assert omaha.send(json_check("3.1", guide_app), headers={"Content-Encoding": encoding}).status == 415
