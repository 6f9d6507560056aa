"""The folder of CUP keys: as kubelet mounts and exchanges it, and what becomes of files that can't be used."""

import asyncio
import contextlib
import logging

import pytest

from omaha_api.cup.signing_keys import KeyFolder, KeyFolderError
from support import cup_keys
from support.eventually import eventually

ONE, TWO, THREE = (cup_keys.pem() for _ in range(3))


def held(folder):
    return {key_id: key.public for key_id, key in folder.keys.items()}


def expected(**keys):
    return {name.removeprefix("k"): cup_keys.public(content) for name, content in keys.items()}


def test_every_file_is_a_key_whose_id_is_its_name(tmp_path):
    secret = cup_keys.MountedSecret(tmp_path / "keys", k1=ONE, k18446744073709551615=TWO, staging=THREE)
    (secret.folder / "notes.txt").write_text("no key")

    assert held(KeyFolder(secret.folder)) == expected(k1=ONE, k18446744073709551615=TWO, staging=THREE)


def test_a_key_that_is_added_to_the_secret_joins_the_others(tmp_path):
    secret = cup_keys.MountedSecret(tmp_path / "keys", k1=ONE)
    folder = KeyFolder(secret.folder)

    secret.replace(k1=ONE, k2=TWO)
    folder.look()

    assert held(folder) == expected(k1=ONE, k2=TWO)


def test_a_key_that_is_exchanged_or_removed_counts_as_it_is_now(tmp_path, caplog):
    secret = cup_keys.MountedSecret(tmp_path / "keys", k1=ONE, k2=TWO)
    folder = KeyFolder(secret.folder)

    secret.replace(k2=THREE)
    folder.look()

    assert held(folder) == expected(k2=THREE)
    assert "CUP key 1 is gone" in caplog.text


@pytest.mark.parametrize("content", [b"", ONE[: len(ONE) // 2], b"nonsense"], ids=["empty", "half", "nonsense"])
def test_a_file_that_can_t_be_used_leaves_the_others_and_its_former_self(tmp_path, caplog, content):
    secret = cup_keys.MountedSecret(tmp_path / "keys", k1=ONE, k2=TWO)
    folder = KeyFolder(secret.folder)

    secret.replace(k1=content, k2=THREE, k3=content)
    folder.look()

    assert held(folder) == expected(k1=ONE, k2=THREE)
    assert "1.pem isn't used, and the key that it held before goes on: it isn't a private key in PEM" in caplog.text
    assert "3.pem isn't used: it isn't a private key in PEM" in caplog.text

    secret.replace(k1=THREE, k2=THREE, k3=ONE)
    folder.look()

    assert held(folder) == expected(k1=THREE, k2=THREE, k3=ONE)


def test_a_bad_file_is_mentioned_once_for_each_time_that_it_is_written(tmp_path, caplog):
    (tmp_path / "1.pem").write_bytes(b"nonsense")
    folder = KeyFolder(tmp_path)
    for _ in range(3):
        folder.look()

    assert caplog.text.count("1.pem isn't used") == 1


@pytest.mark.parametrize("name", ["a:b.pem", "ü.pem", " .pem", "a b.pem", "x" * 65 + ".pem"])
def test_a_name_that_can_t_be_a_key_id_is_no_key(tmp_path, caplog, name):
    (tmp_path / name).write_bytes(ONE)

    assert held(KeyFolder(tmp_path)) == {}
    assert "its name can't be a key id" in caplog.text


def test_entries_that_aren_t_files_are_mentioned_and_left(tmp_path, caplog):
    (tmp_path / "1.pem").write_bytes(ONE)
    (tmp_path / "2.pem").mkdir()
    (tmp_path / "3.pem").symlink_to("3.pem")
    (tmp_path / "4.pem").symlink_to("nowhere")

    assert held(KeyFolder(tmp_path)) == expected(k1=ONE)
    assert "2.pem isn't used: Is a directory" in caplog.text
    assert "3.pem isn't used: Too many levels of symbolic links" in caplog.text


def test_a_folder_that_goes_leaves_the_keys_and_is_followed_when_it_is_back(tmp_path, caplog):
    secret = cup_keys.MountedSecret(tmp_path / "keys", k1=ONE)
    folder = KeyFolder(secret.folder)
    secret.folder.rename(tmp_path / "away")

    folder.look()
    folder.look()

    assert held(folder) == expected(k1=ONE)
    assert caplog.text.count("the CUP keys stay as they are") == 1

    cup_keys.MountedSecret(tmp_path / "keys", k2=TWO)
    folder.look()

    assert held(folder) == expected(k2=TWO)


@pytest.mark.parametrize("path", ["nothing", "file"])
def test_a_start_without_the_folder_fails_and_says_which(tmp_path, path):
    (tmp_path / "file").write_text("")

    with pytest.raises(KeyFolderError, match=f"{path} can't be read: "):
        KeyFolder(tmp_path / path)


def test_an_empty_folder_is_filled_later(tmp_path, caplog):
    folder = KeyFolder(tmp_path)
    assert "there is no CUP key in" in caplog.text

    (tmp_path / "1.pem").write_bytes(ONE)
    folder.look()

    assert held(folder) == expected(k1=ONE)


async def test_the_folder_is_followed_while_the_service_runs(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    secret = cup_keys.MountedSecret(tmp_path / "keys", k1=ONE)
    folder = KeyFolder(secret.folder, look_seconds=0.01)
    following = asyncio.create_task(folder.run())

    secret.replace(k1=ONE, k2=TWO)
    await eventually(lambda: held(folder) == expected(k1=ONE, k2=TWO))

    assert "answers are signed with CUP key 2 on request" in caplog.text
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
