"""What holds for every body and every response, not only for the ones that somebody thought of."""

import pathlib

from hypothesis import given, settings
from hypothesis import strategies as st

from support import omaha_clients, xml30_answer_reader
from support.clients import go_omaha, nebraska, omaha3, ue_rs, update_engine, updatectl
from support.clients.acceptance import Update
from support.properties import examples
from update_core.omaha import xml30
from update_core.omaha.errors import BadRequest
from update_core.omaha.manifests import Action, ActionEvent, Floor, Manifest, Offer, Package, PostInstall
from update_core.omaha.messages import (
    AppRequest,
    AppResponse,
    AppStatus,
    Data,
    DataAnswer,
    DataStatus,
    DayStart,
    NoUpdate,
    Request,
    Response,
    UpdateCheck,
    UpdateError,
    UpdateErrorStatus,
)

GOLDENS = [path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "golden").glob("*.request.xml"))]

# Whatever XML can carry, white space and markup characters more often than chance would have it.
CHARACTERS = st.sampled_from("&<>\"' \t\n\r]{}") | st.characters(
    min_codepoint=0x20, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"
)
TEXT = st.text(CHARACTERS, min_size=1, max_size=40)
MAYBE = st.just("") | TEXT
NAMES = TEXT.filter(lambda name: "/" not in name and name not in {".", ".."})
CODEBASES = st.builds("https://pkgs.example.com/{}/".format, TEXT.filter(lambda text: not set(text) & set("?#[]")))
SIZES = st.integers(1, 2**63)

DIGESTS = st.binary(min_size=32, max_size=32)
SHA1S = st.binary(min_size=20, max_size=20)
PAYLOADS = st.builds(Package, name=NAMES, size=SIZES, sha1=st.none() | SHA1S, sha256=DIGESTS)
EXTRA_FILES = st.builds(Package, name=NAMES, size=SIZES, sha1=SHA1S, required=st.booleans())
POSTINSTALLS = st.builds(
    PostInstall,
    metadata_size=st.none() | SIZES,
    metadata_signature_rsa=MAYBE,
    needsadmin=st.booleans(),
    is_delta=st.booleans(),
    is_delta_payload=st.booleans(),
    disable_payload_backoff=st.booleans(),
    max_failure_count_per_url=st.none() | st.integers(0, 2**29),
    deadline=MAYBE,
    prompt=st.booleans(),
    more_info=MAYBE,
    display_version=MAYBE,
)
ACTIONS = st.builds(
    Action,
    event=st.sampled_from(ActionEvent),
    run=MAYBE,
    arguments=MAYBE,
    onsuccess=st.sampled_from(["", "default", "exitsilently", "exitsilentlyonlaunchcmd"]),
)
MANIFESTS = st.builds(
    Manifest,
    version=TEXT,
    packages=st.builds(lambda payload, extra: (payload, *extra), PAYLOADS, st.lists(EXTRA_FILES, max_size=2)),
    postinstall=POSTINSTALLS,
    actions=st.lists(ACTIONS, max_size=3).map(tuple),
)
URLS = st.lists(CODEBASES, min_size=1, max_size=3).map(tuple)
OFFERS = st.builds(Offer, urls=URLS, manifest=MANIFESTS)
STEPWISE_OFFERS = st.builds(
    Offer,
    urls=URLS,
    manifest=MANIFESTS,
    floors=st.lists(st.builds(Floor, manifest=MANIFESTS, reason=MAYBE), max_size=2).map(tuple),
)
COHORTS = st.none() | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
DATA = st.builds(Data, name=st.sampled_from(["install", "untrusted"]), index=MAYBE)
APPS = st.builds(
    AppResponse,
    appid=TEXT,
    status=st.sampled_from(AppStatus),
    ping=st.booleans(),
    updatecheck=st.none()
    | st.just(NoUpdate())
    | st.builds(UpdateError, st.sampled_from(UpdateErrorStatus))
    | STEPWISE_OFFERS,
    event_acks=st.integers(0, 3),
    cohort=COHORTS,
    cohorthint=COHORTS,
    cohortname=COHORTS,
    poll_interval=st.none() | st.integers(1, 2**31),
    data=st.lists(st.builds(DataAnswer, data=DATA, status=st.sampled_from(DataStatus)), max_size=3).map(tuple),
)


def response_to(appid: str, updatecheck: NoUpdate | Offer, events: int) -> bytes:
    app = AppResponse(appid, ping=True, updatecheck=updatecheck, event_acks=events)
    return xml30.write_response(Response("3.0", DayStart(7266, 26400), (app,)))


def every_manifest(offer: Offer) -> list[Manifest]:
    return [*(floor.manifest for floor in offer.floors), offer.manifest]


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


@settings(max_examples=examples(300))
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

    updatectl.check_reply(body)
    go_omaha.check_reply(body, appid)
    nebraska.check_reply(body, appid)
    omaha3.reply(body)
    assert update_engine.check_reply(body) == Update(
        offer.manifest.version, offer.urls[0] + offer.manifest.packages[0].name, offer.manifest.packages[0].size
    )
    ue_rs.update_reply(response_to("e96281a6-d1af-4bde-9a0a-97b76e56dc57", offer, events))


@given(
    appid=TEXT,
    offer=STEPWISE_OFFERS.filter(lambda offer: len({m.version for m in every_manifest(offer)}) > len(offer.floors)),
)
def test_nebraskas_syncer_copies_every_offer_that_can_be_built(appid: str, offer: Offer) -> None:
    copied = nebraska.syncer(response_to(appid, offer, 0))

    assert [update.version for update in copied] == [manifest.version for manifest in every_manifest(offer)]


@given(data=st.lists(st.builds(DataAnswer, data=DATA, status=st.sampled_from(DataStatus))).map(tuple))
def test_omaha_3_reads_every_answer_to_its_data_with_an_index_and_without(data: tuple[DataAnswer, ...]) -> None:
    omaha3.reply(xml30.write_response(Response("3.0", DayStart(7266, 26400), (AppResponse("a", data=data),))))


@settings(max_examples=examples(200))
@given(apps=st.lists(APPS, max_size=2).map(tuple))
def test_what_is_written_is_read_back_as_it_was_meant(apps: tuple[AppResponse, ...]) -> None:
    response = Response("3.0", DayStart(7266, 26400), apps)

    assert xml30_answer_reader.read(xml30.write_response(response)) == xml30_answer_reader.as_said(response)


@given(appid=TEXT)
def test_an_appid_comes_back_as_it_was_sent_whatever_characters_it_has(appid: str) -> None:
    response = response_to(appid, NoUpdate(), 0)
    # The writer's own escaping, read by our parser as a client would read it.
    sent = response.replace(b"<response ", b"<request ").replace(b"</response>", b"</request>")

    assert xml30.read_request(sent).apps[0].appid == appid
    go_omaha.check_reply(response, appid)


def test_a_refusal_is_quiet_towards_update_engine() -> None:
    assert update_engine.check_reply(response_to("a", NoUpdate(), 1)) is None


def test_several_applications_are_answered_in_their_order() -> None:
    request = Request("3.0", apps=tuple(AppRequest(appid, updatecheck=UpdateCheck()) for appid in ("b", "a", "c")))
    answers = tuple(AppResponse(app.appid, updatecheck=NoUpdate()) for app in request.apps)

    omaha_clients.assert_accepted(request, xml30.write_response(Response("3.0", DayStart(7266, 0), answers)))
