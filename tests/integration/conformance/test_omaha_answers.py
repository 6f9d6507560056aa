"""The form of an answer: which elements there are, in which order, and what they repeat of the request."""

import re
from datetime import UTC, datetime

import pytest
from lxml import etree

from support import omaha_port, omaha_requests
from support.omaha_requests import PING, UPDATECHECK, xml, xml_app, xml_check, xml_event

EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
JSON_DIALECT = pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])
BOOLEANS = {"required", "needsadmin", "IsDelta", "IsDeltaPayload", "DisablePayloadBackoff", "Prompt"}


def answered(omaha, protocol, appid, **members):
    """The one application of an answer: an element, or an object."""
    reply = omaha.ask(omaha_requests.check(protocol, appid, **members))
    (app,) = reply.apps() if protocol == "xml" else omaha_port.apps(reply)
    return app


def inner_xml(omaha, appid, *children, **attributes):
    """The names of what an answer in XML has for its one application."""
    (app,) = omaha.ask(xml_check(appid, *children, **attributes)).apps()
    return [child.tag for child in app]


@pytest.mark.omaha_point(12, breaks="update_engine: its XPath has no namespaces and finds nothing (error 34)")
@pytest.mark.parametrize("appid", ["guide", "io.foo.unknown", ""])
def test_answers_in_xml_are_in_no_namespace(omaha, guide_app, appid):
    """No answer in XML has a namespace."""
    reply = omaha.ask(xml_check(guide_app if appid == "guide" else appid, machineid="m"))

    assert b"xmlns" not in reply.body
    assert all(":" not in element.tag and "{" not in element.tag for element in etree.fromstring(reply.body).iter())


@pytest.mark.omaha_point(13, breaks="update_engine: it acts on the first application that it finds, be it a stranger's")
@EVERY_DIALECT
def test_every_application_is_answered_once_in_the_order_of_the_request_and_no_other(omaha, guide_app, protocol):
    """The answer has the applications of the request, each once, in the same order, and nothing else."""
    asked = ["io.foo.unknown", guide_app, "not an id", f"{{{guide_app.upper()}}}", "io.foo.unknown", guide_app]
    if protocol == "xml":
        reply = omaha.ask(xml(*(xml_app(appid, machineid="m") for appid in asked)))
        assert [app.get("appid") for app in reply.apps()] == asked
    else:
        reply = omaha.ask(omaha_requests.in_json(protocol, *map(omaha_requests.json_app, asked)))
        assert [app["appid"] for app in omaha_port.apps(reply)] == asked


@pytest.mark.omaha_point(
    14, breaks="go-omaha, updatectl, the Nebraska updater: they look for the very text that they sent"
)
@EVERY_DIALECT
@pytest.mark.parametrize(
    "write", [str.lower, str.upper, "{{{}}}".format, str.title, "&<>'\"{}".format, " {}".format, "Größe {} 机器".format],
    ids=["lower", "upper", "braces", "title", "markup", "space", "other letters"],
)  # fmt: skip
def test_an_appid_is_repeated_byte_for_byte(omaha, guide_app, protocol, write):
    """The appid comes back as it was sent, with its braces and in its case, also where no application is found for it."""
    assert answered(omaha, protocol, write(guide_app)).get("appid") == write(guide_app)


WELL_FORMED = {
    "unknown application": {"appid": "io.foo.unknown"},
    "bad appid": {"appid": "no id"},
    "unknown track": {"track": "nope"},
    "no track": {"track": ""},
    "garbage version": {"version": "garbage"},
    "no version": {"version": ""},
    "endless machine id": {"machineid": "m" * 4000},
    "odd machine id": {"machineid": "'; DROP TABLE instances; --\u2028Ω"},
    "newlines": {"machinealias": "a\r\nSet-Cookie: b"},
}


