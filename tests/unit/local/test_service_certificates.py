"""The fleet API's certificate: good for the name that the API server expects, vouched for by an authority of its own, renewed in time."""

import datetime as dt
import ipaddress
import stat

import pytest
from cryptography import x509
from cryptography.x509 import verification

from updatectl.local import certificates
from updatectl.local.control_plane import authority

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def files(tmp_path) -> certificates.ServiceCertificates:
    return certificates.ensure(tmp_path / "certificates", NOW)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(x509.DNSName("omaha-api.update-system.svc"), id="service"),
        pytest.param(x509.DNSName("localhost"), id="localhost"),
        pytest.param(x509.IPAddress(ipaddress.ip_address("127.0.0.1")), id="address"),
    ],
)
def test_the_certificate_is_good_for_every_name_under_which_the_fleet_api_is_called(files, name):
    trusted = verification.Store([authority.certificate_of(files.fleet_authority)])
    verifier = verification.PolicyBuilder().store(trusted).build_server_verifier(name)

    assert verifier.verify(authority.certificate_of(files.fleet_serving), [])


def test_keys_of_the_service_are_readable_by_their_owner_only(files):
    keys = list(files.folder.glob("*.key"))

    assert len(keys) == 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def renewed(files, later: dt.timedelta) -> set[str]:
    before = {path: path.read_bytes() for path in files.folder.iterdir()}
    certificates.ensure(files.folder, NOW + later)
    return {path.name for path in files.folder.iterdir() if before.get(path) != path.read_bytes()}


LEAF = {"fleet.crt", "fleet.key"}
EVERYTHING = LEAF | {"fleet-ca.crt", "fleet-ca.key"}


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(dt.timedelta(0), set(), id="at-once"),
        pytest.param(dt.timedelta(days=334), set(), id="a-month-and-a-day-before-expiry"),
        pytest.param(dt.timedelta(days=336), LEAF, id="within-the-last-month"),
        pytest.param(dt.timedelta(days=3650 - 365 - 29), EVERYTHING, id="authority-shorter-than-a-leaf"),
    ],
)
def test_the_fleet_apis_certificate_is_kept_until_it_nears_its_end(files, later, expected):
    assert renewed(files, later) == expected


def test_a_new_authority_of_the_fleet_api_renews_the_certificate(files):
    files.fleet_authority.key.unlink()

    assert renewed(files, dt.timedelta(0)) == EVERYTHING
