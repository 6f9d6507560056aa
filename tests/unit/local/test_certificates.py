"""The control plane's certificates: accepted by strict verifiers, kept between runs, renewed in time."""

import datetime as dt
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509

from updatectl.local.control_plane import authority, certificates, kubeconfig
from updatectl.local.control_plane.authority import Pair

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def files(tmp_path) -> certificates.Certificates:
    return certificates.ensure(tmp_path / "certificates", NOW)


def handshake(server: Pair, client: Pair, trusted: Pair, hostname: str) -> None:
    """A TLS handshake in both directions with everything that Python's ssl can be strict about."""
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=trusted.certificate)
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_cert_chain(server.certificate, server.key)
    calling = ssl.create_default_context(cafile=trusted.certificate)
    calling.load_cert_chain(client.certificate, client.key)
    for context in (serving, calling):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()
    failures: list[Exception] = []

    def serve() -> None:
        try:
            with serving.wrap_socket(far, server_side=True) as connection:
                connection.sendall(connection.recv(1))
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with calling.wrap_socket(near, server_hostname=hostname) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x", "refused by the server"
    finally:
        near.close()
        thread.join()
        far.close()
    assert not failures


@pytest.mark.parametrize("hostname", certificates.SERVING_NAMES)
def test_the_api_servers_certificate_passes_strict_verification_under_each_name(files, hostname):
    handshake(files.serving, files.admin, files.cluster_authority, hostname)


def test_etcds_certificate_serves_as_client_certificate_too(files):
    handshake(files.etcd, files.etcd, files.etcd_authority, "127.0.0.1")


@pytest.mark.parametrize("client", ["admin", "controller_manager", "front_proxy_client"])
def test_no_other_client_gets_into_etcd(files, client):
    with pytest.raises((ssl.SSLError, AssertionError, ConnectionError)):
        handshake(files.etcd, getattr(files, client), files.etcd_authority, "127.0.0.1")


def test_the_admin_is_in_the_group_that_may_do_everything(files):
    subject = authority.certificate_of(files.admin).subject

    assert subject.rfc4514_string() == "CN=local-admin,O=system:masters"


def test_the_front_proxys_client_has_the_name_that_aggregated_servers_expect(files):
    certificate = authority.certificate_of(files.front_proxy_client)

    assert certificate.subject.rfc4514_string() == "CN=front-proxy-client"
    certificate.verify_directly_issued_by(authority.certificate_of(files.front_proxy_authority))


def test_client_certificates_cannot_serve(files):
    usage = authority.certificate_of(files.admin).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_keys_are_readable_by_their_owner_only(files):
    keys = list(files.folder.glob("*.key"))

    assert len(keys) == 9
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name.partition(".")[0] for name in after if before.get(name) != after[name]}


LEAVES = {"serving", "admin", "controller-manager", "front-proxy-client", "etcd"}
AUTHORITIES = {"ca", "front-proxy-ca", "etcd-ca"}


@pytest.mark.parametrize(
    ("later", "renewed"),
    [
        pytest.param(dt.timedelta(days=334), set(), id="a-month-and-a-day-before-expiry"),
        pytest.param(dt.timedelta(days=336), LEAVES, id="within-the-last-month"),
        pytest.param(dt.timedelta(days=3650 - 365 - 29), LEAVES | AUTHORITIES, id="authority-shorter-than-a-leaf"),
    ],
)
def test_certificates_are_kept_until_they_near_their_end(files, later, renewed):
    before = contents(files.folder)
    certificates.ensure(files.folder, NOW + later)

    assert changed(before, contents(files.folder)) == renewed


def test_the_key_of_service_accounts_is_never_renewed(files):
    before = files.service_account_key.read_bytes()
    certificates.ensure(files.folder, NOW + dt.timedelta(days=9999))

    assert files.service_account_key.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda pair: pair.certificate.write_text("garbage"), id="certificate-damaged"),
        pytest.param(lambda pair: pair.certificate.unlink(), id="certificate-gone"),
        pytest.param(lambda pair: pair.key.unlink(), id="key-gone"),
        pytest.param(lambda pair: pair.key.write_text(""), id="key-empty"),
    ],
)
def test_a_damaged_pair_is_replaced_and_the_others_stay(files, damage):
    before = contents(files.folder)
    damage(files.admin)
    certificates.ensure(files.folder, NOW)

    assert changed(before, contents(files.folder)) == {"admin"}


def test_a_new_authority_renews_what_the_old_one_signed(files):
    before = contents(files.folder)
    files.cluster_authority.key.unlink()
    certificates.ensure(files.folder, NOW)

    assert changed(before, contents(files.folder)) == {"ca", "serving", "admin", "controller-manager"}


def test_the_kubeconfig_is_private_and_replaced_whole(files, tmp_path):
    path = tmp_path / "kubeconfig"
    for server in ("https://127.0.0.1:1", "https://127.0.0.1:2"):
        kubeconfig.write(path, server=server, authority=files.cluster_authority.certificate, client=files.admin)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "https://127.0.0.1:2" in path.read_text()
    assert [item.name for item in tmp_path.iterdir() if "kubeconfig" in item.name] == ["kubeconfig"]
