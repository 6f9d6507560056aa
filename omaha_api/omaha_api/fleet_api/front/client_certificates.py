"""Is a client's certificate one that an authority has given it, for being a client, and valid now?

OpenSSL builds and verifies the chain. What an authority may sign, and for whom, is the rest of the answer, which Kubernetes gives in the
same way: a certificate that says what it is for must say "client".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

_FOR_CLIENTS = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


@dataclass(frozen=True, slots=True)
class Verified:
    """A certificate that holds until then. `common_name` is empty if it has none, or more than one."""

    common_name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Untrusted:
    """One that doesn't, and why."""

    reason: str


class Authorities:
    """The certificates of some authorities."""

    def __init__(self, pem: str) -> None:
        """All certificates in a PEM text.

        Raises:
            ValueError: there is none, or what is there can't be read.
        """
        self._trusted = [crypto.X509.from_cryptography(each) for each in x509.load_pem_x509_certificates(pem.encode())]

    def verify(self, chain: Sequence[str], now: datetime) -> Verified | Untrusted:
        """Judge the first certificate (PEM) of what a client showed; the others may lead to an authority."""
        try:
            leaf, *others = [crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()) for pem in chain]
            # One by one: of two authorities with the same name, OpenSSL would try the first only.
            verdicts = [_verify(leaf, others, authority, now) for authority in self._trusted]
        except (crypto.Error, ValueError) as error:
            return Untrusted(f"it can't be read: {error}")
        return next((verdict for verdict in verdicts if isinstance(verdict, Verified)), verdicts[-1])


def _verify(
    leaf: crypto.X509, others: Sequence[crypto.X509], authority: crypto.X509, now: datetime
) -> Verified | Untrusted:
    # A new one each time: the time of a store can be set once only.
    store = crypto.X509Store()
    # As in Kubernetes: each certificate of the bundle is trusted as it is, signed by itself or not.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(now)
    store.add_cert(authority)
    try:
        found = crypto.X509StoreContext(store, leaf, others).get_verified_chain()
    except crypto.X509StoreContextError as error:
        return Untrusted(str(error))
    verified = [certificate.to_cryptography() for certificate in found]
    if not all(map(_for_clients, verified[:-1] or verified)):
        return Untrusted("it isn't for clients")
    return Verified(_common_name(verified[0]), min(certificate.not_valid_after_utc for certificate in verified))


def _for_clients(certificate: x509.Certificate) -> bool:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not _FOR_CLIENTS.isdisjoint(usages)


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""
