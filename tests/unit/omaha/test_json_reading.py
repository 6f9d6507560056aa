"""What is read of a request in JSON, what is forgiven, and what is refused."""

import json
from typing import Any

import pytest

from update_core.omaha import dialects, limits
from update_core.omaha.errors import BadRequest
from update_core.omaha.messages import NOT_A_CODE, AppRequest, Data, Event, Ping, Request, UpdateCheck

PROTOCOLS = ("3.0", "3.1", "4.0")
APP: dict[str, Any] = {"appid": "a", "version": "1", "updatecheck": {}}


def request(*apps: object, protocol: str = "3.1", **members: object) -> bytes:
    name = "apps" if protocol == "4.0" else "app"
    return json.dumps({"request": {"protocol": protocol, name: list(apps), **members}}).encode()


def raw(members: str) -> bytes:
    """A request with an application that has these members, as they are."""
    return ('{"request":{"protocol":"3.1","app":[{' + members + "}]}}").encode()


def read(body: bytes) -> Request:
    return dialects.read(body)[0]


def read_app(**members: object) -> AppRequest:
    (app,) = read(request({"appid": "a", **members})).apps
    return app


def nested(levels: int) -> bytes:
    """A request whose innermost object is `levels` deep, the document included."""
    return raw('"x":' + '{"x":' * (levels - 5) + "{}" + "}" * (levels - 5))


# Recognition


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_dialect_is_recognised_by_the_documents_own_protocol(protocol: str) -> None:
    sent, codec = dialects.read(request(APP, protocol=protocol))

    assert (sent.protocol, codec.name) == (protocol, f"JSON {protocol}")
    assert sent.apps == (AppRequest("a", "1", updatecheck=UpdateCheck()),)


@pytest.mark.parametrize("before", [b"", b" \n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_the_first_character_tells_xml_from_json(before: bytes) -> None:
    assert dialects.read(before + b'<request protocol="3.0"/>')[1] is dialects.XML_30
    assert dialects.read(before + request(protocol="3.0"))[1] is dialects.JSON_30


def test_clients_with_the_same_abilities_have_one_codec() -> None:
    one = dialects.read(request(APP, protocol="4.0", acceptformat="crx3,download,xz"))[1]
    other = dialects.read(request(protocol="4.0", acceptformat="download, crx3"))[1]
    less = dialects.read(request(protocol="4.0", acceptformat="download"))[1]

    assert one is other
    assert one != less


@pytest.mark.parametrize("protocol", ["2.0", "9.9", "3", "4", "", "3.0 "])
def test_a_protocol_that_nobody_speaks_is_refused(protocol: str) -> None:
    with pytest.raises(BadRequest, match="protocol"):
        dialects.read(request(APP, protocol=protocol))


# What is forgiven


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request(APP) + b"\n\n", id="trailing white space"),
        pytest.param(json.dumps(json.loads(request(APP)), indent=4).encode(), id="indented"),
        pytest.param(request(APP | {"new": {"deep": [1, None, "x"]}}, new=[1.5]), id="unknown members"),
        pytest.param(request(APP, requestid=':":": a : b', sessionid='":'), id="colons in texts"),
        pytest.param(request(APP, requestid=None, os=None, acceptformat=None), id="null for what is absent"),
        pytest.param(request(APP | {"cohort": "ü"}), id="a cohort that could not be sent back"),
        pytest.param(request(APP | {"cohort": "c" * 1025}), id="a cohort that is too long"),
        pytest.param(request(APP | {"ping": None, "packages": {}, "data": []}), id="empty parts"),
    ],
)
def test_harmless_differences_in_form_are_forgiven(body: bytes) -> None:
    sent = read(body)

    assert sent.apps == read(request(APP)).apps


@pytest.mark.parametrize(("apps", "events"), [("apps", "events"), ("app", "event")])
def test_in_4_0_the_lists_may_have_the_names_of_the_draft(apps: str, events: str) -> None:
    app = APP | {events: [{"eventtype": 3, "eventresult": 1}]}
    sent = read(json.dumps({"request": {"protocol": "4.0", apps: [app]}}).encode())

    assert sent.apps[0].events == (Event(3, 1),)


def test_a_request_without_applications_is_a_request() -> None:
    assert read(b'{"request":{"protocol":"4.0"}}') == Request("4.0")


def test_an_application_without_an_id_is_read_so_that_it_can_be_answered() -> None:
    assert read(request({})).apps == (AppRequest(""),)


