"""What is read, what is forgiven, and what is refused."""

import pytest

from update_core.omaha import limits, xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.messages import NOT_A_CODE, AppRequest, Data, Event, Os, Ping, Request, UpdateCheck

APP = '<app appid="a" version="1"><updatecheck/></app>'


def request(inside: str = APP, protocol: str = "3.0") -> bytes:
    return f'<request protocol="{protocol}">{inside}</request>'.encode()


def nested(levels: int) -> bytes:
    """A request with elements `levels` deep, the root included, the innermost without an end tag."""
    return request("<x>" * (levels - 2) + "<x/>" + "</x>" * (levels - 2))


def with_attributes(count: int) -> bytes:
    attributes = " ".join([f"a{n}=''" for n in range(count)])
    return request(f"<x {attributes}/>")


def with_attribute_of(length: int) -> bytes:
    return request("<app appid='" + "x" * length + "'/>")


def with_events(count: int) -> bytes:
    return request("<app>" + "<event/>" * count + "</app>")


def with_data(count: int) -> bytes:
    return request("<app>" + "<data/>" * count + "</app>")


def app_of(attributes: str, inside: str = "") -> AppRequest:
    return xml30.read_request(request(f"<app {attributes}>{inside}</app>")).apps[0]


def events_of(inside: str) -> tuple[Event, ...]:
    return xml30.read_request(request(f'<app appid="a">{inside}</app>')).apps[0].events


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'<?xml version="1.0" encoding="UTF-8"?>\n' + request(), id="declaration"),
        pytest.param(b"\xef\xbb\xbf" + request(), id="byte order mark"),
        pytest.param(
            b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>' + request(), id="byte order mark, declaration"
        ),
        pytest.param(b"\n   " + request(), id="leading white space"),
        pytest.param(b'\n<?xml version="1.0"?>' + request(), id="white space before the declaration"),
        pytest.param(request() + b"\n\n", id="trailing white space"),
        pytest.param(b"<!-- hello -->" + request("<!-- a --><?p i?>" + APP), id="comments and instructions"),
        pytest.param(request('<hw a="1"/><x><y/></x>' + APP + "text"), id="unknown elements"),
        pytest.param(
            request(APP.replace("/></app>", "/><disabled/><packages/></app>")), id="elements of an application"
        ),
        pytest.param(
            request(APP.replace('"1"', '"1" ap="x" brand="B" from_track="y"')), id="attributes of an application"
        ),
        pytest.param(
            request(APP.replace('"1"', '"1" cohort="\u00fc" cohorthint="a&#10;b"')), id="cohorts not to be sent back"
        ),
        pytest.param(
            request(APP.replace('"1"', f'"1" cohortname="{"c" * 1025}"')), id="a cohort's name that is too long"
        ),
        pytest.param(request(APP.replace('"1"', '"1" cohort="" cohorthint=""')), id="empty cohorts"),
        pytest.param(b'<request protocol="3.0" new="1">' + APP.encode() + b"</request>", id="unknown attributes"),
        pytest.param(b'<request xmlns:x="urn:x" x:y="1" protocol="3.0">' + APP.encode() + b"</request>", id="prefixes"),
    ],
)
def test_harmless_differences_in_form_are_forgiven(body: bytes) -> None:
    assert xml30.read_request(body) == xml30.read_request(request())


def test_a_request_without_applications_is_a_request() -> None:
    assert xml30.read_request(request("")) == Request(protocol="3.0")


def test_an_application_without_an_id_is_read_so_that_it_can_be_answered() -> None:
    assert xml30.read_request(request("<app/>")).apps[0].appid == ""


