"""How requests reach the service and answers leave it, below what either says."""

import json
import re

import pytest
from lxml import etree

from support import omaha_port, omaha_requests, store_rows, waiting

XML_TYPE = "text/xml; charset=utf-8"
EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
JSON_DIALECT = pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])


@pytest.mark.omaha_point(1, breaks="updatectl, go-omaha: they follow a 301 or 302 with a GET; update_engine")
@pytest.mark.parametrize("path", ["/v1/update", "/v1/update/", "/v1/update?a=b", "/v1/update/?a=b"])
def test_both_spellings_of_the_path_are_answered_without_a_redirect(omaha, guide_app, path):
    """Requests to /v1/update and to /v1/update/ are answered there and then; nothing on this port redirects."""
    reply = omaha.ask(omaha_requests.xml_check(guide_app, machineid="m"), path=path)

    assert (omaha_port.offered(reply), "location" in reply.headers) == ("1.1.0", False)


@pytest.mark.omaha_point(1)
@pytest.mark.parametrize("path", ["/", "/v1", "/v1/update//", "/v1/update/x", "/V1/UPDATE/", "//v1/update/"])
def test_no_other_path_redirects(omaha, path):
    reply = omaha.send(omaha_requests.xml_check("io.foo.app"), path=path)

    assert (reply.status, "location" in reply.headers) == (404, False)


@pytest.mark.omaha_point(2, breaks="operators: crawlers and probes would show up as instances")
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"])
def test_only_post_is_answered_and_anything_else_leaves_no_trace(omaha, guide_app, method):
    """Any method but POST gets 405 and changes nothing, whatever it carries."""
    reply = omaha.send(omaha_requests.xml_check(guide_app, machineid=f"by {method}"), method=method)

    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    # First sights are written down in their order: once this one is, nothing of the one before is still to come.
    omaha.ask(omaha_requests.xml_check(guide_app, machineid=f"after {method}", version="1.1.0"))
    waiting.until(lambda: f"after {method}" in store_rows.instances(omaha.process, guide_app))
    assert f"by {method}" not in store_rows.instances(omaha.process, guide_app)
    assert store_rows.grants(omaha.process, guide_app, f"by {method}") == []


@pytest.mark.omaha_point(3, breaks="ue-rs, which sends none; updatectl with text/xml, Fuchsia with application/json")
@EVERY_DIALECT
@pytest.mark.parametrize(
    "content_type", [None, "", "text/xml", "application/json", "application/x-www-form-urlencoded", "?"]
)
def test_the_dialect_is_told_by_the_body_whatever_the_content_type_says(omaha, guide_app, protocol, content_type):
    """The Content-Type of a request may be right, wrong or missing: the body alone tells the dialect."""
    headers = {} if content_type is None else {"Content-Type": content_type}

    reply = omaha.ask(omaha_requests.check(protocol, guide_app, machineid="m"), headers=headers)

    assert omaha_port.offered(reply) == "1.1.0"
    assert reply.headers["content-type"] == (XML_TYPE if protocol == "xml" else "application/json")


@pytest.mark.omaha_point(4, breaks="go-omaha: it takes text/xml and application/xml, in UTF-8")
@pytest.mark.parametrize("appid", ["io.foo.unknown", "größe-Ω"])
def test_answers_in_xml_say_that_they_are_xml_in_utf_8_and_are(omaha, appid):
    """An answer in XML has the type text/xml; charset=utf-8, and is UTF-8."""
    reply = omaha.ask(omaha_requests.xml_check(appid))

    assert reply.headers["content-type"] == XML_TYPE
    assert f'appid="{appid}"' in reply.body.decode("utf-8", errors="strict")


@pytest.mark.omaha_point(5, breaks="Chromium: it takes no JSON without the line in front")
@JSON_DIALECT
def test_answers_in_json_say_so_and_begin_with_the_line_that_no_script_survives(omaha, protocol):
    """An answer in JSON has the type application/json and begins with )]}' on a line of its own."""
    reply = omaha.ask(omaha_requests.json_check(protocol, "io.foo.unknown"))

    assert reply.headers["content-type"] == "application/json"
    prefix, _, rest = reply.body.partition(b"\n")
    assert prefix == b")]}'"
    assert json.loads(rest)["response"]["protocol"] == protocol


@pytest.mark.omaha_point(
    9, breaks="update_engine: it looks at the first byte of an answer before it knows that there is one (error 30)"
)
@pytest.mark.parametrize(
    "inner",
    [
        pytest.param((), id="no application"),
        pytest.param((omaha_requests.xml_app("io.foo.app"),), id="check"),
        pytest.param((omaha_requests.xml_app("io.foo.app", omaha_requests.PING),), id="ping alone"),
        pytest.param((omaha_requests.xml_app("io.foo.app", omaha_requests.xml_event(3, 2)),), id="event alone"),
        pytest.param((omaha_requests.xml_app("io.foo.app", "<other/>"),), id="nothing asked"),
        pytest.param((omaha_requests.xml_app(""),), id="no appid"),
    ],
)
def test_an_answer_with_status_200_is_always_a_whole_document(omaha, inner):
    """No answer with status 200 is empty: whatever was understood is answered with a document."""
    reply = omaha.ask(omaha_requests.xml(*inner))

    assert etree.fromstring(reply.body).tag == "response"
    assert reply.body.endswith(b"</response>")


@pytest.mark.omaha_point(9)
@JSON_DIALECT
def test_an_answer_in_json_with_status_200_is_always_a_whole_document(omaha, protocol):
    for listed in ([], [omaha_requests.json_app("io.foo.app", updatecheck=None, ping=None)]):
        reply = omaha.ask(omaha_requests.in_json(protocol, *listed))

        assert len(omaha_port.apps(reply)) == len(listed)


@pytest.mark.omaha_point(9)
def test_what_cannot_be_answered_has_a_status_and_a_reason_instead_of_nothing(omaha):
    reply = omaha.send(b"")

    assert reply.status == 400
    assert re.fullmatch(rb"[a-z][^\n]+\n", reply.body)
