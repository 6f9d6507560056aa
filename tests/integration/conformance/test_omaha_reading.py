"""What a request may look like, and what happens to one that can't be understood."""

import http.client
import json
import re

import pytest

from support import omaha_port, omaha_requests
from support.omaha_service import Reply

JSON_DIALECT = pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])


@pytest.mark.omaha_point(6, breaks="go-omaha, Chromium: an answer in another version is none to them")
@pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
def test_the_answer_repeats_the_protocol_version_of_the_request(omaha, guide_app, protocol):
    """An answer says the same protocol version as its request: 3.0, 3.1 or 4.0."""
    reply = omaha.ask(omaha_requests.check(protocol, guide_app, machineid="m"))

    if protocol == "xml":
        assert b'<response protocol="3.0"' in reply.body
    else:
        assert omaha_port.document(reply)["protocol"] == protocol


@pytest.mark.omaha_point(
    7, breaks="clients of another Omaha: they would act on an answer that says something else to them"
)
@pytest.mark.parametrize(
    "body",
    [
        *(
            pytest.param(omaha_requests.xml(protocol=version), id=f"xml {version}")
            for version in ("2.0", "9.9", "3.1", "4.0", "3")
        ),
        *(pytest.param(omaha_requests.in_json(version), id=f"json {version}") for version in ("2.0", "9.9", "3", "")),
        pytest.param(b"<request/>", id="xml without"),
        pytest.param(b'{"request": {"app": []}}', id="json without"),
        pytest.param(b'{"request": {"protocol": 3.1, "app": []}}', id="json number"),
    ],
)
def test_another_protocol_version_is_a_bad_request(omaha, body):
    """A protocol version that isn't spoken here gets 400 and is told which ones are."""
    reply = omaha.send(body)

    assert reply.status == 400
    assert b"3.0" in reply.body


BROKEN = {
    "empty": b"",
    "white space": b" \r\n\t ",
    "words": b"hello",
    "cut": b'<request protocol="3.0"><app appid="io.foo.app"',
    "unclosed": b'<request protocol="3.0"><app>',
    "two roots": b'<request protocol="3.0"/><request protocol="3.0"/>',
    # update_engine doesn't escape quotes, so a machine's own names can break its request.
    "quotes in an alias": b'<request protocol="3.0"><app appid="io.foo.app" machinealias="the "old" one"/></request>',
    "another root": b'<response protocol="3.0"/>',
    "namespace": b'<request xmlns="http://www.google.com/update2" protocol="3.0"/>',
    "undeclared entity": b'<request protocol="3.0" version="&secret;"/>',
    "doctype": b'<!DOCTYPE request [<!ENTITY e SYSTEM "file:///etc/passwd">]><request protocol="3.0" version="&e;"/>',
    "invalid utf-8": b'<request protocol="3.0" version="\xff\xfe"/>',
    "utf-16": '<request protocol="3.0"/>'.encode("utf-16"),
    "zero byte": b'<request protocol="3.0" version="\x00"/>',
    "cut json": b'{"request": {"protocol": "3.1"',
    "json list": b'[{"request": {"protocol": "3.1"}}]',
    "json text": b'"request"',
    "no request": b'{"protocol": "3.1", "app": []}',
    "name twice": b'{"request": {"protocol": "3.1", "protocol": "3.0", "app": []}}',
    "no number": b'{"request": {"protocol": "3.1", "app": [], "x": NaN}}',
    "deep json": b'{"request": ' + b"[" * 30_000,
    "deep xml": b'<request protocol="3.0">' + b"<a>" * 10_000,
}


@pytest.mark.omaha_point(
    8, breaks="every client: one machine with an odd name would take the service down, or be told nothing"
)
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_malformed_request_gets_a_reason_without_internals_and_harms_nobody(omaha, guide_app, body):
    """What is no request gets 400 with a short reason in plain text that shows nothing of the service's inside, which goes on."""
    connection = http.client.HTTPConnection("127.0.0.1", omaha.port, timeout=30)
    connection.request("POST", "/v1/update/", body)
    refused = connection.getresponse()
    said = refused.read()

    assert (refused.status, refused.getheader("content-type")) == (400, "text/plain; charset=utf-8")
    assert re.fullmatch(rb"[ -~]{10,120}\n", said)
    assert not re.search(rb"lxml|etree|libxml|expat|json\.|column|Traceback|File|\.py|Error", said)
    # The same connection is as good as before.
    good = omaha_requests.xml_check(guide_app, machineid="m")
    connection.request("POST", "/v1/update/", good)
    answered = connection.getresponse()
    reply = Reply(answered.status, {"content-type": answered.getheader("content-type")}, answered.read())
    connection.close()
    assert omaha_port.offered(omaha_port.accepted(good, reply)) == "1.1.0"