def test_applications_keep_their_order_and_their_ids_byte_for_byte() -> None:
    sent = ["{ABC-def}", "io.Foo.App", "&#10; tab&#9;", "ü&amp;&quot;"]
    apps = xml30.read_request(request("".join(f'<app appid="{appid}"/>' for appid in sent))).apps

    assert [app.appid for app in apps] == ["{ABC-def}", "io.Foo.App", "\n tab\t", 'ü&"']


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param('eventtype="13" eventresult="1"', Event(13, 1), id="plain"),
        pytest.param('eventtype="77777" eventresult="-5"', Event(77777, -5), id="unknown codes"),
        pytest.param('eventtype="3"', Event(3, 0), id="the result left out is the protocol's default, an error"),
        pytest.param('eventtype="3" eventresult="ok"', Event(3, NOT_A_CODE), id="a result that is no number"),
        pytest.param("", Event(NOT_A_CODE, 0), id="nothing"),
        pytest.param(
            'eventtype="\uff13" eventresult="1_0"', Event(NOT_A_CODE, NOT_A_CODE), id="numbers to Python alone"
        ),
        pytest.param('eventtype="3" eventresult="0" errorcode="-1879048183"', Event(3, 0, -1879048183), id="negative"),
        pytest.param('eventtype="3" eventresult="0" errorcode="9223372036854775807"', Event(3, 0, 2**63 - 1), id="max"),
        pytest.param('eventtype="3" eventresult="0" errorcode="9223372036854775808"', Event(3, 0, None), id="above"),
        pytest.param('eventtype="3" eventresult="0" errorcode="0x10"', Event(3, 0, None), id="no decimal error code"),
        pytest.param(
            'eventtype="14" eventresult="1" previousversion="1.0" nextversion="1.1"',
            Event(14, 1, previousversion="1.0", nextversion="1.1"),
            id="versions",
        ),
        pytest.param(
            'eventtype="3" eventresult="0" errorcode="-2147219440" errorcat="3" extracode1="-7"',
            Event(3, 0, -2147219440, errorcat=3, extracode1=-7),
            id="what the error code means",
        ),
        pytest.param(
            'eventtype="3" eventresult="0" errorcat="net" extracode1="1.5"', Event(3, 0), id="no numbers beside it"
        ),
    ],
)
def test_an_event_is_read_whatever_its_codes_are(sent: str, expected: Event) -> None:
    assert events_of(f"<event {sent}/>") == (expected,)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param('active="1"', Ping(active=True), id="active"),
        pytest.param('active="0" ad="7000"', Ping(active=False, ad=7000), id="says inactive"),
        pytest.param('ad="7000" rd="7001"', Ping(active=True, ad=7000, rd=7001), id="a day of activity"),
        pytest.param('a="3" r="1"', Ping(active=True, a=3, r=1), id="days back"),
        pytest.param('r="1"', Ping(active=False, r=1), id="alive only"),
        pytest.param('rd="-2"', Ping(active=False, rd=-2), id="unknown day"),
        pytest.param('rd="soon"', Ping(active=False), id="no day"),
        pytest.param('ping_freshness="{a}"', Ping(ping_freshness="{a}"), id="a trace of its state"),
    ],
)
def test_a_ping_tells_activity_in_any_of_the_three_ways(sent: str, expected: Ping) -> None:
    assert xml30.read_request(request(f'<app appid="a"><ping {sent}/></app>')).apps[0].ping == expected


def test_an_update_check_carries_the_clients_own_limits() -> None:
    sent = (
        '<updatecheck targetversionprefix="1.2" rollback_allowed="true" updatedisabled="false" sameversionupdate="1"/>'
    )

    assert xml30.read_request(request(f'<app appid="a">{sent}</app>')).apps[0].updatecheck == UpdateCheck(
        targetversionprefix="1.2", rollback_allowed=True, updatedisabled=False, sameversionupdate=True
    )


@pytest.mark.parametrize(
    ("attributes", "inside", "track"),
    [
        pytest.param(
            'track="t" cohorthint="h" cohort="c"', '<updatecheck release_channel="r"/>', "t", id="track, before all"
        ),
        pytest.param('cohorthint="h" cohort="c"', '<updatecheck release_channel="r"/>', "h", id="cohorthint"),
        pytest.param('cohort="c"', '<updatecheck release_channel="r"/>', "r", id="release_channel"),
        pytest.param('cohort="c:0123456789abcdef"', "<updatecheck/>", "c", id="a cohort of ours"),
        pytest.param('cohort="1:2q3:"', "", "1:2q3:", id="another cohort"),
        pytest.param('cohort="\u00fc"', "", "", id="a cohort that could not be sent back"),
        pytest.param("", "", "", id="nothing"),
    ],
)
def test_where_a_client_wants_to_be_is_its_track(attributes: str, inside: str, track: str) -> None:
    assert app_of(attributes, inside).track == track


def test_a_client_says_its_cohort_with_hint_and_name() -> None:
    app = app_of('cohort="c" cohorthint="h &amp; i" cohortname=" ~"')

    assert (app.cohort, app.cohorthint, app.cohortname) == ("c", "h & i", " ~")


@pytest.mark.parametrize(
    ("attributes", "inside", "fp"),
    [
        pytest.param('fp="1.ab"', '<packages><package fp="1.cd"/></packages>', "1.ab", id="of the application"),
        pytest.param("", '<packages><package fp="1.cd"/><package fp="1.ef"/></packages>', "1.cd", id="of the payload"),
        pytest.param("", "<packages/>", "", id="of no package"),
    ],
)
def test_what_is_installed_is_known_by_its_fingerprint(attributes: str, inside: str, fp: str) -> None:
    assert app_of(attributes, inside).fp == fp


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param('<data name="install" index="7"/>', (Data("install", "7"),), id="a question by its index"),
        pytest.param('<data name="untrusted">a=b</data>', (Data("untrusted"),), id="something told"),
        pytest.param('<data index="a"/><ping/><data/>', (Data("", "a"), Data("")), id="without a name"),
    ],
)
def test_data_is_read_in_its_order(sent: str, expected: tuple[Data, ...]) -> None:
    assert app_of("", sent).data == expected


def test_omaha_3_says_which_program_asks_why_and_on_what() -> None:
    sent = '<request protocol="3.0" updater="Omaha"><os arch="arm64"/><app installsource="ondemand"/></request>'
    read = xml30.read_request(sent.encode())

    assert (read.updater, read.os, read.apps) == (
        "Omaha",
        Os(arch="arm64"),
        (AppRequest("", installsource="ondemand"),),
    )


