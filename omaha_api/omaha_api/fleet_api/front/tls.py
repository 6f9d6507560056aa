"""How does a stranger's certificate get as far as an HTTP answer, and where does the application see it?

Python's ssl verifies in the handshake or never asks: a certificate of another authority would end as a broken connection, where Kubernetes
answers 401. So OpenSSL itself does the talking (through pyOpenSSL) and takes any certificate, behind the face of ssl.SSLObject: sockets,
flow control and time-outs stay the event loop's. That the client has the key of its certificate is proven in the handshake. Whether the
certificate is worth anything is for front_proxy to say, who finds it where the ASGI TLS extension has it: `scope["extensions"]["tls"]`.
"""

import ssl
from collections.abc import Callable
from typing import Any, Self, TypeVar

from OpenSSL import SSL, crypto

from omaha_api import http_protocols
from omaha_api.fleet_api.front import serving_certificate

UNVERIFIED = "not verified by the TLS layer"
"""`client_cert_error` of every client certificate: nobody who reads the extension shall take it for a verified one."""

_RECORD = 16 * 1024
"""The most that a TLS record holds."""

_Done = TypeVar("_Done")


class AnyClientContext(ssl.SSLContext):
    """For a server: asks clients for a certificate, and takes whichever they have, or none."""

    _serving: serving_certificate.ServingCertificate

    def __new__(cls, serving: serving_certificate.ServingCertificate) -> Self:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._serving = serving
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = True,
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - as in ssl
        session: ssl.SSLSession | None = None,  # noqa: ARG002 - as in ssl
    ) -> ssl.SSLObject:
        """The server's end of a new connection."""
        if not server_side:
            raise ValueError("this is a server's context")
        return Talk(SSL.Connection(self._serving.context()), incoming, outgoing)


class Talk(ssl.SSLObject):
    """One connection, between two buffers that the event loop fills and empties.

    Raises ssl.SSLWantReadError when it needs more, ssl.SSLError when it is broken: the event loop closes it then, without a traceback.
    """

    def __init__(self, connection: SSL.Connection, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        connection.set_accept_state()
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        self._step(self._connection.do_handshake)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - as in ssl
        """The next bytes, at most one record's; none when the client has said that there are no more."""
        size = min(len, _RECORD)
        try:
            if buffer is not None:
                return self._step(lambda: self._connection.recv_into(buffer, size))
            return self._step(lambda: self._connection.recv(size))
        except ssl.SSLZeroReturnError:
            return b"" if buffer is None else 0

    def write(self, data: Any) -> int:
        """Send bytes, at most one record's; how many were sent."""
        return self._step(lambda: self._connection.send(data)) if data else 0

    def unwrap(self) -> None:
        """Say that there are no more, and wait for the client to say so too."""
        if not self._step(self._connection.shutdown):
            # The first call has only said it.
            self._step(self._connection.shutdown)

    def pending(self) -> int:
        """Whether a read may find something: it may, for whole records may wait in OpenSSL, which doesn't say so."""
        return 1

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: ARG002 - as in ssl
        """None: ssl shows verified certificates only."""
        return None

    def cipher(self) -> tuple[str, str, int] | None:
        """Name, version and bits."""
        name, version = self._connection.get_cipher_name(), self._connection.get_cipher_version()
        return (name, version, self._connection.get_cipher_bits() or 0) if name and version else None

    def compression(self) -> None:
        """There is none."""

    def version(self) -> str:
        """As ssl names it."""
        return self._connection.get_protocol_version_name()

    def extension(self) -> dict[Any, Any]:
        """What the ASGI TLS extension says of this connection."""
        leaf = self._connection.get_peer_certificate()
        chain = [leaf, *(self._connection.get_peer_cert_chain() or ())] if leaf else []
        serving = self._connection.get_certificate()
        return {
            "server_cert": _pem(serving) if serving else None,
            # A server's chain begins after the client's own certificate.
            "client_cert_chain": tuple(map(_pem, chain)),
            "client_cert_name": _name(leaf) if leaf else None,
            "client_cert_error": UNVERIFIED if leaf else None,
            "tls_version": self._connection.get_protocol_version(),
            "cipher_suite": None,
        }

    def _step(self, step: Callable[[], _Done]) -> _Done:
        """Take a step, feeding OpenSSL as it asks for more, and pass on what it has to say."""
        try:
            while True:
                try:
                    return step()
                except SSL.WantReadError:
                    # By the record: what waits in `incoming` is what the event loop's flow control counts.
                    received = self._incoming.read(_RECORD)
                    if not received:
                        raise ssl.SSLWantReadError from None
                    self._connection.bio_write(received)
        except SSL.ZeroReturnError:
            raise ssl.SSLZeroReturnError from None
        except SSL.Error as error:
            raise ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SSL, str(error)) from error
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        try:
            while True:
                self._outgoing.write(self._connection.bio_read(2 * _RECORD))
        except SSL.WantReadError:
            pass


class Protocol(http_protocols.HttpTools):
    """HTTP with the ASGI TLS extension in each request's scope."""

    _tls: Any = None

    def connection_made(self, transport: Any) -> None:
        """The handshake is done."""
        super().connection_made(transport)
        self._tls = transport.get_extra_info("ssl_object").extension()

    def eof_received(self) -> Any:
        """TLS has no half-closed connections."""
        super().eof_received()
        return False

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {"tls": self._tls}


def _pem(certificate: crypto.X509) -> str:
    return crypto.dump_certificate(crypto.FILETYPE_PEM, certificate).decode("ascii")


def _name(certificate: crypto.X509) -> str | None:
    try:
        return certificate.to_cryptography().subject.rfc4514_string()
    except ValueError:  # OpenSSL reads what cryptography is too strict for
        return None
