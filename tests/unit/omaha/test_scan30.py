"""What is read by its form is read exactly as the XML reader reads it, and nothing that the reader refuses is read at all."""

import pathlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.properties import examples
from update_core.omaha import identity, limits, scan30, xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.messages import Request

GOLDENS = {path.stem: path for path in sorted((pathlib.Path(__file__).parent / "golden").glob("*.request.xml"))}
CHECK = (
    b'<request protocol="3.0" userid="u1"><os platform="CoreOS"/><app appid="a" version="1" bootid="b1" machineid="m1">'
    b'<updatecheck/><event eventtype="3" eventresult="2"/></app></request>'
)
IDS = (b"m1", b"b1", b"u1")


def read(body: bytes) -> Request | None:
    """What the XML reader says; None for a refusal."""
    try:
        return xml30.read_request(body)
    except BadRequest:
        return None


def after_hearing(forms: scan30.Forms, bodies: Iterable[bytes]) -> scan30.Forms:
    for body in bodies:
        request = read(body)
        if request is not None:
            forms.learn(body, request)
    return forms


def assert_scanned_as_read(forms: scan30.Forms, body: bytes) -> None:
    scanned = forms.scan(body)
    assert scanned is None or scanned.request == read(body)


@pytest.mark.parametrize("name", GOLDENS)
def test_a_real_clients_request_is_scanned_once_another_of_its_kind_was_heard(name: str) -> None:
    body = GOLDENS[name].read_bytes()
    forms = after_hearing(scan30.Forms(), [body])
    for machine, boot in ((b"{fake-client-017}", b"{9f3a4f0e-0000-4d0e-8b1c-2f4f5ad3c0de}"), (b"node-1.example", b"7")):
        another = with_ids(body, machineid=machine, bootid=boot, userid=machine, sessionid=boot, requestid=boot)

        scanned = forms.scan(another)

        assert scanned is not None
        assert scanned.request == xml30.read_request(another)


def with_ids(body: bytes, **ids: bytes) -> bytes:
    """The body with other ids where it has any."""
    for name, value in ids.items():
        before, quote, rest = body.partition(f' {name}="'.encode())
        if quote:
            body = before + quote + value + b'"' + rest.partition(b'"')[2]
    return body


def test_one_form_serves_all_instances_that_say_the_same() -> None:
    forms = scan30.Forms()

    after_hearing(forms, [with_ids(CHECK, machineid=b"m%d" % number) for number in range(100)])

    assert len(forms) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body.replace(b'version="1"', b'version="2"'), id="version"),
        pytest.param(lambda body: body.replace(b'platform="CoreOS"', b'platform="Other"'), id="os"),
        pytest.param(lambda body: body.replace(b'appid="a"', b'appid="b"'), id="application"),
        pytest.param(lambda body: body.replace(b"<updatecheck/>", b""), id="no check"),
        pytest.param(
            lambda body: body.replace(b' bootid="b1" machineid="m1"', b' machineid="m1" bootid="b1"'), id="order"
        ),
        pytest.param(lambda body: body.replace(b"</request>", b"</request> "), id="white space"),
        pytest.param(lambda body: body[:-1], id="cut off"),
        pytest.param(lambda body: body + body, id="twice"),
        pytest.param(lambda body: b"\xef\xbb\xbf" + body, id="byte order mark"),
    ],
)
def test_whatever_else_differs_is_another_form(change: Callable[[bytes], bytes]) -> None:
    forms = after_hearing(scan30.Forms(), [CHECK])

    assert forms.scan(change(CHECK)) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"&amp;",
        b"&#65;",
        b"a b",
        b"<",
        b"'",
        b"\xc3\xbc",
        b"\xff",
        b"\x00",
        b"\t",
        b"m" * 129,
        b'm" oem="x',
        b"/>",
    ],
    ids=repr,
)
def test_an_id_that_isnt_plain_is_left_to_the_reader(value: bytes) -> None:
    forms = after_hearing(scan30.Forms(), [CHECK])

    assert forms.scan(with_ids(CHECK, machineid=value)) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'<request protocol="3.0"><app oem=\' machineid="m"\'/></request>', id="inside another attribute"),
        pytest.param(b'<request protocol="3.0"><app/><app machineid="m"/></request>', id="of the second application"),
        pytest.param(b'<request protocol="3.0"><app machineid="m" machineid="n"/></request>', id="twice"),
        pytest.param(b'<request protocol="3.0" oem="made-up-0"><app machineid="made-up-0"/></request>', id="made up"),
        pytest.param(b'<!DOCTYPE x [<!ENTITY a " machineid="m">]><request protocol="3.0"/>', id="in a document type"),
        pytest.param(b'<request protocol="3.0"><app x:a=" machineid="m"/></request>', id="not well-formed"),
        pytest.param(
            b'<request protocol="3.0" sessionid=\'made-up-0\'><app machineid="m"/></request>',
            id="made up, in single quotes",
        ),
        pytest.param(b'<request protocol="3.0"><!-- machineid="m" --><app appid="a"/></request>', id="comment"),
        pytest.param(b'<request protocol="3.0"><app appid="a"/> machineid="m"</request>', id="text"),
        pytest.param(b'<request protocol="3.0"><![CDATA[ machineid="m"]]><app appid="a"/></request>', id="CDATA"),
        pytest.param(b'<request protocol="3.0"><os machineid="m"/><app appid="a"/></request>', id="another element"),
    ],
)
def test_a_form_from_which_nothing_can_be_told_isnt_remembered(body: bytes) -> None:
    assert len(after_hearing(scan30.Forms(), [body])) == 0


