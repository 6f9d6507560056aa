"""The certificate and key that we show an API server: read from a kubeconfig's user, held in memory, given to TLS.

They are held as what they say and not as files' names: a file that was renewed under its name is another certificate, and
a key that the kubeconfig itself holds lies on the disk for no longer than OpenSSL takes to read it, which is all that a
process that is killed can leave behind.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from update_kube import errors

FIELDS = ("client-certificate", "client-certificate-data", "client-key", "client-key-data")
"""The fields of a kubeconfig's user that it is made of; `-data` goes before the file, as kubectl has it."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with its chain, and the private key; both PEM. Without a key, the chain's file holds it too."""

    chain: bytes
    key: bytes | None = field(default=None, repr=False)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Show it in every handshake of this context. Raises CredentialsError if OpenSSL cannot use it."""
        with tempfile.TemporaryDirectory(prefix="client-certificate-") as folder:
            file = Path(folder, "pair.pem")
            file.touch(mode=0o600)
            file.write_bytes(b"\n".join(part for part in (self.chain, self.key) if part is not None))
            try:
                context.load_cert_chain(file)
            except (ssl.SSLError, OSError) as error:
                raise errors.CredentialsError(f"the client certificate or its key cannot be used: {error}") from error


def of_user(user: Mapping[str, Any]) -> ClientCertificate | None:
    """The one in a kubeconfig's user section, None where it has none. Raises CredentialsError if it cannot be used."""
    chain = _content(user, "client-certificate")
    if chain is None:
        return None
    certificate = ClientCertificate(chain, _content(user, "client-key"))
    certificate.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return certificate


def _content(user: Mapping[str, Any], name: str) -> bytes | None:
    if encoded := user.get(f"{name}-data"):
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise errors.CredentialsError(f"{name}-data of the kubeconfig's user is not base64: {error}") from error
    if file := user.get(name):
        try:
            return Path(str(file)).read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise errors.CredentialsError(f"cannot read {name} of the kubeconfig's user, {file}: {reason}") from error
    return None