@pytest.mark.omaha_point(16, breaks="go-omaha: with any other HTTP status it never sees what the answer says")
@EVERY_DIALECT
@pytest.mark.parametrize("told", WELL_FORMED.values(), ids=WELL_FORMED.keys())
def test_whatever_can_be_read_is_answered_with_200(omaha, guide_app, protocol, told):
    """A well-formed request gets HTTP status 200, whatever it asks for."""
    members = {"appid": guide_app, "machineid": "m", **told}

    assert omaha.send(omaha_requests.check(protocol, **members)).status == 200


@pytest.mark.omaha_point(
    17, breaks="the Nebraska updater, update_engine: without an updatecheck the answer is none to them"
)
def test_an_unknown_application_is_named_so_and_its_check_is_answered(omaha):
    """An unknown application has the status error-unknownApplication, and its update check, where it asks, error-internal."""
    for protocol in ("xml", "3.0", "3.1", "4.0"):
        app = answered(omaha, protocol, "io.foo.unknown")
        check = app["updatecheck"] if isinstance(app, dict) else app.find("updatecheck")

        assert (app.get("status"), check.get("status")) == ("error-unknownApplication", "error-internal")
    assert inner_xml(omaha, "io.foo.unknown", PING, xml_event(3)) == ["ping", "event"]


@pytest.mark.omaha_point(
    19, breaks="the Nebraska updater, ue-rs, Chromium: one answer to the question, and none to no question"
)
@EVERY_DIALECT
def test_an_update_check_is_answered_exactly_if_there_was_one(omaha, guide_app, protocol):
    """There is one updatecheck in the answer for an application that asks, none for one that doesn't."""
    if protocol == "xml":
        assert inner_xml(omaha, guide_app, machineid="m").count("updatecheck") == 1
        assert inner_xml(omaha, guide_app, UPDATECHECK, UPDATECHECK, machineid="m").count("updatecheck") == 1
        assert inner_xml(omaha, guide_app, PING, machineid="m").count("updatecheck") == 0
    else:
        assert answered(omaha, protocol, guide_app)["updatecheck"]["status"] == "ok"
        assert "updatecheck" not in answered(omaha, protocol, guide_app, updatecheck=None)


@pytest.mark.omaha_point(
    20, breaks="Chromium, Omaha 3: an event that isn't acknowledged is sent again, or counts as lost"
)
@pytest.mark.parametrize("appid", ["guide", "io.foo.unknown"])
def test_every_event_is_acknowledged_whatever_it_says(omaha, guide_app, appid):
    """Each event of the request has an acknowledgement in the answer, also one of an unknown type or without any."""
    appid = guide_app if appid == "guide" else appid
    events = [xml_event(13), xml_event(3, 2), xml_event(4711, 99), xml_event("x", "y"), xml_event(-1, -1), "<event/>"]

    (app,) = omaha.ask(xml_check(appid, *events, machineid="m")).apps()

    assert [(child.tag, dict(child.attrib)) for child in app] == [("event", {"status": "ok"})] * len(events)


@pytest.mark.omaha_point(20)
@JSON_DIALECT
def test_every_event_in_json_is_acknowledged_under_the_name_it_came_by(omaha, guide_app, protocol):
    name = "events" if protocol == "4.0" else "event"
    events = [{"eventtype": 13, "eventresult": 1}, {"eventtype": 4711}, {"eventtype": "x"}, {}]

    app = answered(omaha, protocol, guide_app, updatecheck=None, **{name: events})

    assert app[name] == [{"status": "ok"}] * len(events)


@pytest.mark.omaha_point(21, breaks="Omaha 3, Chromium: they count the days of use by what was acknowledged")
@EVERY_DIALECT
def test_a_ping_is_acknowledged_exactly_if_there_was_one(omaha, guide_app, protocol):
    """There is a ping in the answer, with status ok, if there was one in the request."""
    if protocol == "xml":
        assert "ping" not in inner_xml(omaha, guide_app, UPDATECHECK)
        (app,) = omaha.ask(xml_check(guide_app, '<ping r="-1"/>')).apps()
        assert [(child.tag, dict(child.attrib)) for child in app] == [("ping", {"status": "ok"})]
    else:
        assert "ping" not in answered(omaha, protocol, guide_app, ping=None)
        assert answered(omaha, protocol, guide_app)["ping"] == {"status": "ok"}


