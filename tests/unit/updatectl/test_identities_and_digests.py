"""Names made of identities, digests as people paste them, and whose token a token is."""

import base64
import json

import pytest

from update_core import names
from updatectl import digests, naming, tokens

SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        pytest.param("master", "master", id="plain"),
        pytest.param("e96281a6-d1af-4bde-9a0a-97b76e56dc57", "e96281a6-d1af-4bde-9a0a-97b76e56dc57", id="uuid"),
        pytest.param("1.1.0", "1-1-0-7fbd210ebe", id="version"),
        pytest.param("io.example.demo", "io-example-demo-a38d17238a", id="reverse-dns"),
        pytest.param("Beta", "beta-703390318b", id="upper-case"),
        pytest.param("a -- b", "a-b-db080844c2", id="runs-become-one"),
        pytest.param("-a-", "a-a75a468f2c", id="trimmed"),
        pytest.param("a" * 40, "a" * 40, id="longest-plain"),
        pytest.param("a" * 41, "a" * 40 + "-c0f8bd4dbc", id="cut"),
        pytest.param("ü", "-607474ca47", id="nothing-left"),
    ],
)
def test_a_slug_says_what_it_stands_for_and_never_means_two_things(text, slug):
    assert names.slug(text) == slug


def test_different_identities_have_different_names():
    alike = ["a.b", "a-b", "A-b", "a b", "a_b", "a.-b"]

    assert len({naming.member("app", text) for text in alike}) == len(alike)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SHA256, id="hex"),
        pytest.param(SHA256.upper(), id="upper-case"),
        pytest.param(f" {SHA256}\n", id="pasted"),
        pytest.param("tgLWMPCggYQNDKj8TTWBDkKAZkKzEnu3AtZcPfIn0PU=", id="base64"),
        pytest.param("tgLWMPCggYQNDKj8TTWBDkKAZkKzEnu3AtZcPfIn0PU", id="unpadded"),
    ],
)
def test_a_digest_has_one_form_however_it_was_pasted(text):
    assert digests.to_hex(text, digests.SHA256_BYTES) == SHA256


def test_url_safe_base64_is_read_too():
    raw = b"\xfb\xff" * 10

    assert digests.to_hex(base64.urlsafe_b64encode(raw).decode(), digests.SHA1_BYTES) == raw.hex()


@pytest.mark.parametrize("text", ["", "abc", SHA256[:-1], SHA256[:40], "z" * 64, "tgLWMPCggYQN"])
def test_what_is_no_sha256_is_refused(text):
    with pytest.raises(ValueError, match="64 hexadecimal digits or 44 characters of base64"):
        digests.to_hex(text, digests.SHA256_BYTES)


def token(**claims) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def test_a_service_accounts_token_says_who_and_where():
    claims = tokens.read(token(sub="system:serviceaccount:web:deployer", exp=1800000000))

    assert claims == tokens.Claims("system:serviceaccount:web:deployer", "web", 1800000000.0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("d3b07384d113edec49eaa6238ad5ff00", id="opaque"),
        pytest.param("a.b.c", id="dots-only"),
        pytest.param("e30.W10.c2ln", id="list"),
        pytest.param(token(sub="alice"), id="another-issuer"),
        pytest.param(token(), id="no-subject"),
        pytest.param("e30./w==.c2ln", id="not-utf8"),
    ],
)
def test_other_tokens_say_nothing_here(text):
    assert tokens.read(text) is None


@pytest.mark.parametrize(
    ("user", "belongs"),
    [
        ("deployer", True),
        ("web:deployer", True),
        ("system:serviceaccount:web:deployer", True),
        ("other:deployer", False),
        ("web", False),
        ("deploy", False),
        ("", False),
    ],
)
def test_a_user_is_named_short_or_in_full(user, belongs):
    assert tokens.belongs_to("system:serviceaccount:web:deployer", user) is belongs


def test_a_user_that_is_no_service_account_is_named_in_full():
    assert tokens.belongs_to("alice", "alice")
    assert not tokens.belongs_to("alice:bob", "bob")