def test_what_is_learned_is_bounded() -> None:
    forms = scan30.Forms(max_forms=10)

    after_hearing(forms, [CHECK.replace(b'version="1"', b'version="%d"' % number) for number in range(25)])

    assert len(forms) == 5
    assert forms.scan(CHECK.replace(b'version="1"', b'version="24"')) is not None


def test_a_long_request_is_neither_scanned_nor_remembered() -> None:
    body = CHECK.replace(b"<os", b" " * scan30.MAX_SCANNED_BYTES + b"<os")
    forms = after_hearing(scan30.Forms(), [body])

    assert (len(forms), forms.scan(body)) == (0, None)
    assert scan30.MAX_SCANNED_BYTES < limits.MAX_ATTRIBUTE_LENGTH


# Requests out of pieces that a scanner could take for one another: near misses of an id, in every place where text can stand.
NEAR_IDS = st.sampled_from(
    [
        b' machineid="%s"', b" machineid='%s'", b' machineid = "%s"', b' Machineid="%s"', b' xmachineid="%s"', b'\nmachineid="%s"',
        b' bootid="%s"', b' userid="%s"', b' sessionid="%s"', b' requestid="%s"', b' x:machineid="%s"', b' xmlns:x="%s"', b' xmlns="%s"',
        b' oem=" machineid=%s"', b" oem=' bootid=\"%s\"'", b' ismachine="%s"', b' version="%s"',
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    [
        b"m",
        b"m1",
        b"--",
        b"made-up-0",
        b"made-up-1",
        b"1",
        b"true",
        b"",
        b"&amp;",
        b"&m;",
        b"&#109;",
        b"a b",
        b"\xc3\xbc",
        b"\xff",
        b"\x00",
        b"]]>",
        b"-->",
        b"{u}",
    ]
)
ATTRIBUTES = st.lists(st.tuples(NEAR_IDS, VALUES), max_size=4).map(
    lambda pairs: b"".join([form % value for form, value in pairs])
)
ASIDES = st.builds(
    lambda form, attributes: form % attributes,
    st.sampled_from(
        [
            b"",
            b"",
            b"<!--%s-->",
            b"<![CDATA[%s]]>",
            b"<?p%s?>",
            b"<os%s/>",
            b"<os%s></os>",
            b"<x%s><app/></x>",
            b"%s",
            b"<!DOCTYPE r [%s]>",
        ]
    ).map(lambda form: form if b"%s" in form else b"%.0s"),
    ATTRIBUTES,
)
APPS = st.builds(
    lambda attributes, inside, closed: (
        b"<app%s>%s</app>" % (attributes, inside) if not closed else b"<app%s/>" % attributes
    ),
    ATTRIBUTES,
    st.sampled_from([b"", b"<updatecheck/>", b'<ping active="1"/><updatecheck/><event eventtype="3" userid="m"/>']),
    st.booleans(),
)
BODIES = st.builds(
    lambda before, attributes, aside, apps, after: (
        b'%s<request protocol="3.0"%s>%s%s</request>%s' % (before, attributes, aside, b"".join(apps), after)
    ),
    st.sampled_from(
        [b"", b"\xef\xbb\xbf", b'<?xml version="1.0" encoding="UTF-8"?>\n', b'<?xml version="1.0" encoding="latin-1"?>', b"\x00"]
    ),
    ATTRIBUTES,
    ASIDES,
    st.lists(APPS, max_size=2),
    st.sampled_from([b"", b"\n", b"x", b"<a/>"]),
)  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.sampled_from([b"m", b"m1", b"made-up-0", b"1", b"{u}"]), VALUES), min_size=1, max_size=6
)


@settings(max_examples=examples(400))
@given(body=BODIES, changes=CHANGES)
def test_a_request_is_scanned_as_it_is_read_whatever_was_heard_before(
    body: bytes, changes: list[tuple[bytes, bytes]]
) -> None:
    forms = scan30.Forms()
    for old, new in changes:
        assert_scanned_as_read(after_hearing(forms, [body]), body)
        body = body.replace(b'"%s"' % old, b'"%s"' % new, 1)
        assert_scanned_as_read(forms, body)


@settings(max_examples=examples(400))
@given(
    golden=st.sampled_from([path.read_bytes() for path in GOLDENS.values()]),
    edits=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 30), st.binary(max_size=12)), max_size=4),
    ids=st.lists(VALUES, min_size=2, max_size=2),
)
def test_a_damaged_request_of_a_real_client_is_scanned_as_it_is_read(
    golden: bytes, edits: list[tuple[int, int, bytes]], ids: list[bytes]
) -> None:
    forms = after_hearing(scan30.Forms(), [golden])
    for position, cut, inserted in [*edits, (0, 0, b"")]:
        assert_scanned_as_read(forms, golden)
        assert_scanned_as_read(after_hearing(forms, [golden]), with_ids(golden, machineid=ids[0], bootid=ids[1]))
        golden = golden[:position] + inserted + golden[position + cut :]


@pytest.mark.parametrize("name", GOLDENS)
def test_the_place_of_an_instances_id_is_where_identity_finds_it(name: str) -> None:
    body = GOLDENS[name].read_bytes()
    scanned = after_hearing(scan30.Forms(), [body]).scan(body)
    assert scanned is not None
    app = scanned.form.model.apps[0]
    place = scanned.form.places.get("machineid" if app.machineid else "userid")
    if place is None:
        assert scanned.request.userid == app.machineid == ""
        return

    found = identity.identify(scanned.request, scanned.request.apps[0], track="", of_session=None, mint="0".zfill)
    assert found == identity.Identity(scanned.ids[place].decode())
