"""CUP-ECDSA: what clients send, what convinces them, and what doesn't."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from support import cup_keys
from update_core.omaha import cup
from update_core.omaha.cup import Distrust
from update_core.omaha.errors import BadRequest

# The values of Chromium's own test, components/client_update_protocol/ecdsa_unittest.cc: key 8, nonce 12345.
CHROMIUM = cup.public_key(
    base64.b64decode(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJNOjKyN6UHyUGkGow+xCmQthQXUo"
        "9sd7RIXSpVIM768UlbGb/5JrnISjSYejCc/pxQooI6mJTzWL3pZb5TA1DA=="
    )
)
REQUEST_A = "2727bc2b3c33feb6800a830f4055901dd87d65a84184c5fbeb3f816db0a243f5"
REQUEST_B = "80e3ef1b373efe5f2a8383a0cf9c89fb2e0cbb8e85db4813655ff5dc05009e7e"
R, S = (
    "02207fb15d24e66c168ac150458c7ae51f843c4858e27d41be3f9396d4919bbd5656",
    "02202291bae598e4a41118ea1df24ce8494d4055b2842dc046e0223f5e17e86bd10e",
)
SIGNATURE = f"3044{R}{S}"
ANOTHER = (
    "3045022077a2d004f1643a92af5d356877c3434c46519ce32882d6e30ef6d154ee9775e3"
    "022100aca63c77d34152bdc0918ae0629e82b59314e5459f607cdc5ac95f1a4b7c31a2"
)
OVER_REQUEST_B = (
    "304402206289a7765f0371c7c48796779747f1166707d5937a99af518845f44af958768c0"
    "220139fe935fde3e6b416ee742f91c6a480113762d78d889a2661de37576866d21c"
)
OVER_ANOTHER_NONCE = (
    "3046022100d3bbb1fb4451c8e04a07fe95404cc39121ed0e0bc084f87de19d52eee50a97bf"
    "022100dd7d41d467be2af98d9116b0c7ba09740d54578c02a02f74da5f089834be3403"
)

KEY = cup.SigningKey(cup_keys.FIXED)


def chromium(proof, response=b"Response_A"):
    return CHROMIUM.distrust(b"8:12345", b"Request_A", response, proof)


@pytest.mark.parametrize("signature", [SIGNATURE, ANOTHER], ids=["parsing", "signing"])
@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"'], ids=["bare", "quoted", "weak"])
def test_chromium_s_valid_proofs_are_trusted_in_every_form_of_the_header(signature, form):
    assert chromium(form.format(f"{signature}:{REQUEST_A}")) is None
    assert chromium(form.format(f"{signature}:{REQUEST_A}").upper()) is None


@pytest.mark.parametrize(
    ("response", "proof", "reason"),
    [
        (b"Response_B", f"{ANOTHER}:{REQUEST_A}", Distrust.WRONG_SIGNATURE),
        (b"Response_B", f"{OVER_REQUEST_B}:{REQUEST_B}", Distrust.REQUEST_ALTERED),
        (b"Response_B", f"{OVER_REQUEST_B}:{REQUEST_A}", Distrust.WRONG_SIGNATURE),
        (b"Response_A", f"{OVER_ANOTHER_NONCE}:{REQUEST_A}", Distrust.WRONG_SIGNATURE),
    ],
    ids=["response altered", "request altered", "request altered, hash not", "another nonce"],
)
def test_chromium_s_forgeries_are_not_trusted(response, proof, reason):
    assert chromium(proof, response) is reason


@pytest.mark.parametrize(
    "proof",
    [
        "",
        ":",
        f"{SIGNATURE}:",
        f":{REQUEST_A}",
        f"{SIGNATURE.replace('8c7a', '__7a')}:{REQUEST_A}",
        f"{SIGNATURE}:{REQUEST_A.replace('d8', '__')}",
        f"{SIGNATURE[:-1]}:{REQUEST_A}",
        f"{SIGNATURE}:{REQUEST_A[:-1]}",
        f"{SIGNATURE}:{REQUEST_A[:-2]}",
        f"{SIGNATURE}:{REQUEST_A}ff",
        f"0500:{REQUEST_A}",
        f"3048{'202207' + 'ff' * 31}{'202207' + 'ff' * 40}:{REQUEST_A}",
        f'"{SIGNATURE}:{REQUEST_A}',
        f'{SIGNATURE}:{REQUEST_A}"',
        f"{SIGNATURE}:{REQUEST_A}\n",
    ],
)
def test_what_isn_t_written_as_a_proof_is_none(proof):
    assert chromium(proof) is Distrust.MALFORMED_PROOF


@pytest.mark.parametrize(
    "signature",
    [
        "0406020100020100",
        f"3044{R.replace('0220', '0620', 1)}{S.replace('0220', '0620', 1)}",
        f"304602047fffffff0220{'ff' * 32}",
        f"3044{'0220' + '7f' + 'ff' * 30}{R}",
        f"3044{'0220' + '7f' + 'ff' * 31 + '00'}{R}",
        f"3044{'0220' + '00007f24' + R[12:]}{S}",
        "3000000000000000",
    ],
    ids=["no sequence", "no integers", "negative", "cut", "too long", "padded", "empty sequence"],
)
def test_what_isn_t_encoded_as_a_signature_is_none(signature):
    assert chromium(f"{signature}:{REQUEST_A}") is Distrust.WRONG_SIGNATURE


def test_a_proof_is_the_same_each_time_it_is_made():
    challenge = cup.Challenge(b"8:12345", "8")

    assert KEY.proof(challenge, b"Request_A", b"Response_A") == (
        "304502210087587c0f719b4dbd8e0998fda272823c60e8ff6c3da6688f3d717d718f7c1841"
        f"022024be91d8d631891b3f1933333c16d332237bd1238b57260fc143a4085721cab6:{REQUEST_A}"
    )


@given(st.binary(), st.binary(), st.binary(min_size=1))
def test_what_is_signed_is_trusted(request, response, nonce):
    challenge = cup.Challenge(b"8:" + nonce, "8")
    proof = KEY.proof(challenge, request, response)

    assert KEY.public.distrust(challenge.cup2key, request, response, proof) is None
    assert 8 <= len(bytes.fromhex(proof.partition(":")[0])) <= 72


@given(st.data())
def test_any_changed_byte_of_what_was_exchanged_is_noticed(data):
    exchange = {
        "cup2key": b"8:" + data.draw(st.binary(min_size=1, max_size=40)),
        "request": data.draw(st.binary(min_size=1, max_size=200)),
        "response": data.draw(st.binary(min_size=1, max_size=200)),
    }
    proof = KEY.proof(cup.Challenge(exchange["cup2key"], "8"), exchange["request"], exchange["response"])
    part = data.draw(st.sampled_from(sorted(exchange)))
    changed = bytearray(exchange[part])
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))

    assert KEY.public.distrust(**{**exchange, part: bytes(changed)}, proof=proof) in {
        Distrust.REQUEST_ALTERED,
        Distrust.WRONG_SIGNATURE,
    }


@given(st.integers(min_value=0), st.sampled_from("0123456789abcdef"))
def test_any_changed_digit_of_a_proof_is_noticed(position, digit):
    proof = KEY.proof(cup.Challenge(b"8:1", "8"), b"Request_A", b"Response_A")
    at = position % len(proof)
    changed = proof[:at] + digit + proof[at + 1 :]

    assert (KEY.public.distrust(b"8:1", b"Request_A", b"Response_A", changed) is None) == (changed == proof)


@given(st.text())
def test_any_text_for_a_proof_is_judged(proof):
    assert KEY.public.distrust(b"8:1", b"Request_A", b"Response_A", proof) is Distrust.MALFORMED_PROOF


def test_another_key_s_signature_is_not_trusted():
    proof = cup.signing_key(cup_keys.pem()).proof(cup.Challenge(b"8:1", "8"), b"request", b"response")

    assert KEY.public.distrust(b"8:1", b"request", b"response", proof) is Distrust.WRONG_SIGNATURE


@pytest.mark.parametrize(
    ("query", "cup2key", "key_id", "cup2hreq"),
    [
        (b"cup2key=8:12345", b"8:12345", "8", ""),
        (b"cup2key=8:12345&cup2hreq=AB12", b"8:12345", "8", "ab12"),
        (b"source=a&cup2key=14:x-_Y&cup2hreq=ab", b"14:x-_Y", "14", "ab"),
        (b"cup2key=8%3A12345", b"8:12345", "8", ""),
        (b"cup2key=8:1+2%2B3%20", b"8:1+2+3 ", "8", ""),
        (b"cup2key=a:b:c", b"a:b:c", "a:b", ""),
        (b"cup2key=ML-DSA-44-16:n", b"ML-DSA-44-16:n", "ML-DSA-44-16", ""),
        (b"cup2key=18446744073709551615:" + b"f" * 64, b"18446744073709551615:" + b"f" * 64, "18446744073709551615", ""),
        (b"cup2key=8:1=2", b"8:1=2", "8", ""),
        (b"cup2key=8:%ff", b"8:\xff", "8", ""),
        (b"cup2key=%ff:1&cup2hreq=%ff", b"\xff:1", "\ufffd", "\ufffd"),
        (b"cup2key=8:", b"8:", "8", ""),
    ],
)  # fmt: skip
def test_the_challenge_is_read_verbatim_from_the_query(query, cup2key, key_id, cup2hreq):
    assert cup.read_challenge(query) == cup.Challenge(cup2key, key_id, cup2hreq)


@pytest.mark.parametrize("query", [b"", b"a=b", b"cup2hreq=ab", b"xcup2key=8:1", b"CUP2KEY=8:1", b"cup2key"])
def test_a_query_without_cup2key_asks_for_no_proof(query):
    assert cup.read_challenge(query) is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (b"cup2key=", "cup2key isn't <key id>:<nonce>"),
        (b"cup2key=8", "cup2key isn't <key id>:<nonce>"),
        (b"cup2key=:12345", "cup2key isn't <key id>:<nonce>"),
        (b"cup2key=8:1&cup2key=8:2", "the query has more than one cup2key"),
        (b"cup2key=8:1&cup2hreq=a&cup2hreq=b", "the query has more than one cup2hreq"),
        (b"cup2key=8:" + b"1" * 1023, "cup2key is longer than 1024 bytes"),
    ],
    ids=["empty", "no colon", "no key id", "twice", "two hashes", "long"],
)
def test_a_cup2key_that_is_none_is_refused(query, reason):
    with pytest.raises(BadRequest, match=reason) as caught:
        cup.read_challenge(query)

    assert caught.value.http_status == 400


@given(st.binary(max_size=100))
def test_any_query_is_read_or_refused(query):
    try:
        challenge = cup.read_challenge(b"cup2key=" + query)
    except BadRequest:
        return
    assert challenge is not None


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1), st.binary())
def test_what_a_client_writes_is_what_is_read(nonce, request):
    sent = f"8:{nonce}"

    challenge = cup.read_challenge(cup.query(sent, request).encode())

    assert challenge is not None
    assert (challenge.cup2key, challenge.is_of(request)) == (sent.encode(), True)


def test_a_request_that_was_altered_on_its_way_is_recognized_where_the_client_says_what_it_sent():
    sent = cup.read_challenge(b"cup2key=8:1&cup2hreq=" + hashlib.sha256(b"sent").hexdigest().upper().encode())
    silent = cup.read_challenge(b"cup2key=8:1")

    assert sent is not None
    assert silent is not None
    assert [sent.is_of(b"sent"), sent.is_of(b"altered"), silent.is_of(b"altered")] == [True, False, True]


def test_the_proof_stands_in_both_headers_and_no_cache_keeps_it():
    assert cup.headers("ab:cd") == (
        (b"x-cup-server-proof", b"ab:cd"),
        (b"etag", b'W/"ab:cd"'),
        (b"cache-control", b"no-store"),
    )


def private(key, form=serialization.PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption())


# What `openssl ecparam -genkey` writes before the key.
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


@pytest.mark.parametrize(
    "pem",
    [
        private(cup_keys.FIXED),
        private(cup_keys.FIXED, serialization.PrivateFormat.TraditionalOpenSSL),
        PARAMETERS + private(cup_keys.FIXED, serialization.PrivateFormat.TraditionalOpenSSL),
    ],
    ids=["PKCS #8", "SEC 1", "as openssl writes it"],
)
def test_a_private_key_is_read_in_the_forms_that_tools_write(pem):
    assert cup.signing_key(pem).public == KEY.public


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"", "isn't a private key in PEM"),
        (b"nonsense", "isn't a private key in PEM"),
        (KEY.public.pem.encode(), "isn't a private key in PEM"),
        (private(cup_keys.FIXED, encryption=serialization.BestAvailableEncryption(b"x")), "without a password"),
        (private(ec.generate_private_key(ec.SECP384R1())), "isn't a key on the curve P-256"),
        (private(ed25519.Ed25519PrivateKey.generate()), "isn't a key on the curve P-256"),
        (private(rsa.generate_private_key(65537, 2048)), "isn't a key on the curve P-256"),
    ],
    ids=["empty", "nonsense", "public", "encrypted", "another curve", "Ed25519", "RSA"],
)
def test_what_can_t_sign_for_cup_is_refused_with_the_reason(pem, reason):
    with pytest.raises(ValueError, match=reason):
        cup.signing_key(pem)


@pytest.mark.parametrize("encoded", [KEY.public.der, KEY.public.pem.encode()], ids=["DER", "PEM"])
def test_a_public_key_is_read_back_in_the_forms_that_clients_have(encoded):
    assert cup.public_key(encoded) == KEY.public
    assert (len(KEY.public.der), len(KEY.public.point), KEY.public.point[0]) == (91, 65, 4)


@pytest.mark.parametrize(
    "encoded", [b"", b"-----BEGIN", KEY.public.point, private(cup_keys.FIXED)], ids=["empty", "cut", "point", "private"]
)
def test_what_is_no_public_key_is_refused(encoded):
    with pytest.raises(ValueError, match="isn't a public key in PEM or DER"):
        cup.public_key(encoded)
