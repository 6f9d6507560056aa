"""How does a client know that an answer is the service's, and to what it really asked? CUP-ECDSA, the Client Update Protocol.

The client names a key and a nonce in the query, `cup2key=<key id>:<nonce>`. The service signs a hash over request, response and that
value, and the client, which has the public key built in, checks it. It keeps nothing secret, and doesn't say who the client is.

    signed  = SHA-256( SHA-256(request body) | SHA-256(response body) | cup2key )
    proof   = hex(ECDSA-P256-SHA256(signed)) ":" hex(SHA-256(request body))

Signing is deterministic (RFC 6979), so it needs no randomness and the same exchange always has the same proof.
"""

import enum
import hashlib
import re
from dataclasses import dataclass
from urllib import parse

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from update_core.omaha.errors import BadRequest

MAX_CUP2KEY_LENGTH = 1024
"""Bytes of a `cup2key`, as sent. Chromium's has about fifty, Fuchsia's at most 85."""

KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key may be called: a number for all clients of today, but the protocol takes any text. No colon, so that it has one end."""

Headers = tuple[tuple[bytes, bytes], ...]

# What is signed is a hash already, and is hashed once more: so the clients' code has it, against the protocol's description.
_VERIFYING = ec.ECDSA(hashes.SHA256())

# Chromium takes a signature of 8 to 72 bytes, and the whole bare, in quotes, or as a weak ETag.
_PROOF = re.compile(
    r"(?:W/)?(?P<quote>\"?)(?P<signature>(?:[0-9A-Fa-f]{2}){8,72}):(?P<request>[0-9A-Fa-f]{64})(?P=quote)"
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a client wants signed besides the messages: its `cup2key`, percent-decoded and otherwise byte for byte as sent.

    `cup2hreq` is the hash of the body that it sent, in hex; "" if it doesn't say.
    """

    cup2key: bytes
    key_id: str
    cup2hreq: str = ""

    def is_of(self, request: bytes) -> bool:
        """Whether this is the body that was sent, as far as the client says."""
        return not self.cup2hreq or self.cup2hreq == hashlib.sha256(request).hexdigest()


def read_challenge(query_string: bytes) -> Challenge | None:
    """The challenge in a raw query string; None if there is none.

    Raises:
        BadRequest: a `cup2key` that is none, or more than one.
    """
    if b"cup2key=" not in query_string:
        return None
    values: dict[bytes, bytes] = {}
    for parameter in query_string.split(b"&"):
        name, _, value = parameter.partition(b"=")
        if name in {b"cup2key", b"cup2hreq"}:
            # Which of two was meant is for the client to say, and a proof over the wrong one is worth nothing to it.
            if name in values:
                raise BadRequest(f"the query has more than one {name.decode()}")
            values[name] = value
    sent = values.get(b"cup2key")
    if sent is None:
        return None
    if len(sent) > MAX_CUP2KEY_LENGTH:
        raise BadRequest(f"cup2key is longer than {MAX_CUP2KEY_LENGTH} bytes")
    # No form decoding: a plus sign is one.
    cup2key = parse.unquote_to_bytes(sent)
    key_id = cup2key.rpartition(b":")[0]
    if not key_id:
        raise BadRequest("cup2key isn't <key id>:<nonce>")
    cup2hreq = parse.unquote_to_bytes(values.get(b"cup2hreq", b""))
    return Challenge(cup2key, key_id.decode(errors="replace"), cup2hreq.decode(errors="replace").lower())


def query(cup2key: str, request: bytes) -> str:
    """What a client adds to the query: `cup2key`, `<key id>:<nonce>`, and the hash of the body that it sends."""
    return f"cup2key={parse.quote(cup2key, safe=':')}&cup2hreq={hashlib.sha256(request).hexdigest()}"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What clients have built in: a point on the curve P-256."""

    _key: ec.EllipticCurvePublicKey

    @property
    def der(self) -> bytes:
        """The SubjectPublicKeyInfo, 91 bytes."""
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> str:
        """The same as text."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    @property
    def point(self) -> bytes:
        """The point itself, uncompressed (X9.62): 0x04 and both coordinates, 65 bytes."""
        return self._key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    def distrust(self, cup2key: bytes, request: bytes, response: bytes, proof: str) -> "Distrust | None":
        """Why a response is not to be trusted; None if it is the service's, and to this request.

        `cup2key` and `request` are what the client sent, never what came back; `proof` is the value of `X-Cup-Server-Proof`, else `ETag`.
        """
        found = _PROOF.fullmatch(proof)
        if found is None:
            return Distrust.MALFORMED_PROOF
        request_hash = hashlib.sha256(request).digest()
        if bytes.fromhex(found["request"]) != request_hash:
            return Distrust.REQUEST_ALTERED
        signed = _signed(request_hash, response, cup2key)
        try:
            self._key.verify(bytes.fromhex(found["signature"]), signed, _VERIFYING)
        except exceptions.InvalidSignature:
            return Distrust.WRONG_SIGNATURE
        return None


class Distrust(enum.StrEnum):
    """Why a response isn't trusted."""

    MALFORMED_PROOF = "the proof is missing or malformed"
    REQUEST_ALTERED = "the service received another request than was sent"
    WRONG_SIGNATURE = "the signature isn't this key's over this request, response and nonce"


class SigningKey:
    """A private key on the curve P-256."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Raises cryptography's UnsupportedAlgorithm where it was built without deterministic signatures (OpenSSL before 3.2)."""
        self._key = key
        self._algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        self.public = PublicKey(key.public_key())

    def proof(self, challenge: Challenge, request: bytes, response: bytes) -> str:
        """The proof for a response to a request, both as they are on the wire before any Content-Encoding."""
        request_hash = hashlib.sha256(request).digest()
        signature = self._key.sign(_signed(request_hash, response, challenge.cup2key), self._algorithm)
        return f"{signature.hex()}:{request_hash.hex()}"


def signing_key(pem: bytes) -> SigningKey:
    """The private key in a PEM file (PKCS #8 or SEC 1, unencrypted).

    Raises:
        ValueError: it is none, or not on P-256.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    # TypeError is what an encrypted key gets.
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        raise ValueError("it isn't a private key in PEM without a password") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return SigningKey(key)
    raise ValueError("it isn't a key on the curve P-256")


def public_key(encoded: bytes) -> PublicKey:
    """The public key in a SubjectPublicKeyInfo, PEM or DER.

    Raises:
        ValueError: it is none, or not on P-256.
    """
    load = serialization.load_pem_public_key if encoded.lstrip().startswith(b"-") else serialization.load_der_public_key
    try:
        key = load(encoded)
    except (ValueError, exceptions.UnsupportedAlgorithm) as error:
        raise ValueError("it isn't a public key in PEM or DER") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return PublicKey(key)
    raise ValueError("it isn't a key on the curve P-256")


def headers(proof: str) -> Headers:
    """What goes with a signed response: the proof where each client looks for it, and that no cache may answer with it again."""
    encoded = proof.encode()
    return (
        (b"x-cup-server-proof", encoded),
        # Fuchsia reads only this one. Weak, so that a proxy that compresses leaves it.
        (b"etag", b'W/"%b"' % encoded),
        (b"cache-control", b"no-store"),
    )


def _signed(request_hash: bytes, response: bytes, cup2key: bytes) -> bytes:
    return hashlib.sha256(request_hash + hashlib.sha256(response).digest() + cup2key).digest()
