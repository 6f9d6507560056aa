"""The strict parsers that stand for real clients do reject what those reject; otherwise their acceptance means nothing."""

import pathlib
from collections.abc import Callable

import pytest

from support import omaha_clients_json
from support.clients import chromium
from support.clients import fuchsia as fuchsia_client
from support.clients.acceptance import Rejected
from update_core.omaha import dialects

GOLDEN = pathlib.Path(__file__).parent / "golden"
EVERYTHING = {"download", "xz", "zucc", "puff", "crx3", "run"}
SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"
ACTIONS = '"actions":{"action":[{"event":"install","run":"update.crx"},{"event":"postinstall"}]},'


def fuchsia(body: bytes) -> object:
    return fuchsia_client.check_reply(body)


def chromium_31(body: bytes) -> object:
    return chromium.check_reply_31(body)


def chromium_40(body: bytes) -> object:
    return chromium.check_reply_40(body, EVERYTHING)


GOOD: dict[Callable[[bytes], object], str] = {
    client: (GOLDEN / f"{name}-offer.response.json").read_text()
    for client, name in ((fuchsia, "fuchsia"), (chromium_31, "chromium31"), (chromium_40, "chromium40"))
}


@pytest.mark.parametrize("client", GOOD)
def test_each_client_accepts_its_good_response(client: Callable[[bytes], object]) -> None:
    client(GOOD[client].encode())


def test_fuchsia_takes_an_answer_without_the_prefix_too() -> None:
    fuchsia(GOOD[fuchsia].removeprefix(")]}'\n").encode())


@pytest.mark.parametrize(
    ("client", "good", "bad"),
    [
        pytest.param(fuchsia, '{"response"', '{"answer"', id="Fuchsia: no response"),
        pytest.param(fuchsia, '"app":[', '"apps":[', id="Fuchsia: no app"),
        pytest.param(fuchsia, '"app":[', '"app":[],"app":[', id="Fuchsia: a name twice"),
        pytest.param(fuchsia, '"server":"update-service"', '"server":1', id="Fuchsia: server"),
        pytest.param(fuchsia, '"elapsed_days":7266', '"elapsed_days":"7266"', id="Fuchsia: a day that is a text"),
        pytest.param(fuchsia, '"elapsed_days":7266', '"elapsed_days":-1', id="Fuchsia: a negative day"),
        pytest.param(fuchsia, ',"required":true', "", id="Fuchsia: no required"),
        pytest.param(fuchsia, '"required":true', '"required":"true"', id="Fuchsia: required is a text"),
        pytest.param(fuchsia, f',"fp":"1.{SHA256}"', "", id="Fuchsia: no fp"),
        pytest.param(fuchsia, '"size":23', '"size":-23', id="Fuchsia: size"),
        pytest.param(fuchsia, ACTIONS, "", id="Fuchsia: no actions"),
        pytest.param(fuchsia, '"version":"1.1.0",', "", id="Fuchsia: no version"),
        pytest.param(fuchsia, '"ping":{"status":"ok"}', '"ping":{}', id="Fuchsia: ping"),
        pytest.param(fuchsia, '"cohort":"stable', '"cohort":7,"x":"', id="Fuchsia: cohort"),
        pytest.param(fuchsia, '"name":"update.crx",', "", id="Fuchsia: no name"),
        pytest.param(chromium_31, ")]}'", "", id="Chromium 3.1: no prefix"),
        pytest.param(chromium_31, '"3.1"', '"3.0"', id="Chromium 3.1: protocol"),
        pytest.param(chromium_31, '"3.1"', "3.1", id="Chromium 3.1: protocol as a number"),
        pytest.param(chromium_31, '"appid":"{', '"appid":"","x":"{', id="Chromium 3.1: no appid"),
        pytest.param(chromium_31, '"status":"ok","cohort"', '"status":"error-x","cohort"', id="Chromium 3.1: status"),
        pytest.param(chromium_31, '"status":"ok","urls"', '"urls"', id="Chromium 3.1: no updatecheck status"),
        pytest.param(chromium_31, '"1.1.0"', '"1.1.0-rc1"', id="Chromium 3.1: a semantic version"),
        pytest.param(chromium_31, '"1.1.0"', '"4294967296"', id="Chromium 3.1: a version above 32 bits"),
        pytest.param(chromium_31, '"1.1.0"', '"01.1"', id="Chromium 3.1: a leading zero"),
        pytest.param(chromium_31, "https://", "", id="Chromium 3.1: no absolute url"),
        pytest.param(chromium_31, '"name":"update.crx"', '"name":"app:1.crx"', id="Chromium 3.1: name with a scheme"),
        pytest.param(chromium_31, '"name":"update.crx"', '"name":1', id="Chromium 3.1: name"),
        pytest.param(chromium_31, '"package":[', '"package":{},"x":[', id="Chromium 3.1: no list of packages"),
        pytest.param(chromium_31, f'"{SHA256}"', f'"{SHA256.upper()}"', id="Chromium 3.1: digest in capitals"),
        pytest.param(chromium_31, '"size":23', '"size":9007199254740992', id="Chromium 3.1: size"),
        pytest.param(chromium_31, '"elapsed_days":7266', '"elapsed_days":7266.5', id="Chromium 3.1: day"),
        pytest.param(chromium_40, ")]}'", "", id="Chromium 4.0: no prefix"),
        pytest.param(chromium_40, '"4.0"', '"3.1"', id="Chromium 4.0: protocol"),
        pytest.param(chromium_40, '"apps":', '"app":', id="Chromium 4.0: the draft's list"),
        pytest.param(chromium_40, '"status":"ok","cohort"', '"cohort"', id="Chromium 4.0: no status"),
        pytest.param(chromium_40, '"nextversion":"1.1.0"', '"version":"1.1.0"', id="Chromium 4.0: no nextversion"),
        pytest.param(chromium_40, '"1.1.0"', '"1.1.a"', id="Chromium 4.0: version"),
        pytest.param(chromium_40, '"url":"https://', '"url":"', id="Chromium 4.0: no absolute url"),
        pytest.param(chromium_40, '"type":"download",', "", id="Chromium 4.0: no type"),
        pytest.param(chromium_40, '"type":"crx3"', '"type":"unzip"', id="Chromium 4.0: an operation it doesn't know"),
        pytest.param(chromium_40, '"out":{"sha256"', '"outhash":{"sha256"', id="Chromium 4.0: the draft's digest"),
        pytest.param(chromium_40, '"in":{"sha256":"b', '"in":{"sha256":"a', id="Chromium 4.0: another file"),
        pytest.param(chromium_40, '"path":"recovery.crx3"', '"path":""', id="Chromium 4.0: runs nothing"),
        pytest.param(chromium_40, '"pipelines":[{', '"pipelines":[],"x":[{', id="Chromium 4.0: no pipeline"),
    ],
)
def test_a_client_rejects_what_the_real_one_would(client: Callable[[bytes], object], good: str, bad: str) -> None:
    assert good in GOOD[client]

    with pytest.raises(Rejected):
        client(GOOD[client].replace(good, bad).encode())


