"""How are keys and certificates of a private certificate authority made?

Strict enough for Python's ssl with VERIFY_X509_STRICT and for Go: key usages, subject and authority key identifiers,
names as SANs.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = dt.timedelta(days=3650)
LEAF_LIFETIME = dt.timedelta(days=365)
# A clock that is set back a little must not make fresh certificates "not yet valid".
BACKDATED = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as two PEM files."""

    certificate: Path
    key: Path

    def exists(self) -> bool:
        """Whether both files are there."""
        return self.certificate.is_file() and self.key.is_file()


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names: `names` (DNS names and IP addresses) make it a server's, none of them a client's."""

    common_name: str
    organization: str | None = None
    names: Sequence[str] = ()


def new_authority(pair: Pair, common_name: str, now: dt.datetime) -> None:
    """Write a self-signed certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(Subject(common_name))
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(pair, certificate, key)


def issue(pair: Pair, subject: Subject, authority: Pair, now: dt.datetime) -> None:
    """Write a certificate signed by the authority. Raises OSError or ValueError when the authority can't be read."""
    authority_certificate = certificate_of(authority)
    authority_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{authority.key} is not an elliptic curve key")  # noqa: TRY004 - a bad file, not a bad type in the code
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if subject.names:
        purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
    authority_identifier = authority_certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name(subject), authority_certificate.subject, key.public_key(), now, LEAF_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_identifier), critical=False
        )
    )
    if subject.names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(list(map(_general_name, subject.names))), critical=False
        )
    _write(pair, builder.sign(authority_key, hashes.SHA256()), key)


def new_signing_key(path: Path) -> None:
    """Write an RSA key: the kind that service account tokens are signed with everywhere."""
    _write_private(path, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))


def certificate_of(pair: Pair) -> x509.Certificate:
    """Raises OSError or ValueError when the file isn't there or isn't a certificate."""
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    lifetime: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(subject: Subject) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name)]
    if subject.organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.organization))
    return x509.Name(attributes)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    _write_private(pair.key, _pem(key))
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(content)
