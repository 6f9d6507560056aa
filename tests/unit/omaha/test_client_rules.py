"""The strict parsers that stand for real clients do reject what those reject; otherwise their acceptance means nothing."""

import pathlib
from collections.abc import Callable

import pytest

from support.clients import go_omaha as go_omaha_client
from support.clients import nebraska as nebraska_client
from support.clients import omaha3, ue_rs, update_engine, updatectl
from support.clients.acceptance import Rejected

GOOD = (pathlib.Path(__file__).parent / "golden" / "update-engine-offer.response.xml").read_text()
APPID = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"

SHA1 = 'hash="+LXvjiaPkeYDLHoNKlf9qbJwvnk="'
SHA256_HEX = "b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"
SHA256_BASE64 = "tgLWMPCggYQNDKj8TTWBDkKAZkKzEnm7AtZcPfIn0PU="
URLS = GOOD[GOOD.index("<urls>") : GOOD.index("<manifest")]


def go_omaha(body: bytes) -> None:
    go_omaha_client.check_reply(body, APPID)


def nebraska(body: bytes) -> None:
    nebraska_client.check_reply(body, APPID)


CLIENTS = [update_engine.check_reply, go_omaha, nebraska, updatectl.check_reply, ue_rs.update_reply]


@pytest.mark.parametrize("client", [*CLIENTS, omaha3.reply])
def test_every_client_accepts_the_good_response(client: Callable[[bytes], object]) -> None:
    client(GOOD.encode())


