"""What is meant to do harm is refused before it can: at once, with a reason that repeats nothing, and with nothing written down.

Over a real socket, as it would come.
"""

import time

import pytest

from support import omaha_clients_all, public_port
from support.attacks import ATTACKS
from support.omaha_fleet import APP_ID, check
from support.public_port import chunked, replies
from support.public_port import request as a_request
from update_core.omaha import limits

CLOSE = b"Connection: close"
LARGEST = check(APP_ID).ljust(limits.MAX_BODY_BYTES)
ROUNDS = 5


@pytest.fixture(scope="module", params=["httptools", "h11"])
def port(request):
    with public_port.served(request.param) as port:
        yield port


def answered(port, sent):
    (reply,) = replies(port.exchange(sent))
    return reply


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_with_a_reason_and_leaves_no_trace(port, name, caplog):
    body, statuses = ATTACKS[name]
    calls = port.call(lambda: list(port.store.calls))

    for sent in (a_request(body, CLOSE), a_request(chunked(body), CLOSE, b"Transfer-Encoding: chunked", length=False)):
        reply = answered(port, sent)

        assert reply.status in statuses
        if reply.status == 200:
            omaha_clients_all.assert_accepted(body, reply.body, reply.headers["content-type"])
        else:
            assert reply.headers["content-type"] == "text/plain; charset=utf-8"
            assert len(reply.body) < 100
            assert reply.body.isascii()
    assert port.call(lambda: list(port.store.calls)) == calls
    assert caplog.records == []


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_little(port, name):
    """CPU time of the whole process, the test's own included; the fastest of some tries, for it counts what others do, too."""
    sent = a_request(ATTACKS[name][0], CLOSE)
    spent = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        port.exchange(sent)
        spent.append(time.process_time() - begun)

    assert min(spent) < 0.1


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b" deflate", b"br", b"identity, gzip", b"x-unknown"], ids=repr)
def test_an_encoded_body_isnt_decoded(port, encoding):
    assert answered(port, a_request(check(APP_ID), CLOSE, b"Content-Encoding: " + encoding)).status == 415


def test_an_encoding_that_is_none_is_accepted(port):
    assert answered(port, a_request(check(APP_ID), CLOSE, b"Content-Encoding: identity")).status == 200


def test_the_largest_body_is_answered(port):
    assert answered(port, a_request(LARGEST, CLOSE)).status == 200
    assert answered(port, a_request(LARGEST + b" ", CLOSE)).status == 413


def test_a_body_that_says_it_is_large_is_refused_before_it_is_there(port):
    head = a_request(b"", b"Content-Length: %d" % (limits.MAX_BODY_BYTES + 1), length=False)

    assert answered(port, head).status == 413
