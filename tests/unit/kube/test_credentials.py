"""Credentials follow what changes under them."""

from __future__ import annotations

import datetime as dt
import json
import os
import ssl
import sys

import pytest

from update_kube import configuration, credentials, errors

CA = ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0])


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


async def token(source):
    return (await source.identity()).authorization


def put(file, content):
    """Replace a file as the kubelet does: never half-written, a new inode."""
    fresh = file.with_suffix(".new")
    fresh.write_text(content)
    fresh.replace(file)


async def test_a_replaced_token_file_is_used_with_the_next_request(tmp_path):
    file = tmp_path / "token"
    put(file, "one\n")
    source = credentials.TokenFile(file, clock=Clock())
    assert await token(source) == "Bearer one"

    put(file, "two\n")

    assert await token(source) == "Bearer two"


async def test_a_file_rewritten_without_a_trace_is_read_again_within_a_minute(tmp_path):
    file = tmp_path / "token"
    file.write_text("one")
    before = file.stat()
    clock = Clock()
    source = credentials.TokenFile(file, clock=clock)
    assert await token(source) == "Bearer one"
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert await token(source) == "Bearer one"

    clock.seconds += 60

    assert await token(source) == "Bearer two"


async def test_after_a_401_the_file_is_read_at_once_and_tried_again_only_if_it_changed(tmp_path):
    file = tmp_path / "token"
    file.write_text("one")
    before = file.stat()
    source = credentials.TokenFile(file, clock=Clock())
    assert await token(source) == "Bearer one"
    assert not source.refused()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert source.refused()
    assert await token(source) == "Bearer two"


async def test_a_token_file_that_vanishes_or_is_emptied_later_leaves_the_last_token(tmp_path):
    file = tmp_path / "token"
    file.write_text("one")
    source = credentials.TokenFile(file, clock=Clock())
    assert await token(source) == "Bearer one"

    put(file, "")
    assert await token(source) == "Bearer one"
    file.unlink()
    assert await token(source) == "Bearer one"
    assert not source.refused()


@pytest.mark.parametrize("content", [pytest.param(None, id="missing"), pytest.param(" \n", id="empty")])
async def test_a_token_file_that_never_held_one_is_an_error(tmp_path, content):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    with pytest.raises(errors.CredentialsError, match=r"the token file .*token"):
        await credentials.TokenFile(file).identity()


def plugin(tmp_path, script):
    file = tmp_path / "plugin.py"
    file.write_text(script)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(file)],
            "env": [{"name": "ACCOUNT", "value": "robot"}],
            "installHint": "install the robot",
            "interactiveMode": "Never",
        }
    }


COUNTING = """
import json, os, pathlib
runs = pathlib.Path(__file__).with_name("runs")
n = int(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text(str(n))
status = {"token": os.environ["ACCOUNT"] + str(n)} | EXTRA
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def counting(**extra):
    return COUNTING.replace("EXTRA", json.dumps(extra))


async def test_a_plugin_runs_once_until_its_token_is_refused(tmp_path):
    source = credentials.of_user(plugin(tmp_path, counting()))
    assert [await token(source), await token(source)] == ["Bearer robot1", "Bearer robot1"]

    assert source.refused()

    assert await token(source) == "Bearer robot2"


async def test_a_plugin_runs_again_before_its_token_expires(tmp_path):
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    clock = Clock()
    source = credentials.KubeconfigUser(plugin(tmp_path, counting(expirationTimestamp=expires)), clock=clock)
    assert await token(source) == "Bearer robot1"
    clock.seconds += 10
    assert await token(source) == "Bearer robot1"

    clock.seconds += 60

    assert await token(source) == "Bearer robot2"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("raise SystemExit('no network')", "failed: .*no network(.|\n)*install the robot", id="fails"),
        pytest.param("print('hello')", "failed: .*decode", id="babbles"),
        pytest.param(
            counting().replace('"token"', '"tokken"'), "neither a token nor a certificate", id="gives nothing"
        ),
    ],
)
async def test_a_plugin_that_fails_is_an_error_never_an_anonymous_request(tmp_path, script, message):
    with pytest.raises(errors.CredentialsError, match=message):
        await credentials.of_user(plugin(tmp_path, script)).identity()


async def test_a_plugin_that_is_not_installed_says_how_to_get_it(tmp_path):
    user = plugin(tmp_path, "")
    user["exec"]["command"] = str(tmp_path / "nowhere")

    with pytest.raises(errors.CredentialsError, match=r"nowhere(.|\n)*install the robot"):
        await credentials.of_user(user).identity()


async def test_name_and_password_still_work():
    assert await token(credentials.of_user({"username": "a", "password": "b"})) == "Basic YTpi"


def service_account(folder):
    (folder / "token").write_text("sa-token")
    (folder / "ca.crt").write_text(CA)
    (folder / "namespace").write_text("updates")
    return folder


async def test_a_service_account_folder_gives_token_ca_and_namespace(tmp_path):
    config = configuration.from_service_account_dir(service_account(tmp_path), "https://10.0.0.1:443")

    assert (config.server, config.namespace, config.ca_data) == ("https://10.0.0.1:443", "updates", CA)
    assert await token(config.credentials) == "Bearer sa-token"


def test_a_pod_finds_the_server_in_its_environment(tmp_path):
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}

    assert configuration.in_cluster(service_account(tmp_path), environ).server == "https://[fd00::1]:443"


@pytest.mark.parametrize(
    "given", [pytest.param("", id="empty"), pytest.param("a b", id="two words"), pytest.param("a\nb: c", id="a header")]
)
def test_what_cannot_be_a_token_is_refused_before_it_is_sent(given):
    with pytest.raises(errors.CredentialsError, match="cannot be a token"):
        configuration.from_token("https://k.example", given)


async def test_a_token_and_a_ca_file_are_enough(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(CA)

    config = configuration.from_token("https://k.example/", "secret\n", file)

    assert (config.server, config.ca_data) == ("https://k.example", CA)
    assert await token(config.credentials) == "Bearer secret"