def test_of_repeated_elements_the_first_counts() -> None:
    twice = '<ping r="1"/><ping r="2"/><updatecheck/><updatecheck updatedisabled="true"/><packages/><packages fp="2"/>'
    read = xml30.read_request(request(f'<os platform="one"/><os platform="two"/><app appid="a">{twice}</app>'))

    assert (read.os.platform, read.apps) == ("one", (AppRequest("a", ping=Ping(r=1), updatecheck=UpdateCheck()),))


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE request [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (ord("a") + n, b"&%c;" % (ord("a") + n - 1) * 10) for n in range(1, 10))
    + b']><request protocol="3.0" userid="&j;"/>'
)


@pytest.mark.parametrize(
    ("body", "http_status"),
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"  \n", 400, id="white space"),
        pytest.param(b"hello", 400, id="text"),
        pytest.param(b'{"request":{"protocol":"3.1"}}', 400, id="JSON"),
        pytest.param(request()[:-3], 400, id="cut off"),
        pytest.param(
            request('<app appid="a" oem="say "hi""/>'), 400, id="unescaped quotes, as update_engine sends them"
        ),
        pytest.param(request("\x00"), 400, id="NUL"),
        pytest.param(request("&unknown;"), 400, id="undeclared entity"),
        pytest.param(b'<response protocol="3.0"/>', 400, id="a response"),
        pytest.param(b'<r:request xmlns:r="urn:r" protocol="3.0"/>', 400, id="another namespace"),
        pytest.param(request().replace(b'protocol="3.0"', b""), 400, id="no protocol"),
        pytest.param(request(protocol="2.0"), 400, id="protocol 2.0"),
        pytest.param(request(protocol="9.9"), 400, id="protocol 9.9"),
        pytest.param(request('<app appid="\xff"/>').decode().encode("latin-1"), 400, id="invalid UTF-8"),
        pytest.param(request().decode().encode("utf-16"), 400, id="UTF-16"),
        pytest.param(b"<!DOCTYPE request>" + request(), 400, id="document type"),
        pytest.param(BILLION_LAUGHS, 400, id="billion laughs"),
        pytest.param(b'<!DOCTYPE r SYSTEM "file:///etc/passwd">' + request(), 400, id="external document type"),
        pytest.param(request("x" * 95 * 1024), 413, id="95 KiB"),
        pytest.param(with_attribute_of(1024 * 1024), 413, id="an attribute of 1 MiB"),
        pytest.param(request("<app/>" * 10_000), 400, id="10,000 applications"),
        pytest.param(request("<app/>" * 20_000), 413, id="20,000 applications"),
        pytest.param(request("<app/>" * (limits.MAX_APPS + 1)), 400, id="one application too many"),
        pytest.param(with_events(limits.MAX_EVENTS_PER_APP + 1), 400, id="one event too many"),
        pytest.param(with_data(limits.MAX_DATA + 1), 400, id="one data element too many"),
        pytest.param(nested(limits.MAX_DEPTH + 1), 400, id="one level too deep"),
        pytest.param(nested(5000), 400, id="5,000 levels"),
        pytest.param(with_attributes(limits.MAX_ATTRIBUTES + 1), 400, id="one attribute too many"),
        pytest.param(with_attribute_of(limits.MAX_ATTRIBUTE_LENGTH + 1), 400, id="an attribute too long"),
    ],
)
def test_what_is_no_request_is_refused_with_a_hint_of_the_status(body: bytes, http_status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        xml30.read_request(body)

    assert refused.value.http_status == http_status
    assert refused.value.reason.isascii()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request("<app/>" * limits.MAX_APPS), id="applications"),
        pytest.param(with_events(limits.MAX_EVENTS_PER_APP), id="events"),
        pytest.param(with_data(limits.MAX_DATA), id="data"),
        pytest.param(nested(limits.MAX_DEPTH), id="depth"),
        pytest.param(with_attributes(limits.MAX_ATTRIBUTES), id="attributes"),
        pytest.param(with_attribute_of(limits.MAX_ATTRIBUTE_LENGTH), id="attribute length"),
        pytest.param(request(" " * (limits.MAX_BODY_BYTES - len(request("")))), id="body"),
    ],
)
def test_what_is_exactly_at_a_limit_is_read(body: bytes) -> None:
    assert xml30.read_request(body).protocol == "3.0"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    secret = "s3cret"
    for body in (request(protocol=secret), f"<{secret}/>".encode(), f"<request {secret}>".encode()):
        with pytest.raises(BadRequest) as refused:
            xml30.read_request(body)
        assert secret not in refused.value.reason


def test_a_declared_encoding_cannot_smuggle_a_document_type_past_the_check() -> None:
    hidden = '<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<request protocol="3.0"/>'

    with pytest.raises(BadRequest):
        xml30.read_request(hidden.encode())
