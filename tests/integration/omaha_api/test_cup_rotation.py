"""From `updatectl cup keygen` to an answer that a client trusts, and from one key to the next, with the real parts in between."""

import base64
import json

import pytest

from support import cup_keys, omaha_fleet
from support.command_line import CommandLine
from support.local_stack import wait_until
from support.omaha_process import OmahaProcess, running
from update_core.omaha import cup

SECRET = "update-service-cup-keys"

updatectl = CommandLine()


def keygen(key_id, *options):
    return updatectl("cup", "keygen", "--key-id", key_id, *options).stdout


def in_secret(kubectl):
    """What kubelet would find, by key id."""
    data = json.loads(kubectl("get", "secret", SECRET, "-o", "json").stdout)["data"]
    return {f"k{name.removesuffix('.pem')}": base64.b64decode(content) for name, content in data.items()}


@pytest.fixture
def keys_folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def omaha(control_plane, tmp_path, keys_folder):
    flags = ["--kubeconfig", str(control_plane.kubeconfig), "--cup-keys-dir", str(keys_folder)]
    with running(OmahaProcess(tmp_path, flags)) as process:
        yield process


@pytest.fixture
def answer(omaha, app_id):
    """What a client with this key and nonce makes of its answer: the version that it trusts, or what is wrong."""
    body = omaha_fleet.check(app_id, "first")

    def ask(key_id, keys):
        cup2key = f"{key_id}:n0nce"
        reply = omaha.post(body, path=f"/v1/update/?{cup.query(cup2key, body)}")
        proof = reply.headers.get("etag", "")
        public = cup_keys.public(keys[f"k{key_id}"])
        return public.distrust(cup2key.encode(), body, reply.body, proof) or (reply.status, reply.answer)

    return ask


def test_a_key_is_made_mounted_and_followed_by_the_next_without_a_moment_s_distrust(
    omaha, fleet, kubectl, app_id, answer, keys_folder
):
    fleet.roll_out("1.1.0")
    kubectl("create", "-f", "-", input=keygen("1"))
    first = in_secret(kubectl)
    secret = cup_keys.MountedSecret(keys_folder, **first)
    omaha.start()
    omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "1.1.0")
    assert answer("1", first) == (200, "1.1.0")

    kubectl("patch", "secret", SECRET, "--patch-file", "/dev/stdin", input=keygen("2", "-o", "json"))
    both = in_secret(kubectl)
    assert both == {**first, "k2": both["k2"]}
    assert answer("2", both) is cup.Distrust.MALFORMED_PROOF
    secret.replace(**both)

    wait_until(lambda: answer("2", both) == (200, "1.1.0"), "the second key counts")
    assert answer("1", first) == (200, "1.1.0")


def test_a_secret_that_exists_is_not_overwritten_by_a_new_one(kubectl):
    kubectl("create", "-f", "-", input=keygen("1"))
    first = in_secret(kubectl)

    assert kubectl("create", "-f", "-", input=keygen("2"), check=False).returncode != 0
    assert in_secret(kubectl) == first


def test_a_folder_that_isn_t_there_is_said_at_the_start(omaha, keys_folder):
    ended = omaha.run_to_its_end()

    said = f"omaha-api: {keys_folder} can't be read: No such file or directory"
    assert (ended.returncode, ended.stderr.strip()) == (1, said)