def test_applications_keep_their_order_and_their_ids_byte_for_byte() -> None:
    sent = ["{ABC-def}", "io.Foo.App", "\n tab\t", 'ü&"\U0001f600']
    apps = read(request(*({"appid": appid} for appid in sent))).apps

    assert [app.appid for app in apps] == sent


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({"eventtype": 13, "eventresult": 1}, Event(13, 1), id="plain"),
        pytest.param({"eventtype": "13", "eventresult": "1"}, Event(13, 1), id="numbers as texts"),
        pytest.param({"eventtype": 77777, "eventresult": -5}, Event(77777, -5), id="unknown codes"),
        pytest.param({"eventtype": 3}, Event(3, 0), id="the result left out is the protocol's default, an error"),
        pytest.param({"eventtype": 3, "eventresult": "ok"}, Event(3, NOT_A_CODE), id="a result that is no number"),
        pytest.param({}, Event(NOT_A_CODE, 0), id="nothing"),
        pytest.param({"eventtype": True, "eventresult": 1.0}, Event(NOT_A_CODE, 1), id="a boolean, and a double"),
        pytest.param({"eventtype": "\uff13", "eventresult": 1.5}, Event(NOT_A_CODE, NOT_A_CODE), id="no numbers"),
        pytest.param(
            {"eventtype": 3, "eventresult": 0, "errorcode": -(2**63)}, Event(3, 0, -(2**63)), id="smallest error code"
        ),
        pytest.param(
            {"eventtype": 3, "eventresult": 0, "errorcode": str(2**63)}, Event(3, 0, None), id="a text above all"
        ),
    ],
)
def test_an_event_is_read_whatever_its_codes_are(sent: dict[str, object], expected: Event) -> None:
    assert read_app(event=[sent]).events == (expected,)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({"ad": 7000, "rd": 7001}, Ping(active=True, ad=7000, rd=7001), id="a day of activity"),
        pytest.param({"a": -1, "r": 1}, Ping(active=True, a=-1, r=1), id="days back"),
        pytest.param({"rd": -2}, Ping(rd=-2), id="unknown day"),
        pytest.param({"active": 0, "ad": 7000}, Ping(ad=7000), id="says inactive"),
        pytest.param({}, Ping(), id="alive only"),
    ],
)
def test_a_ping_tells_activity_in_any_of_the_three_ways(sent: dict[str, object], expected: Ping) -> None:
    assert read_app(ping=sent).ping == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(True, True, id="true"),
        pytest.param(False, False, id="false"),
        pytest.param(1, True, id="1"),
        pytest.param("0", False, id="0 as a text"),
        pytest.param(-1, None, id="unknown"),
        pytest.param(None, None, id="null"),
    ],
)
def test_ismachine_is_read_in_the_form_of_any_version(sent: object, expected: bool | None) -> None:
    assert read(request(ismachine=sent)).ismachine is expected