@pytest.mark.omaha_point(
    22, breaks="nobody known: it is the order of go-omaha's server, which clients were tested against"
)
@pytest.mark.parametrize(
    "children",
    [(PING, UPDATECHECK, xml_event(3, 2)), (xml_event(3, 2), UPDATECHECK, PING), (UPDATECHECK, xml_event(3, 2), PING)],
    ids=["as written by most", "backwards", "mixed"],
)
def test_an_application_s_answers_stand_in_one_order_whatever_the_request_s(omaha, guide_app, children):
    """Whatever the order in the request, the answer has ping, updatecheck, event."""
    assert inner_xml(omaha, guide_app, *children, machineid="m") == ["ping", "updatecheck", "event"]


@pytest.mark.omaha_point(23, breaks="Omaha 3: it needs elapsed_days; Chromium counts its days by it")
@EVERY_DIALECT
def test_the_answer_tells_the_service_s_day_and_second(omaha, protocol):
    """daystart has the days since 2007-01-01 and the seconds since that day began, both in UTC."""
    before = datetime.now(UTC).replace(microsecond=0)
    reply = omaha.ask(omaha_requests.check(protocol, "io.foo.unknown"))
    after = datetime.now(UTC)

    if protocol == "xml":
        told = etree.fromstring(reply.body).find("daystart").attrib
    else:
        told = omaha_port.document(reply)["daystart"]
        assert all(isinstance(value, int) for value in told.values())
    days, seconds = int(told["elapsed_days"]), int(told["elapsed_seconds"])
    assert 0 <= seconds < 86400
    moment = datetime(2007, 1, 1, tzinfo=UTC).timestamp() + days * 86400 + seconds
    assert before.timestamp() <= moment <= after.timestamp()


@pytest.mark.omaha_point(24, breaks="the Nebraska updater, Fuchsia: what is there they take for an update")
@EVERY_DIALECT
def test_no_update_says_nothing_of_one(omaha, guide_app, protocol):
    """An answer without an update names no URL, no version and no package."""
    reply = omaha.ask(omaha_requests.check(protocol, guide_app, machineid="m", version="1.1.0"))
    found = omaha_port.updatecheck(reply)

    assert found.get("status") == "noupdate"
    assert set(found if protocol != "xml" else found.attrib) <= {"status", "info", "PollInterval"}
    assert protocol != "xml" or len(found) == 0
    assert not re.search(rb"codebase|manifest|package|pipeline|nextversion|update\.gz", reply.body)


@pytest.mark.omaha_point(40, breaks="every client: yes, True and 1 are booleans to one and errors to another")
def test_booleans_are_written_true_or_false(omaha, guide_app):
    """A boolean is written true or false, in lower case; in JSON it is one of JSON's own."""
    elements = etree.fromstring(omaha.ask(xml_check(guide_app, machineid="m")).body).iter()
    written = {(name, value) for element in elements for name, value in element.attrib.items() if name in BOOLEANS}
    (package,) = answered(omaha, "3.0", guide_app)["updatecheck"]["manifest"]["packages"]["package"]

    assert {name for name, _ in written} >= BOOLEANS - {"Prompt"}
    assert {value for _, value in written} <= {"true", "false"}
    assert package["required"] is True


@pytest.mark.omaha_point(40)
def test_booleans_are_read_as_true_only_where_they_say_so(omaha, guide_app):
    for written, offered in {"true": None, "false": "1.1.0", "": "1.1.0", "yes": "1.1.0"}.items():
        body = xml_check(guide_app, f'<updatecheck updatedisabled="{written}"/>', machineid="m")

        assert omaha_port.offered(omaha.ask(body)) == offered
