"""The strict parsers that stand for real clients do reject what those reject; otherwise their acceptance means nothing."""

import pathlib
from collections.abc import Callable

import pytest

from support import omaha_clients

GOOD = (pathlib.Path(__file__).parent / "golden" / "update-engine-offer.response.xml").read_text()
APPID = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"

SHA1 = 'hash="+LXvjiaPkeYDLHoNKlf9qbJwvnk="'
SHA256_HEX = "b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"
SHA256_BASE64 = "tgLWMPCggYQNDKj8TTWBDkKAZkKzEnm7AtZcPfIn0PU="
URLS = GOOD[GOOD.index("<urls>") : GOOD.index("<manifest")]


def go_omaha(body: bytes) -> None:
    omaha_clients.go_omaha(body, APPID)


def nebraska(body: bytes) -> None:
    omaha_clients.nebraska_check_reply(body, APPID)


CLIENTS = [omaha_clients.update_engine, go_omaha, nebraska, omaha_clients.updatectl, omaha_clients.ue_rs]


@pytest.mark.parametrize("client", [*CLIENTS, omaha_clients.omaha_3])
def test_every_client_accepts_the_good_response(client: Callable[[bytes], object]) -> None:
    client(GOOD.encode())


@pytest.mark.parametrize(
    ("client", "good", "bad"),
    [
        pytest.param(
            omaha_clients.update_engine, "<response ", '<response xmlns="urn:x" ', id="update_engine: namespace"
        ),
        pytest.param(
            omaha_clients.update_engine,
            '<updatecheck status="ok"',
            '<updatecheck status="error-internal"',
            id="update_engine: a status that is neither ok nor noupdate",
        ),
        pytest.param(omaha_clients.update_engine, URLS, "", id="update_engine: no urls"),
        pytest.param(omaha_clients.update_engine, 'size="23"', 'size="0"', id="update_engine: no size"),
        pytest.param(omaha_clients.update_engine, 'event="postinstall"', 'event="install"', id="update_engine: action"),
        pytest.param(omaha_clients.update_engine, SHA256_BASE64, SHA256_HEX, id="update_engine: hexadecimal action"),
        pytest.param(omaha_clients.update_engine, '/app/"/>', '/app"/>', id="update_engine: no final slash"),
        pytest.param(
            omaha_clients.update_engine, "</response>", "</response>\n", id="update_engine: text after the end"
        ),
        pytest.param(go_omaha, 'protocol="3.0"', 'protocol="3.1"', id="go-omaha: protocol"),
        pytest.param(go_omaha, APPID, APPID.upper(), id="go-omaha: appid in upper case"),
        pytest.param(go_omaha, APPID, APPID.strip("{}"), id="go-omaha: appid without braces"),
        pytest.param(go_omaha, 'status="ok"><ping', 'status="error-internal"><ping', id="go-omaha: application status"),
        pytest.param(go_omaha, "UTF-8", "ISO-8859-1", id="go-omaha: encoding"),
        pytest.param(go_omaha, 'IsDelta="false"', 'IsDelta="no"', id="go-omaha: boolean"),
        pytest.param(nebraska, APPID, "{other}", id="nebraska: application missing"),
        pytest.param(nebraska, "updatecheck", "other", id="nebraska: no updatecheck"),
        pytest.param(omaha_clients.updatectl, URLS, "", id="updatectl: no urls"),
        pytest.param(omaha_clients.ue_rs, SHA1, 'hash=""', id="ue-rs: empty hash"),
        pytest.param(
            omaha_clients.ue_rs, SHA1, 'hash="f8b5ef8e268f91e6032c7a0d2a57fda9b270be79"', id="ue-rs: hex hash"
        ),
        pytest.param(
            omaha_clients.ue_rs,
            f'hash_sha256="{SHA256_HEX}"',
            f'hash_sha256="{SHA256_BASE64}"',
            id="ue-rs: base64 sha256",
        ),
        pytest.param(omaha_clients.ue_rs, "<url codebase", '<url a="" codebase', id="ue-rs: codebase is second"),
        pytest.param(
            omaha_clients.ue_rs, "https://pkgs.example.com/", "index.example.com/", id="ue-rs: no absolute url"
        ),
        pytest.param(omaha_clients.ue_rs, APPID, "io.kinvolk.demo", id="ue-rs: appid is no UUID"),
        pytest.param(omaha_clients.ue_rs, 'required="true"', 'required="True"', id="ue-rs: boolean"),
        pytest.param(omaha_clients.ue_rs, 'sha256="tgLW', 'other="tgLW', id="ue-rs: action without sha256"),
        pytest.param(omaha_clients.omaha_3, 'elapsed_days="7266"', "", id="Omaha 3: no day"),
        pytest.param(omaha_clients.omaha_3, 'required="true"', "", id="Omaha 3: required is missing"),
    ],
)
def test_a_client_rejects_what_the_real_one_would(client: Callable[[bytes], object], good: str, bad: str) -> None:
    assert good in GOOD

    with pytest.raises(omaha_clients.Rejected):
        client(GOOD.replace(good, bad).encode())


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/xml; charset=latin1"])
def test_go_omaha_rejects_other_content_types(content_type: str) -> None:
    with pytest.raises(omaha_clients.Rejected):
        omaha_clients.go_omaha(GOOD.encode(), APPID, content_type)
