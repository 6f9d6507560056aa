"""What holds for every body and every response, not only for the ones that somebody thought of."""

import pathlib

from hypothesis import given, settings
from hypothesis import strategies as st

from support import omaha_clients
from update_core.omaha import xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.manifests import Manifest, Offer, Package, PostInstall
from update_core.omaha.messages import (
    AppRequest,
    AppResponse,
    DayStart,
    NoUpdate,
    Request,
    Response,
    UpdateCheck,
)

GOLDENS = [path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "golden").glob("*.request.xml"))]

# Whatever XML can carry, white space and markup characters more often than chance would have it.
CHARACTERS = st.sampled_from("&<>\"' \t\n\r]{}") | st.characters(
    min_codepoint=0x20, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"
)
TEXT = st.text(CHARACTERS, min_size=1, max_size=40)
NAMES = TEXT.filter(lambda name: "/" not in name and name not in {".", ".."})
CODEBASES = st.builds("https://pkgs.example.com/{}/".format, TEXT.filter(lambda text: not set(text) & set("?#[]")))
SIZES = st.integers(1, 2**63)

PAYLOADS = st.builds(
    Package,
    name=NAMES,
    size=SIZES,
    sha1=st.none() | st.binary(min_size=20, max_size=20),
    sha256=st.binary(min_size=32, max_size=32),
)
EXTRA_FILES = st.builds(Package, name=NAMES, size=SIZES, required=st.booleans())
OFFERS = st.builds(
    Offer,
    urls=st.lists(CODEBASES, min_size=1, max_size=3).map(tuple),
    manifest=st.builds(
        Manifest,
        version=TEXT,
        packages=st.builds(lambda payload, extra: (payload, *extra), PAYLOADS, st.lists(EXTRA_FILES, max_size=2)),
        postinstall=st.builds(PostInstall, metadata_size=st.none() | SIZES, metadata_signature_rsa=st.just("") | TEXT),
    ),
)


def response_to(appid: str, updatecheck: NoUpdate | Offer, events: int) -> bytes:
    app = AppResponse(appid, ping=True, updatecheck=updatecheck, event_acks=events)
    return xml30.write_response(Response("3.0", DayStart(7266, 26400), (app,)))


def is_read_or_refused(body: bytes) -> bool:
    try:
        return isinstance(xml30.read_request(body), Request)
    except BadRequest:
        return True


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    assert is_read_or_refused(body)


@given(st.text(st.sampled_from("<>/&;!?\"'=# -[]xDOCTYPErequstaprolc30.CDATA\n"), max_size=120).map(str.encode))
def test_markup_without_sense_is_read_or_refused(body: bytes) -> None:
    assert is_read_or_refused(body)


@settings(max_examples=300)
@given(
    golden=st.sampled_from(GOLDENS),
    edits=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 30), st.binary(max_size=12)), min_size=1, max_size=6),
)
def test_a_damaged_request_of_a_real_client_is_read_or_refused(
    golden: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    body = golden
    for position, cut, inserted in edits:
        body = body[:position] + inserted + body[position + cut :]

    assert is_read_or_refused(body)


@given(appid=TEXT, offer=OFFERS, events=st.integers(0, 3))
def test_every_offer_that_can_be_built_is_accepted_by_every_client(appid: str, offer: Offer, events: int) -> None:
    body = response_to(appid, offer, events)

    omaha_clients.updatectl(body)
    omaha_clients.go_omaha(body, appid)
    omaha_clients.nebraska_check_reply(body, appid)
    omaha_clients.omaha_3(body)
    assert omaha_clients.update_engine(body) == omaha_clients.Update(
        offer.manifest.version, offer.urls[0] + offer.manifest.packages[0].name, offer.manifest.packages[0].size
    )
    omaha_clients.ue_rs(response_to("e96281a6-d1af-4bde-9a0a-97b76e56dc57", offer, events))


@given(appid=TEXT)
def test_an_appid_comes_back_as_it_was_sent_whatever_characters_it_has(appid: str) -> None:
    response = response_to(appid, NoUpdate(), 0)
    # The writer's own escaping, read by our parser as a client would read it.
    sent = response.replace(b"<response ", b"<request ").replace(b"</response>", b"</request>")

    assert xml30.read_request(sent).apps[0].appid == appid
    omaha_clients.go_omaha(response, appid)


def test_a_refusal_is_quiet_towards_update_engine() -> None:
    assert omaha_clients.update_engine(response_to("a", NoUpdate(), 1)) is None


def test_several_applications_are_answered_in_their_order() -> None:
    request = Request("3.0", apps=tuple(AppRequest(appid, updatecheck=UpdateCheck()) for appid in ("b", "a", "c")))
    answers = tuple(AppResponse(app.appid, updatecheck=NoUpdate()) for app in request.apps)

    omaha_clients.assert_accepted(request, xml30.write_response(Response("3.0", DayStart(7266, 0), answers)))