@pytest.mark.parametrize(
    ("client", "good", "bad"),
    [
        pytest.param(
            update_engine.check_reply, "<response ", '<response xmlns="urn:x" ', id="update_engine: namespace"
        ),
        pytest.param(
            update_engine.check_reply,
            '<updatecheck status="ok"',
            '<updatecheck status="error-internal"',
            id="update_engine: a status that is neither ok nor noupdate",
        ),
        pytest.param(update_engine.check_reply, URLS, "", id="update_engine: no urls"),
        pytest.param(update_engine.check_reply, 'size="23"', 'size="0"', id="update_engine: no size"),
        pytest.param(update_engine.check_reply, 'event="postinstall"', 'event="install"', id="update_engine: action"),
        pytest.param(update_engine.check_reply, SHA256_BASE64, SHA256_HEX, id="update_engine: hexadecimal action"),
        pytest.param(update_engine.check_reply, '/app/"/>', '/app"/>', id="update_engine: no final slash"),
        pytest.param(update_engine.check_reply, "</response>", "</response>\n", id="update_engine: text after the end"),
        pytest.param(
            update_engine.check_reply,
            '<updatecheck status="ok"',
            '<updatecheck status="ok" PollInterval="1h"',
            id="update_engine: an interval that is no number",
        ),
        pytest.param(
            update_engine.check_reply,
            'DisablePayloadBackoff="true"',
            'DisablePayloadBackoff="1"',
            id="update_engine: a boolean other than true and false",
        ),
        pytest.param(
            update_engine.check_reply,
            'DisablePayloadBackoff="true"',
            'MaxFailureCountPerUrl="few"',
            id="update_engine: a number of failures that is none",
        ),
        pytest.param(update_engine.check_reply, "</manifest>", "</manifest><manifest/>", id="update_engine: manifests"),
        pytest.param(go_omaha, 'protocol="3.0"', 'protocol="3.1"', id="go-omaha: protocol"),
        pytest.param(go_omaha, APPID, APPID.upper(), id="go-omaha: appid in upper case"),
        pytest.param(go_omaha, APPID, APPID.strip("{}"), id="go-omaha: appid without braces"),
        pytest.param(go_omaha, 'status="ok"><ping', 'status="error-internal"><ping', id="go-omaha: application status"),
        pytest.param(go_omaha, "UTF-8", "ISO-8859-1", id="go-omaha: encoding"),
        pytest.param(go_omaha, 'IsDelta="false"', 'IsDelta="no"', id="go-omaha: boolean"),
        pytest.param(go_omaha, 'size="23"', 'size="-1"', id="go-omaha: negative size"),
        pytest.param(go_omaha, 'size="23"', f'size="{2**64}"', id="go-omaha: a size of more than 64 bits"),
        pytest.param(
            go_omaha, '<manifest version="1.1.0"', '<manifest version="1.1.0" is_floor="yes"', id="go-omaha: floor"
        ),
        pytest.param(nebraska, APPID, "{other}", id="nebraska: application missing"),
        pytest.param(nebraska, "updatecheck", "other", id="nebraska: no updatecheck"),
        pytest.param(updatectl.check_reply, URLS, "", id="updatectl: no urls"),
        pytest.param(updatectl.check_reply, "</manifest>", "</manifest><manifest/>", id="updatectl: manifests"),
        pytest.param(ue_rs.update_reply, SHA1, 'hash=""', id="ue-rs: empty hash"),
        pytest.param(
            ue_rs.update_reply, ' hash="b29vb29vb29vb29vb29vb29vb28="', "", id="ue-rs: an extra file without a digest"
        ),
        pytest.param(ue_rs.update_reply, "</manifest>", "</manifest><manifest/>", id="ue-rs: manifests"),
        pytest.param(ue_rs.update_reply, 'event="postinstall"', 'event="uninstall"', id="ue-rs: unknown action"),
        pytest.param(ue_rs.update_reply, ' needsadmin="', ' successaction="quiet" needsadmin="', id="ue-rs: success"),
        pytest.param(ue_rs.update_reply, "actions>", "more>", id="ue-rs: no actions"),
        pytest.param(ue_rs.update_reply, SHA1, 'hash="f8b5ef8e268f91e6032c7a0d2a57fda9b270be79"', id="ue-rs: hex hash"),
        pytest.param(
            ue_rs.update_reply,
            f'hash_sha256="{SHA256_HEX}"',
            f'hash_sha256="{SHA256_BASE64}"',
            id="ue-rs: base64 sha256",
        ),
        pytest.param(ue_rs.update_reply, "<url codebase", '<url a="" codebase', id="ue-rs: codebase is second"),
        pytest.param(
            ue_rs.update_reply, "https://pkgs.example.com/", "index.example.com/", id="ue-rs: no absolute url"
        ),
        pytest.param(ue_rs.update_reply, APPID, "io.kinvolk.demo", id="ue-rs: appid is no UUID"),
        pytest.param(ue_rs.update_reply, 'required="true"', 'required="True"', id="ue-rs: boolean"),
        pytest.param(ue_rs.update_reply, 'sha256="tgLW', 'other="tgLW', id="ue-rs: action without sha256"),
        pytest.param(omaha3.reply, 'elapsed_days="7266"', "", id="Omaha 3: no day"),
        pytest.param(omaha3.reply, 'required="true"', "", id="Omaha 3: required is missing"),
        pytest.param(omaha3.reply, 'protocol="3.0"', 'protocol="4.0"', id="Omaha 3: protocol"),
        pytest.param(omaha3.reply, 'event="postinstall"', 'event="uninstall"', id="Omaha 3: unknown action"),
        pytest.param(omaha3.reply, ' needsadmin="', ' onsuccess="quiet" needsadmin="', id="Omaha 3: on success"),
        pytest.param(omaha3.reply, "codebase=", "href=", id="Omaha 3: a url without codebase"),
        pytest.param(
            omaha3.reply, "</app>", '<data name="install" index="7"/></app>', id="Omaha 3: data without status"
        ),
        pytest.param(
            omaha3.reply, "</app>", '<data name="install" status="ok"/></app>', id="Omaha 3: install data without index"
        ),
        pytest.param(omaha3.reply, "</app>", '<data name="x" status="ok"/></app>', id="Omaha 3: data of another name"),
    ],
)
def test_a_client_rejects_what_the_real_one_would(client: Callable[[bytes], object], good: str, bad: str) -> None:
    assert good in GOOD

    with pytest.raises(Rejected):
        client(GOOD.replace(good, bad).encode())


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/xml; charset=latin1"])
def test_go_omaha_rejects_other_content_types(content_type: str) -> None:
    with pytest.raises(Rejected):
        go_omaha_client.check_reply(GOOD.encode(), APPID, content_type)
