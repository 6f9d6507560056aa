"""A client certificate of a kubeconfig is used as it is at the moment, and leaves no key on the disk."""

from __future__ import annotations

import base64
import ssl
import tempfile

import pytest

from support.front_proxies import Authority
from update_kube import client_certificate, credentials, errors

AUTHORITY = Authority("clients")
ONE, OTHER = AUTHORITY.issue("one"), AUTHORITY.issue("other")


def held(issued):
    """A user whose kubeconfig holds the certificate itself."""
    encoded = {"client-certificate-data": issued.pem, "client-key-data": issued.key_pem}
    return {name: base64.b64encode(text.encode()).decode() for name, text in encoded.items()}


def named(issued, folder):
    """A user whose kubeconfig names files; writing another one's replaces them."""
    certificate, key = issued.write(folder, "client")
    return {"client-certificate": str(certificate), "client-key": str(key)}


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where this process puts its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_a_key_that_the_kubeconfig_holds_is_on_the_disk_only_while_openssl_reads_it(temporary):
    certificate = (await credentials.of_user(held(ONE)).identity()).certificate
    certificate.load_into(ssl.create_default_context())

    assert list(temporary.iterdir()) == []
    assert certificate == client_certificate.ClientCertificate(ONE.pem.encode(), ONE.key_pem.encode())
    assert "PRIVATE" not in repr(certificate)


async def test_a_certificate_renewed_under_its_name_is_used_within_a_minute(tmp_path):
    clock = Clock()
    source = credentials.KubeconfigUser(named(ONE, tmp_path), clock=clock)
    before = await source.identity()
    named(OTHER, tmp_path)
    assert await source.identity() == before

    clock.seconds += credentials.REREAD_SECONDS

    assert (await source.identity()).certificate.chain == OTHER.pem.encode()


async def test_a_refused_certificate_is_read_at_once_and_tried_again_where_it_is_a_file(tmp_path):
    source = credentials.KubeconfigUser(named(ONE, tmp_path), clock=Clock())
    await source.identity()
    named(OTHER, tmp_path)

    assert source.refused()
    assert (await source.identity()).certificate.chain == OTHER.pem.encode()
    assert not credentials.KubeconfigUser(held(ONE)).refused()


async def test_between_a_renewed_certificate_and_its_key_the_pair_that_was_good_goes_on(tmp_path):
    clock = Clock()
    user = named(ONE, tmp_path)
    source = credentials.KubeconfigUser(user, clock=clock)
    good = await source.identity()
    (tmp_path / "client.crt").write_text(OTHER.pem)
    clock.seconds += credentials.REREAD_SECONDS
    assert await source.identity() == good

    (tmp_path / "client.key").write_text(OTHER.key_pem)
    clock.seconds += credentials.REREAD_SECONDS

    assert (await source.identity()).certificate.chain == OTHER.pem.encode()


async def test_what_the_kubeconfig_holds_goes_before_the_file_that_it_names(tmp_path):
    identity = await credentials.of_user(named(OTHER, tmp_path) | held(ONE)).identity()

    assert identity.certificate.chain == ONE.pem.encode()


async def test_one_file_may_hold_both(tmp_path):
    both = tmp_path / "both.pem"
    both.write_text(ONE.pem + ONE.key_pem)

    identity = await credentials.of_user({"client-certificate": str(both)}).identity()

    identity.certificate.load_into(ssl.create_default_context())


async def test_a_user_with_a_token_and_a_certificate_shows_both():
    identity = await credentials.of_user(held(ONE) | {"token": "abc"}).identity()

    assert (identity.authorization, identity.certificate.chain) == ("Bearer abc", ONE.pem.encode())


@pytest.mark.parametrize(
    ("user", "complaint"),
    [
        pytest.param(
            {"client-certificate": "/nowhere/a.crt"}, "client-certificate .*/nowhere/a.crt: No such file", id="no file"
        ),
        pytest.param(held(ONE) | {"client-key-data": "%%%"}, "client-key-data .* is not base64", id="not base64"),
        pytest.param(held(ONE) | {"client-key-data": 5}, "client-key-data .* is not base64", id="a number"),
        pytest.param(
            held(ONE) | {"client-key-data": held(OTHER)["client-key-data"]},
            "cannot be used: .*mismatch",
            id="another's key",
        ),
        pytest.param({"client-certificate-data": "aGVsbG8="}, "cannot be used", id="no certificate"),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_an_error_that_says_why(user, complaint):
    with pytest.raises(errors.CredentialsError, match=complaint):
        await credentials.of_user(user).identity()
