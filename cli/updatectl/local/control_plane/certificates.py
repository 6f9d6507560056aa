"""Which keys and certificates does a local control plane need, and are those on disk still good?

Three authorities, because each is trusted for something else: the cluster's (API server and its clients), the front
proxy's (whoever holds it may claim to be anybody) and etcd's (whoever holds it passes by all access control). They
live in the data folder between runs.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from updatectl.local.control_plane import authority
from updatectl.local.control_plane.authority import Pair, Subject

LOOPBACK = ("127.0.0.1", "localhost")
# The first address of the service range is the API server's own Service.
SERVICE_RANGE = "10.0.0.0/24"
SERVICE_ADDRESS = "10.0.0.1"
SERVING_NAMES = (
    *LOOPBACK,
    SERVICE_ADDRESS,
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
RENEW_BEFORE = dt.timedelta(days=30)
# An authority is renewed while it outlives every certificate that it could still sign.
RENEW_AUTHORITY_BEFORE = authority.LEAF_LIFETIME + RENEW_BEFORE


@dataclass(frozen=True)
class Certificates:
    """The files below one folder; which exist is `ensure`'s business."""

    folder: Path

    @property
    def cluster_authority(self) -> Pair:
        """Signs the API server's certificate and those of its clients."""
        return self._pair("ca")

    @property
    def front_proxy_authority(self) -> Pair:
        """Signs the certificate with which the API server calls aggregated API servers."""
        return self._pair("front-proxy-ca")

    @property
    def etcd_authority(self) -> Pair:
        """Signs etcd's certificate and its clients'."""
        return self._pair("etcd-ca")

    @property
    def serving(self) -> Pair:
        """What the API server and the controller manager show on 127.0.0.1."""
        return self._pair("serving")

    @property
    def admin(self) -> Pair:
        """A client of the group system:masters, which may do everything."""
        return self._pair("admin")

    @property
    def controller_manager(self) -> Pair:
        """The controller manager as a client of the API server."""
        return self._pair("controller-manager")

    @property
    def front_proxy_client(self) -> Pair:
        """The API server as a client of aggregated API servers."""
        return self._pair("front-proxy-client")

    @property
    def etcd(self) -> Pair:
        """What etcd shows, and what the API server shows to it."""
        return self._pair("etcd")

    @property
    def service_account_key(self) -> Path:
        """Signs service accounts' tokens; never renewed, for that would end them all."""
        return self.folder / "service-account.key"

    def _pair(self, name: str) -> Pair:
        return Pair(certificate=self.folder / f"{name}.crt", key=self.folder / f"{name}.key")


def ensure(folder: Path, now: dt.datetime) -> Certificates:
    """Keep what is valid for long enough, make the rest. Raises OSError."""
    files = Certificates(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for signer, name in (
        (files.cluster_authority, "update-service-local"),
        (files.front_proxy_authority, "update-service-local-front-proxy"),
        (files.etcd_authority, "update-service-local-etcd"),
    ):
        if not is_good(signer, signer, now + RENEW_AUTHORITY_BEFORE):
            authority.new_authority(signer, name, now)
    for pair, subject, signer in (
        (files.serving, Subject("kube-apiserver", names=SERVING_NAMES), files.cluster_authority),
        (files.admin, Subject("local-admin", organization="system:masters"), files.cluster_authority),
        (files.controller_manager, Subject("system:kube-controller-manager"), files.cluster_authority),
        (files.front_proxy_client, Subject("front-proxy-client"), files.front_proxy_authority),
        (files.etcd, Subject("etcd", names=LOOPBACK), files.etcd_authority),
    ):
        if not is_good(pair, signer, now + RENEW_BEFORE):
            authority.issue(pair, subject, signer, now)
    if not files.service_account_key.exists():
        authority.new_signing_key(files.service_account_key)
    return files


def is_good(pair: Pair, signer: Pair, still_valid_at: dt.datetime) -> bool:
    """Whether it can be read, lasts long enough and is signed by this very authority (and not by one renewed since)."""
    if not (pair.exists() and signer.exists()):
        return False
    try:
        certificate, issuer = authority.certificate_of(pair), authority.certificate_of(signer)
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - whatever a damaged file makes the parser say, the answer is to make a new one
        return False
    return _outlives(certificate, still_valid_at) and _outlives(issuer, still_valid_at)


def _outlives(certificate: x509.Certificate, moment: dt.datetime) -> bool:
    return certificate.not_valid_after_utc > moment