@pytest.mark.parametrize(
    ("members", "track"),
    [
        pytest.param({"track": "t", "cohorthint": "h", "release_channel": "r", "cohort": "c"}, "t", id="track"),
        pytest.param({"cohorthint": "h", "release_channel": "r", "cohort": "c"}, "h", id="cohorthint"),
        pytest.param({"release_channel": "r", "cohort": "c"}, "r", id="release_channel"),
        pytest.param({"cohort": "c:0123456789abcdef"}, "c", id="a cohort of ours"),
        pytest.param({"cohort": "1:2q3:"}, "1:2q3:", id="another cohort"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_where_a_client_wants_to_be_is_its_track(members: dict[str, object], track: str) -> None:
    assert read_app(**members).track == track


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([{"name": "install", "index": "7"}], (Data("install", "7"),), id="a question by its index"),
        pytest.param([{"name": "untrusted", "#text": "a=b"}], (Data("untrusted"),), id="something told"),
        pytest.param([{"index": "a"}, {}], (Data("", "a"), Data("")), id="without a name"),
        pytest.param(None, (), id="null"),
    ],
)
def test_data_is_read_in_its_order(sent: object, expected: tuple[Data, ...]) -> None:
    assert read_app(data=sent).data == expected


# What is refused


@pytest.mark.parametrize(
    ("body", "http_status"),
    [
        pytest.param(b"{", 400, id="cut off"),
        pytest.param(b"{}", 400, id="empty"),
        pytest.param(b'{"request":[]}', 400, id="the request is a list"),
        pytest.param(b'{"request":null}', 400, id="the request is null"),
        pytest.param(b'{"request":{}}', 400, id="no protocol"),
        pytest.param(b'{"request":{"protocol":3.1}}', 400, id="the protocol is a number"),
        pytest.param(b'{"request":{"protocol":["3.1"]}}', 400, id="the protocol is a list"),
        pytest.param(b'[{"request":{"protocol":"3.1"}}]', 400, id="a list"),
        pytest.param(request(APP) + b"{}", 400, id="two documents"),
        pytest.param(request(APP).decode().encode("utf-16"), 400, id="UTF-16"),
        pytest.param(raw('"appid":"\xff"').decode().encode("latin-1"), 400, id="invalid UTF-8"),
        pytest.param(raw('"appid":"a\nb"'), 400, id="a raw line feed"),
        pytest.param(raw('"appid":"\\ud800"'), 400, id="half a character"),
        pytest.param(raw('"appid":"\\u0000"'), 400, id="NUL"),
        pytest.param(raw('"new":["\\b"]'), 400, id="a control character where nobody reads"),
        pytest.param(raw('"appid":"\uffff"'), 400, id="no character"),
        pytest.param(raw('"appid":"a","appid":"b"'), 400, id="a name twice"),
        pytest.param(raw('"appid":"a","version":"1:2","new":{"x":1,"x":2}'), 400, id="a name twice, deep, with colons"),
        pytest.param(raw('"a\\u0070pid":"a","appid":"b"'), 400, id="a name twice, once with an escape"),
        pytest.param(raw('"appid":"a","appid" :"b"'), 400, id="a name twice, once with a space"),
        pytest.param(raw('"appid":"a","appid"\t:"b"'), 400, id="a name twice, once with a tab"),
        pytest.param(raw('"appid":"a","appid"\n:"b"'), 400, id="a name twice, once with a line feed"),
        pytest.param(raw('"appid":"a","appid"\r:"b"'), 400, id="a name twice, once with a carriage return"),
        pytest.param(raw('"x":NaN'), 400, id="NaN"),
        pytest.param(raw('"x":-Infinity'), 400, id="Infinity"),
        pytest.param(raw('"x":1e999'), 400, id="a float that is infinite"),
        pytest.param(raw(f'"x":{2**63}'), 400, id="more than 64 bits"),
        pytest.param(raw('"x":' + "9" * 5000), 400, id="5,000 digits"),
        pytest.param(raw('"appid":1'), 400, id="the appid is a number"),
        pytest.param(raw('"version":{}'), 400, id="the version is an object"),
        pytest.param(raw('"updatecheck":true'), 400, id="updatecheck is a boolean"),
        pytest.param(raw('"updatecheck":{"updatedisabled":[]}'), 400, id="a flag is a list"),
        pytest.param(raw('"event":{}'), 400, id="the events are an object"),
        pytest.param(raw('"event":[1]'), 400, id="an event is a number"),
        pytest.param(b'{"request":{"protocol":"3.1","app":["a"]}}', 400, id="an application is a text"),
        pytest.param(request("x" * 95 * 1024), 413, id="95 KiB"),
        pytest.param(request(*([{}] * 10_000)), 400, id="10,000 applications"),
        pytest.param(request(*([{}] * (limits.MAX_APPS + 1))), 400, id="one application too many"),
        pytest.param(request({"event": [{}] * (limits.MAX_EVENTS_PER_APP + 1)}), 400, id="one event too many"),
        pytest.param(request({"cached_items": [{}] * (limits.MAX_CACHED_ITEMS + 1)}), 400, id="one item too many"),
        pytest.param(request({"data": [{}] * (limits.MAX_DATA + 1)}), 400, id="one data object too many"),
        pytest.param(raw('"data":{}'), 400, id="the data are an object"),
        pytest.param(raw('"data":[{"index":0}]'), 400, id="an index of data is a number"),
        pytest.param(nested(limits.MAX_DEPTH + 1), 400, id="one level too deep"),
        pytest.param(b'{"a":' * 10_000, 400, id="10,000 objects deep"),
        pytest.param(b'{"a":' + b"[" * 60_000 + b"]" * 5_000 + b"}", 400, id="60,000 lists deep"),
        pytest.param(request({str(n): 0 for n in range(limits.MAX_ATTRIBUTES + 1)}), 400, id="one member too many"),
        pytest.param(request({"x": "x" * (limits.MAX_ATTRIBUTE_LENGTH + 1)}), 400, id="a text too long"),
    ],
)
def test_what_is_no_request_is_refused_with_a_hint_of_the_status(body: bytes, http_status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        dialects.read(body)

    assert refused.value.http_status == http_status
    assert refused.value.reason.isascii()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request(*([{}] * limits.MAX_APPS)), id="applications"),
        pytest.param(request({"event": [{}] * limits.MAX_EVENTS_PER_APP}), id="events"),
        pytest.param(request({"cached_items": [{}] * limits.MAX_CACHED_ITEMS}), id="cached items"),
        pytest.param(request({"data": [{}] * limits.MAX_DATA}), id="data"),
        pytest.param(nested(limits.MAX_DEPTH), id="depth"),
        pytest.param(request({str(n): 0 for n in range(limits.MAX_ATTRIBUTES)}), id="members"),
        pytest.param(request({"x": "x" * limits.MAX_ATTRIBUTE_LENGTH}), id="length of a text"),
        pytest.param(request(APP) + b" " * (limits.MAX_BODY_BYTES - len(request(APP))), id="body"),
        pytest.param(raw(f'"x":{2**63 - 1},"y":{-(2**63)}'), id="numbers"),
    ],
)
def test_what_is_exactly_at_a_limit_is_read(body: bytes) -> None:
    assert read(body).protocol == "3.1"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    secret = "s3cret"
    for body in (request(protocol=secret), raw(f'"version":["{secret}"]'), raw(f'"{secret}":1,"{secret}":2')):
        with pytest.raises(BadRequest) as refused:
            dialects.read(body)
        assert secret not in refused.value.reason
