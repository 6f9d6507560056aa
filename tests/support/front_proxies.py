"""Certificates of a front proxy, of those who would like to be one, and of a server: made by the test, as files and as PEM."""

import datetime as dt
import ipaddress
import json
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)
FOR_CLIENTS = ExtendedKeyUsageOID.CLIENT_AUTH
FOR_SERVERS = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Issued:
    """A certificate, those that lead from it to its authority, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    intermediates: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        """The certificate alone."""
        return _pem(self.certificate)

    @property
    def chain(self) -> tuple[str, ...]:
        """As a client shows it."""
        return (self.pem, *map(_pem, self.intermediates))

    @property
    def key_pem(self) -> str:
        """The private key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Certificate and key as files."""
        folder.mkdir(exist_ok=True)
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_text("".join(self.chain))
        key.write_text(self.key_pem)
        return certificate, key


class Authority:
    """Signs certificates; its own is signed by `parent`, or by itself."""

    def __init__(self, name: str, parent: "Authority | None" = None) -> None:
        self._parent = parent
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        extension = x509.BasicConstraints(ca=True, path_length=None)
        builder = _builder(self._name, parent._name if parent else self._name, self._key, dt.timedelta(0), 10 * DAY)
        signer = parent._key if parent else self._key
        self.certificate = builder.add_extension(extension, critical=True).sign(signer, hashes.SHA256())

    @property
    def pem(self) -> str:
        """What the ConfigMap has."""
        return _pem(self.certificate)

    def issue(
        self,
        common_name: str | None,
        *,
        usage: x509.ObjectIdentifier | None = FOR_CLIENTS,
        valid_for: dt.timedelta = DAY,
        starting_in: dt.timedelta = dt.timedelta(0),
    ) -> Issued:
        """A certificate for a client, or for a server on 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(common_name), self._name, key, starting_in, valid_for)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if usage == FOR_SERVERS:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        intermediates = (self.certificate,) if self._parent else ()
        return Issued(builder.sign(self._key, hashes.SHA256()), key, intermediates)


def configmap(authority: Authority | None, *, names: tuple[str, ...] = ("front-proxy-client",)) -> dict[str, str]:
    """The data of the ConfigMap, as kube-apiserver writes them."""
    data = {
        "client-ca-file": "another matter",
        "requestheader-allowed-names": json.dumps(names),
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
    return data | ({"requestheader-client-ca-file": authority.pem} if authority else {})


def client_context(authority: Authority, folder: Path, issued: Issued | None) -> ssl.SSLContext:
    """For a client that trusts a server's authority and shows a certificate, or none."""
    context = ssl.create_default_context(cadata=authority.pem)
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    if issued is not None:
        context.load_cert_chain(*issued.write(folder, f"client-{issued.certificate.serial_number}"))
    return context


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    starting_in: dt.timedelta,
    lasting: dt.timedelta,
) -> x509.CertificateBuilder:
    begin = dt.datetime.now(dt.UTC) + starting_in
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(begin, begin + lasting) - dt.timedelta(hours=1))
        .not_valid_after(begin + lasting)
    )


def _name(common_name: str | None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name is not None else [])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