def test_a_client_of_4_0_rejects_an_operation_that_it_did_not_list() -> None:
    with pytest.raises(Rejected):
        chromium.check_reply_40(GOOD[chromium_40].encode(), {"download", "crx3"})


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        pytest.param(")]}'\n", ")]}'", id="prefix without its line feed"),
        pytest.param("fd8d1b4c", "FD8D1B4C", id="appid in another case"),
        pytest.param('"ping":{"status":"ok"},', "", id="no ping"),
        pytest.param('"updatecheck"', '"other"', id="no updatecheck"),
        pytest.param('"protocol":"3.0"', '"protocol":"3.1"', id="protocol"),
        pytest.param('"updatecheck"', '"event":[{"status":"ok"}],"updatecheck"', id="an event that nobody sent"),
    ],
)
def test_an_answer_to_something_else_is_rejected(good: str, bad: str) -> None:
    sent, _ = dialects.read((GOLDEN / "fuchsia-noupdate.request.json").read_bytes().replace(b"e96281a6", b"fd8d1b4c"))
    response = (GOLDEN / "fuchsia-noupdate.response.json").read_text().replace("e96281a6", "fd8d1b4c")
    omaha_clients_json.assert_accepted(sent, response.encode())
    assert good in response

    with pytest.raises(Rejected):
        omaha_clients_json.assert_accepted(sent, response.replace(good, bad).encode())


@pytest.mark.parametrize("content_type", ["text/xml", "text/plain; charset=utf-8", ""])
def test_another_content_type_is_rejected(content_type: str) -> None:
    sent, _ = dialects.read((GOLDEN / "fuchsia-noupdate.request.json").read_bytes())

    with pytest.raises(Rejected):
        omaha_clients_json.assert_accepted(sent, (GOLDEN / "fuchsia-noupdate.response.json").read_bytes(), content_type)
