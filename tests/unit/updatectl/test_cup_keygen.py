"""CUP keys from the command line: what the service gets signs what the clients get verifies."""

import base64
import json
import re
import subprocess
import sys

import pytest
import yaml

from support import cup_keys
from support.command_line import CommandLine, clean_environment
from update_core.omaha import cup
from updatectl import cup_forms

# The key with the id 14 as Google builds it into Chromium (request_sender.cc) and into Omaha 3 (cup_ecdsa_pubkey.14.h).
CHROMIUM_14 = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnQ80VXAOPbNgBiGyIPbbfbUkcW755cP7wqinrY"
    "cBeh0mtiIDBGnTrTLxM4uhXjOB0Esy9YHM/oubH5w5KjinYA=="
)
OMAHA3_14 = """\
{0x0e,
0x04,
0x9d, 0x0f, 0x34, 0x55, 0x70, 0x0e, 0x3d, 0xb3,
0x60, 0x06, 0x21, 0xb2, 0x20, 0xf6, 0xdb, 0x7d,
0xb5, 0x24, 0x71, 0x6e, 0xf9, 0xe5, 0xc3, 0xfb,
0xc2, 0xa8, 0xa7, 0xad, 0x87, 0x01, 0x7a, 0x1d,
0x26, 0xb6, 0x22, 0x03, 0x04, 0x69, 0xd3, 0xad,
0x32, 0xf1, 0x33, 0x8b, 0xa1, 0x5e, 0x33, 0x81,
0xd0, 0x4b, 0x32, 0xf5, 0x81, 0xcc, 0xfe, 0x8b,
0x9b, 0x1f, 0x9c, 0x39, 0x2a, 0x38, 0xa7, 0x60};"""
GOOGLE = cup_forms.NamedKey("14", cup.public_key(base64.b64decode(CHROMIUM_14)))

updatectl = CommandLine()


def octets(text):
    return bytes(int(octet, 16) for octet in re.findall(r"0x([0-9a-f]{2})\b", text))


def shown(text):
    """The public key in every form of a text."""
    parts = re.split(r"\n# (?:Chromium|Omaha|Fuchsia).*\n", text)
    head, chromium, array, omaha3, fuchsia = parts
    point = octets(omaha3)[1:]
    return {
        "PEM": cup.public_key(head[head.index("-----BEGIN") :].encode()).der,
        "Chromium": base64.b64decode("".join(re.findall(r'"(.*)"', chromium))),
        "bytes": octets(array),
        # The point, with what stands before each P-256 point in a SubjectPublicKeyInfo.
        "Omaha 3": GOOGLE.key.der[:-65] + point,
        "Fuchsia": cup.public_key(json.loads(fuchsia)["latest"]["key"].encode()).der,
    }


@pytest.mark.parametrize(("form", "load"), [("yaml", yaml.safe_load), ("json", json.loads)])
def test_what_the_secret_signs_with_is_what_is_printed_for_the_clients(form, load):
    made = updatectl("cup", "keygen", "--key-id", "7", "-o", form)
    secret = load(made.stdout)

    key = cup.signing_key(base64.b64decode(secret["data"].pop("7.pem")))
    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "update-service-cup-keys"},
        "type": "Opaque",
        "data": {},
    }
    assert set(shown(made.stderr).values()) == {key.public.der}
    assert "PRIVATE" not in made.stderr


def test_each_key_is_a_new_one():
    made = {updatectl("cup", "keygen", "--key-id", "1").stdout for _ in range(2)}

    assert len(made) == 2


def test_the_secret_is_called_and_put_as_asked():
    made = updatectl("cup", "keygen", "--key-id", "staging.2", "--secret-name", "cup", "-n", "web")

    secret = yaml.safe_load(made.stdout)
    assert secret["metadata"] == {"name": "cup", "namespace": "web"}
    assert list(secret["data"]) == ["staging.2.pem"]


@pytest.mark.parametrize("key_id", ["a:b", "", "../7", "ü", "-", "x" * 65])
def test_an_id_that_can_t_be_one_is_wrong_usage(key_id):
    assert "is no key id" in updatectl.fails("cup", "keygen", f"--key-id={key_id}", code=2)


@pytest.mark.parametrize("private", [True, False], ids=["private", "public"])
def test_an_existing_key_is_shown_as_clients_have_it(tmp_path, private):
    public = cup_keys.public(cup_keys.pem(cup_keys.FIXED))
    (tmp_path / "7.pem").write_bytes(cup_keys.pem(cup_keys.FIXED) if private else public.pem.encode())

    text = updatectl("cup", "show", str(tmp_path / "7.pem")).stdout

    assert set(shown(text).values()) == {public.der}
    assert "constexpr int kKeyVersion = 7;" in text
    assert "constexpr int kKeyVersion = 8;" in updatectl("cup", "show", str(tmp_path / "7.pem"), "--key-id", "8").stdout


def test_a_key_is_shown_from_standard_input():
    show = [sys.executable, "-m", "updatectl", "cup", "show", "-"]
    pem = cup_keys.pem(cup_keys.FIXED)
    named = subprocess.run(
        [*show, "--key-id", "7"], input=pem, capture_output=True, check=True, env=clean_environment()
    )
    nameless = subprocess.run(show, input=pem, capture_output=True, check=False, env=clean_environment())

    assert set(shown(named.stdout.decode()).values()) == {cup_keys.public(pem).der}
    assert nameless.returncode == 2
    assert b"--key-id" in nameless.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"nonsense", "it isn't a public key in PEM or DER"),
        (b"-----BEGIN PRIVATE KEY-----", "it isn't a private key in PEM without a password"),
    ],
    ids=["no file", "nonsense", "cut"],
)
def test_a_file_that_holds_no_key_is_named_with_the_reason(tmp_path, content, said):
    file = tmp_path / "7.pem"
    if content is not None:
        file.write_bytes(content)

    message = updatectl.fails("cup", "show", str(file))

    assert str(file) in message
    assert said in message


def test_google_s_own_key_looks_as_it_does_in_google_s_sources():
    assert cup_forms.omaha3(GOOGLE) == OMAHA3_14
    assert "".join(re.findall(r'"(.*)"', cup_forms.chromium(GOOGLE))) == CHROMIUM_14
    assert cup_forms.chromium(GOOGLE).startswith("constexpr int kKeyVersion = 14;\n")


@pytest.mark.parametrize(
    ("key_id", "clients"),
    [
        ("0", {"Fuchsia"}),
        ("1", {"Chromium", "Omaha 3", "Fuchsia"}),
        ("255", {"Chromium", "Omaha 3", "Fuchsia"}),
        ("256", {"Chromium", "Fuchsia"}),
        ("2147483647", {"Chromium", "Fuchsia"}),
        ("2147483648", {"Fuchsia"}),
        ("18446744073709551615", {"Fuchsia"}),
        ("18446744073709551616", set()),
        ("07", set()),
        ("x" * 64, set()),
        ("9" * 64, set()),
    ],
)
def test_a_form_is_only_shown_for_clients_that_can_name_the_key(key_id, clients):
    named = cup_forms.NamedKey(key_id, GOOGLE.key)
    forms = {"Chromium": cup_forms.chromium, "Omaha 3": cup_forms.omaha3, "Fuchsia": cup_forms.fuchsia}

    shown_for = {client for client, form in forms.items() if not form(named).startswith("# not for")}

    assert shown_for == clients
