"""Which files the fleet API can show itself with, and what is said of the others."""

import datetime as dt

import pytest
from cryptography.hazmat.primitives import serialization

from omaha_api.fleet_api.front import serving_certificate
from support import front_proxies


@pytest.fixture(scope="module")
def authority():
    return front_proxies.Authority("servers")


@pytest.fixture
def pair(authority, tmp_path):
    return authority.issue("fleet", usage=front_proxies.FOR_SERVERS).write(tmp_path, "serving")


def encrypted(issued):
    return issued.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    ).decode()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        pytest.param(0, None, "serving.crt can't be read: No such file or directory", id="no certificate"),
        pytest.param(1, None, "serving.key can't be read: No such file or directory", id="no key"),
        pytest.param(0, lambda other: "nonsense", "serving.crt isn't a certificate in PEM", id="nonsense certificate"),
        pytest.param(1, lambda other: "nonsense", "serving.key isn't a private key in PEM", id="nonsense key"),
        pytest.param(0, lambda other: other.key_pem, "serving.crt isn't a certificate in PEM", id="a key for both"),
        pytest.param(1, lambda other: other.key_pem, "serving.key isn't the key of", id="another's key"),
        pytest.param(1, encrypted, "serving.key isn't a private key in PEM without a password", id="encrypted key"),
    ],
)
def test_files_that_can_not_be_used_are_named_with_the_reason(authority, pair, file, content, said):
    if content is None:
        pair[file].unlink()
    else:
        pair[file].write_text(content(authority.issue("other")))

    with pytest.raises(serving_certificate.CertificateFileError) as caught:
        serving_certificate.ServingCertificate(*pair)

    assert said in str(caught.value)


def test_a_new_pair_is_used_by_the_next_connection(authority, pair, tmp_path):
    serving = serving_certificate.ServingCertificate(*pair)
    before = serving.context()
    assert serving.context() is before

    authority.issue("fleet", valid_for=dt.timedelta(hours=3)).write(tmp_path, "serving")

    assert serving.context() is not before


def test_files_that_went_away_are_said_once(pair, caplog):
    serving = serving_certificate.ServingCertificate(*pair)
    before = serving.context()
    for file in pair:
        file.unlink()

    assert [serving.context() for _ in range(3)] == [before] * 3
    assert len(caplog.records) == 1