@pytest.mark.omaha_point(10, breaks="Nebraska's tools, update_engine, ue-rs: each begins its document in its own way")
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n  \t\r\n", id="white space"),
        pytest.param(b'<?xml version="1.0" encoding="UTF-8"?>\n', id="declaration"),
        pytest.param(b"<?xml version='1.0' encoding='utf-8'?>", id="quoted otherwise"),
        pytest.param(b"\xef\xbb\xbf", id="byte order mark"),
        pytest.param(b'\xef\xbb\xbf<?xml version="1.0"?>', id="byte order mark and declaration"),
        pytest.param(b' \n<?xml version="1.0"?>', id="white space and declaration"),
        pytest.param(b"<!-- a comment -->", id="comment"),
    ],
)
def test_a_document_in_xml_may_begin_as_it_likes(omaha, guide_app, before):
    """XML is read with or without a declaration, a byte order mark, and white space in front and behind."""
    body = omaha_requests.xml_check(guide_app, machineid="m")

    for sent in (before + body, before + body + b"\n"):
        assert omaha_port.offered(omaha.ask(sent)) == "1.1.0"


@pytest.mark.omaha_point(10)
@JSON_DIALECT
def test_a_document_in_json_may_begin_as_it_likes(omaha, guide_app, protocol):
    body = omaha_requests.json_check(protocol, guide_app, machineid="m")

    for before in (b" \r\n", b"\xef\xbb\xbf"):
        assert omaha_port.offered(omaha.ask(before + body)) == "1.1.0"


@pytest.mark.omaha_point(11, breaks="every client of next year: each adds words of its own")
def test_words_that_nobody_knows_are_ignored_in_xml(omaha, guide_app):
    """Elements, attributes and members that the protocol doesn't have are ignored."""
    plain = omaha_requests.xml_check(guide_app, machineid="m").decode()
    body = (
        plain.replace("<request ", '<request dedup="cr" hw="x" ')
        .replace("<app ", '<hw physmemory="8"/><unknown><app appid="not.this"/></unknown><app zodiac="fish" ', 1)
        .replace(
            "<updatecheck/>", '<updatecheck tttoken="x"><nested deep="1"/></updatecheck><disabled reason="1"/>text'
        )
    )

    reply = omaha.ask(body.encode())

    assert omaha_port.offered(reply) == "1.1.0"
    assert b"not.this" not in reply.body


@pytest.mark.omaha_point(11)
@JSON_DIALECT
def test_words_that_nobody_knows_are_ignored_in_json(omaha, guide_app, protocol):
    sent = json.loads(omaha_requests.json_check(protocol, guide_app, machineid="m"))
    sent["request"] |= {"hw": {"physmemory": 8}, "dedup": "cr", "nothing": None}
    (app,) = sent["request"]["apps" if protocol == "4.0" else "app"]
    app |= {"zodiac": ["fish"], "updatecheck": {"new": {"x": 1}}, "disabled": [{"reason": 1}]}
    sent["beside"] = True

    assert omaha_port.offered(omaha.ask(json.dumps(sent).encode())) == "1.1.0"


@pytest.mark.omaha_point(
    15, breaks="update_engine, updatectl watch: braces and case of one id differ from build to build"
)
@pytest.mark.parametrize("protocol", ["xml", "3.1"])
def test_an_application_is_found_with_or_without_braces_and_in_any_case(omaha, guide_app, protocol):
    """Braces around an appid and the case of its letters don't matter for finding the application."""
    for written in (guide_app, guide_app.upper(), f"{{{guide_app}}}", f"{{{guide_app.upper()}}}"):
        reply = omaha.ask(omaha_requests.check(protocol, written, machineid="m"))

        assert omaha_port.offered(reply) == "1.1.0"


@pytest.mark.omaha_point(15)
def test_an_application_may_have_a_name_instead_of_a_number(omaha, fleet, app_id):
    fleet.app_id = f"io.foo.app-{app_id[:8]}"
    fleet.roll_out("1.1.0")

    omaha.expect("Offer", omaha_requests.xml_check(fleet.app_id, machineid="m"))

    assert omaha_port.offered(omaha.ask(omaha_requests.xml_check(fleet.app_id.upper(), machineid="m"))) == "1.1.0"


@pytest.mark.omaha_point(
    18, breaks="operators: a typing error in an image would look like an application that isn't there yet"
)
@pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
@pytest.mark.parametrize(
    "appid",
    ["{}", "{", "io foo", "io/foo", "größe", "{a}b", "a" * 256, '"><app appid="x'],
)
def test_an_appid_that_can_be_none_is_told_from_one_that_is_unknown(omaha, protocol, appid):
    """An appid that no application could have is answered with the status error-invalidAppId."""
    reply = omaha.ask(omaha_requests.check(protocol, appid))

    (app,) = reply.apps() if protocol == "xml" else omaha_port.apps(reply)
    assert (app.get("appid"), app.get("status")) == (appid, "error-invalidAppId")


@pytest.mark.omaha_point(18)
def test_no_appid_at_all_is_none_that_an_application_could_have(omaha):
    for app in ("<app/>", '<app appid=""/>'):
        (answered,) = omaha.ask(omaha_requests.xml(app)).apps()

        assert (answered.get("appid"), answered.get("status")) == ("", "error-invalidAppId")
