"""CUP: answers that prove where they come from, for clients that ask for the proof."""

import hashlib
import re
import urllib.parse

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from support import cup_keys, omaha_port, omaha_requests
from support.omaha_requests import check, json_check, xml_check

EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
KEY_ID = "7"
NONCES = ["123456789", "deadbeef" * 8, "A-b_c9", "with+plus and/slash="]
PUBLIC = cup_keys.FIXED.public_key()


def asked(cup2key, body, *, hashed=True):
    query = f"cup2key={urllib.parse.quote(cup2key, safe=':')}"
    return f"/v1/update/?{query}" + (f"&cup2hreq={hashlib.sha256(body).hexdigest()}" if hashed else "")


def assert_proves(reply, cup2key, body):
    """The proof is in both headers, and by the client's own arithmetic it is of this request and this answer."""
    proof = reply.headers["x-cup-server-proof"]
    assert reply.headers["etag"] == f'W/"{proof}"'
    assert "no-store" in reply.headers["cache-control"]
    assert re.fullmatch("[0-9a-f]{16,144}:[0-9a-f]{64}", proof)
    signature, _, request_hash = proof.partition(":")
    assert request_hash == hashlib.sha256(body).hexdigest()
    hashed = [hashlib.sha256(body).digest(), hashlib.sha256(reply.body).digest(), cup2key.encode()]
    # Twice hashed: once here, once by the signature's own algorithm.
    inner = hashlib.sha256(b"".join(hashed)).digest()
    PUBLIC.verify(bytes.fromhex(signature), inner, ec.ECDSA(hashes.SHA256()))


@pytest.mark.omaha_point(
    56,
    breaks="Chromium, Omaha 3, Fuchsia: they trust nothing else; the last reads ETag alone, the others X-Cup-Server-Proof",
)
@EVERY_DIALECT
@pytest.mark.parametrize("nonce", NONCES)
def test_an_answer_that_is_asked_for_with_a_nonce_has_a_proof_in_both_headers(omaha, guide_app, protocol, nonce):
    """An answer has a valid proof, in both headers, if the request names a known key and a nonce; an unknown key is a bad request."""
    body = check(protocol, guide_app, machineid="m")

    reply = omaha.ask(body, path=asked(f"{KEY_ID}:{nonce}", body))

    assert omaha_port.offered(reply) == "1.1.0"
    assert_proves(reply, f"{KEY_ID}:{nonce}", body)
    trusted = cup_keys.public(cup_keys.pem(cup_keys.FIXED))
    assert trusted.distrust(f"{KEY_ID}:{nonce}".encode(), body, reply.body, reply.headers["etag"]) is None


@pytest.mark.omaha_point(56)
@EVERY_DIALECT
def test_every_answer_is_proven_whatever_it_says(omaha, guide_app, protocol):
    for members in ({"version": "1.1.0"}, {"track": "nope"}, {"version": "garbage"}, {"appid": "io.foo.unknown"}):
        body = check(protocol, **{"appid": guide_app, "machineid": "m", **members})
        assert_proves(omaha.ask(body, path=asked(f"{KEY_ID}:1", body)), f"{KEY_ID}:1", body)
    body = omaha_requests.in_json(protocol) if protocol != "xml" else omaha_requests.xml()
    assert_proves(omaha.ask(body, path=asked(f"{KEY_ID}:1", body)), f"{KEY_ID}:1", body)


@pytest.mark.omaha_point(56)
@pytest.mark.parametrize(
    ("body", "status"), [(b"<request", 400), (b"{", 400), (b"", 400)], ids=["xml", "json", "nothing"]
)
def test_refusals_are_proven_as_well(omaha, body, status):
    reply = omaha.send(body, path=asked(f"{KEY_ID}:1", body))

    assert reply.status == status
    assert_proves(reply, f"{KEY_ID}:1", body)


@pytest.mark.omaha_point(56)
def test_an_altered_request_is_answered_with_a_proof_of_what_arrived(omaha, guide_app):
    sent, arrived = json_check("3.1", guide_app), json_check("3.1", guide_app, version="1.1.0")

    reply = omaha.ask(arrived, path=asked(f"{KEY_ID}:1", sent))

    assert_proves(reply, f"{KEY_ID}:1", arrived)
    trusted = cup_keys.public(cup_keys.pem(cup_keys.FIXED))
    assert trusted.distrust(f"{KEY_ID}:1".encode(), sent, reply.body, reply.headers["etag"]) is not None


@pytest.mark.omaha_point(56)
@EVERY_DIALECT
def test_nobody_gets_a_proof_who_did_not_ask(omaha, guide_app, protocol):
    reply = omaha.ask(check(protocol, guide_app, machineid="m"), path="/v1/update/?a=cup2key")

    assert reply.headers.keys().isdisjoint({"x-cup-server-proof", "etag"})


@pytest.mark.omaha_point(56)
@pytest.mark.parametrize(
    "cup2key", ["8:1", "77:1", "7", "7:a:b", ":1", "", "..%2F7:1", "7.pem:1", "\x00:1", "7:" + "n" * 5000]
)
def test_an_unknown_key_is_a_bad_request_and_changes_nothing(omaha, guide_app, cup2key):
    before = omaha.answers()

    reply = omaha.send(
        xml_check(guide_app, machineid="m"), path=f"/v1/update/?cup2key={urllib.parse.quote(cup2key, safe=':%')}"
    )

    assert (400 <= reply.status < 500, "etag" in reply.headers) == (True, False)
    assert omaha.answers() == before
