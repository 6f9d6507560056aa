"""With which certificate does the fleet API show itself, and how is it replaced without a restart?

Both files are looked at with each new connection and read again when they changed. A pair that can't be used, such as one whose key
isn't written yet, is left alone until the files change again: the last good one goes on.
"""

import logging
from pathlib import Path

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL

logger = logging.getLogger(__name__)

# As ssl.create_default_context() has it, without the key exchanges that give old talks away with the key.
_TLS12_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"

_State = tuple[tuple[int, int, int] | None, ...]


class CertificateFileError(Exception):
    """The serving certificate can't be used; the text names the file and says why."""


class ServingCertificate:
    """A certificate (with its chain) and its private key, in two PEM files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Reads both.

        Raises:
            CertificateFileError: one can't be read, or they don't belong together.
        """
        self._certificate = certificate
        self._key = key
        self._seen = self._state()
        self._context = self._load()

    def context(self) -> SSL.Context:
        """For a new connection: with what is in the files now, else with what could last be used."""
        state = self._state()
        if state != self._seen:
            # Looked at before it is read: what is written in between is yet another state, and is read again.
            self._seen = state
            try:
                self._context = self._load()
            except CertificateFileError as error:
                logger.warning("the serving certificate stays the one before: %s", error)
            else:
                logger.info("the serving certificate was read again from %s", self._certificate)
        return self._context

    def _state(self) -> _State:
        return tuple(map(_state_of, (self._certificate, self._key)))

    def _load(self) -> SSL.Context:
        chain = _certificates(self._certificate)
        key = _private_key(self._key)
        context = _context()
        try:
            context.use_certificate(chain[0])
            for intermediate in chain[1:]:
                context.add_extra_chain_cert(intermediate)
            context.use_privatekey(key)
            context.check_privatekey()
        except SSL.Error as error:
            raise CertificateFileError(f"{self._key} isn't the key of {self._certificate}") from error
        return context


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(_TLS12_CIPHERS)
    # A resumed session would come without its intermediate certificates, and without a proof that the client still has its key.
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Asked for and taken as it is: whose certificate counts is decided where an answer can say no.
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    return context


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError as error:
        raise CertificateFileError(f"{file} isn't a certificate in PEM") from error


def _private_key(file: Path) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(file), password=None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        raise CertificateFileError(f"{file} isn't a private key in PEM without a password") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise CertificateFileError(f"{file} is neither an RSA nor an EC nor an Ed25519 key")
    return key


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateFileError(f"{file} can't be read: {error.strerror}") from error


def _state_of(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
