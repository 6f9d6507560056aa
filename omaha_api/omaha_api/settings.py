"""What the Omaha service was told at its start: flags and environment, checked once and never read again."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from update_core.fleet import enrolment, outages

DEFAULT_LISTEN = "127.0.0.1:8080"
DEFAULT_PRIVATE_LISTEN = "127.0.0.1:8081"
DEFAULT_FLEET_LISTEN = "127.0.0.1:8443"
DEFAULT_LOG_RETENTION_SECONDS = 1800
DEFAULT_DATABASE = "sqlite:///fleet.db"
DEFAULT_MAX_REQUESTS = 4096
"""Some seconds of grants, and at most 256 MiB of bodies."""
DEFAULT_MAX_CONNECTIONS = 10_000
DEFAULT_OVERLOAD_RETRY_SECONDS = 60

DEFAULT_NEW_IDS_PER_MINUTE = 1000

_SECRET_PATH = re.compile(r"[A-Za-z0-9_-]{16,128}")
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


class SettingsError(ValueError):
    """A setting that can't be used; the text names it and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a port listens; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class KubeAccess:
    """How the API server is found: a service account's folder and server, else the kubeconfig as kubectl reads it."""

    kubeconfig: Path | None = None
    context: str | None = None
    service_account_dir: Path | None = None
    kube_server: str | None = None


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate with its chain, and its private key: PEM files, read again when they change."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """Where a PostgreSQL database is, in libpq's words. It may hold a password, so it isn't shown."""

    url: str = field(repr=False)


Proxies = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
"""Where proxies are whose X-Forwarded-For is believed."""

Database = Path | PostgresUrl
"""An SQLite file, or a PostgreSQL database."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One process of the service. Times are in seconds."""

    listen: Address
    private_listen: Address
    database: Database
    package_base_url: str
    fleet_listen: Address = Address("127.0.0.1", 8443)
    tls: TlsFiles | None = None
    """Without it the fleet API isn't served."""
    snapshot: Path | None = None
    cup_keys_dir: Path | None = None
    """Without it no answer is signed, and a request that asks for it is refused."""
    kube: KubeAccess = KubeAccess()
    log_retention_seconds: int = DEFAULT_LOG_RETENTION_SECONDS
    """How long a watch of the fleet API may be away and go on where it was."""
    max_requests: int = DEFAULT_MAX_REQUESTS
    """Requests that may wait at a time, for their bodies or the store; those beyond are told to come later."""
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    """Connections to the public port; beyond, each new one ends one that waits for its client."""
    overload_retry_seconds: int = DEFAULT_OVERLOAD_RETRY_SECONDS
    """When those come again."""
    secret_path: str = field(default="", repr=False)
    """What the public port's path ends in; empty: it is known to everybody."""
    trusted_proxies: Proxies = ()
    growth: enrolment.Growth = field(default_factory=enrolment.Growth)
    """How many instances an application may have until the next day."""
    new_ids_per_minute: int = DEFAULT_NEW_IDS_PER_MINUTE
    """New instances of one network that this process takes in; 0: as many as come."""
    live_grants_per_network: int = 0
    """Updates in flight that one network may have in an application; 0: as many as come."""
    samples_percent_per_network: int = 100
    """The share that one network may have of the outcomes by which a rollout is judged."""
    head_timeout_seconds: float = 10.0
    body_timeout_seconds: float = 10.0
    flush_interval_seconds: float = 2.0
    sweep_interval_seconds: float = 1.0
    heartbeat_interval_seconds: float = outages.BEAT_SECONDS
    retention_interval_seconds: float = 600.0
    progress_interval_seconds: float = 1.0
    shutdown_timeout_seconds: int = 10


def address(text: str, flag: str) -> Address:
    """`host:port`, with brackets around an IPv6 host.

    Raises:
        SettingsError: it isn't one.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{flag} must be host:port, such as {DEFAULT_LISTEN}, not {text!r}")
    return Address(host, int(port))


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """The two files; None for neither.

    Raises:
        SettingsError: one without the other.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SettingsError("--tls-cert-file and --tls-private-key-file need each other")
    return TlsFiles(certificate, key)


def secret_path(text: str) -> str:
    """A part of a path that nobody guesses; empty for none.

    Raises:
        SettingsError: it is short, or not what a path may have as it stands. The text doesn't repeat it.
    """
    if text and not _SECRET_PATH.fullmatch(text):
        raise SettingsError(
            "--secret-path must be 16 to 128 letters, digits, '-' or '_'; `openssl rand -hex 16` makes one"
        )
    return text


def proxies(texts: Iterable[str]) -> Proxies:
    """The networks of proxies: addresses, or networks such as 10.0.0.0/8.

    Raises:
        SettingsError: one isn't.
    """
    found: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise SettingsError(
                f"--trusted-proxy must be an address or a network such as 10.0.0.0/8, not {text!r}"
            ) from error
    return tuple(found)


def database(url: str) -> Database:
    """The file of a `sqlite:///file` URL (four slashes for an absolute path), or a `postgresql://…` URL as it stands.

    Raises:
        SettingsError: another database, or no file. The text doesn't repeat what may be a password.
    """
    if url.startswith(_POSTGRES):
        return PostgresUrl(url)
    if not url.startswith(_SQLITE) or len(url) == len(_SQLITE):
        given = repr(url) if "@" not in url else "that"
        raise SettingsError(
            f"--database must be sqlite:///file, sqlite:////absolute/file or postgresql://user@host/database, not {given}"
        )
    return Path(url.removeprefix(_SQLITE))


def package_base_url(url: str | None, listen: Address) -> str:
    """What relative package urls stand on, ending in "/"; by default a folder on the public address.

    Raises:
        SettingsError: not an absolute http or https URL.
    """
    if url is None:
        return f"http://{listen}/packages/"
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"--package-base-url must begin with http:// or https://, not {url!r}")
    return url if url.endswith("/") else url + "/"
