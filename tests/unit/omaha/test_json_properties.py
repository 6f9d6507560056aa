"""What holds for every body and every response in JSON, not only for the ones that somebody thought of."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import omaha_clients_json
from support.clients.acceptance import Update
from support.properties import examples
from update_core.omaha import dialects
from update_core.omaha.errors import BadRequest
from update_core.omaha.manifests import Action, ActionEvent, Manifest, Offer, Package
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
    UpdateCheckAnswer,
    UpdateError,
    UpdateErrorStatus,
)

GOLDENS = [path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "golden").glob("*.request.json"))]

EVERYTHING = ("download", "xz", "zucc", "puff", "crx3", "run")
CODECS = {
    "3.0": dialects.JSON_30,
    "3.1": dialects.JSON_31,
    "4.0": dialects.json_40(EVERYTHING),
}

# Whatever a dialect can carry; what URLs and JSON treat in a special way comes more often than chance would have it.
CHARACTERS = st.sampled_from("&<>\"'\\ \t\n\r]{}:?#%.@") | st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"
)
TEXT = st.text(CHARACTERS, min_size=1, max_size=40)
NAMES = (TEXT | st.from_regex("[a-z0-9.:_-]{1,20}", fullmatch=True)).filter(
    lambda name: "/" not in name and name not in {".", ".."}
)
HOSTS = st.from_regex(r"[a-z0-9.-]{1,12}(:[0-9]{1,6})?|\[[0-9a-f:]{0,8}\]", fullmatch=True)
CODEBASES = st.builds(
    "{}{}/{}/".format,
    st.sampled_from(["https://", "http://", "HTTPS://", "fuchsia-pkg://", "", "//", "registry:"]),
    HOSTS,
    st.just("app") | TEXT,
)
VERSIONS = st.sampled_from(["1.1.0", "1.1.0-rc.1", "1.1.0+build", "120.0.6099.5", "01.2", "1.02", "4294967296"]) | TEXT
SIZES = st.integers(1, 2**63)
DIGESTS = st.binary(min_size=32, max_size=32)

PAYLOADS = st.builds(Package, name=NAMES, size=SIZES, sha256=DIGESTS)
EXTRA_FILES = st.builds(Package, name=NAMES, size=SIZES, sha256=st.none() | DIGESTS, required=st.booleans())
ACTIONS = st.builds(
    Action,
    event=st.sampled_from(ActionEvent),
    run=st.just("") | TEXT,
    arguments=st.just("") | TEXT,
    onsuccess=st.just("") | TEXT,
)
OFFERS = st.builds(
    Offer,
    urls=st.lists(CODEBASES, min_size=1, max_size=3).map(tuple),
    manifest=st.builds(
        Manifest,
        version=VERSIONS,
        packages=st.builds(lambda payload, extra: (payload, *extra), PAYLOADS, st.lists(EXTRA_FILES, max_size=1)),
        actions=st.lists(ACTIONS, max_size=3).map(tuple),
    ),
)
SAYABLE_OFFERS = st.builds(
    Offer,
    urls=st.lists(st.sampled_from(["https://pkgs.example.com/a/", "http://[::1]:8080/ü%20x/"]), min_size=1).map(tuple),
    manifest=st.builds(
        Manifest,
        version=st.from_regex(r"[1-9][0-9]{0,8}(\.[0-9]{1,9}){0,4}", fullmatch=True),
        packages=st.tuples(
            st.builds(
                Package,
                name=st.from_regex(r"[a-z][a-z0-9._&=?-]{0,20}", fullmatch=True),
                size=st.integers(1, 2**53 - 1),
                sha256=DIGESTS,
            )
        ),
    ),
)

COHORTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
DATA = st.builds(Data, name=st.sampled_from(["install", "untrusted"]), index=st.just("") | TEXT)

MEMBERS = [
    *("request", "protocol", "app", "apps", "appid", "version", "updatecheck", "ping", "event", "events", "ad", "rd"),
    *("a", "r", "active", "cohort", "cohorthint", "track", "os", "acceptformat", "cached_items", "sha256", "packages"),
    *("package", "fp", "data", "name", "index", "ismachine", "eventtype", "eventresult", "errorcode", "updater"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["3.0", "3.1", "4.0", "", "\x00", "\ud800", "true"])
    | st.text(max_size=10)
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=15,
)


def answered(protocol: str, appid: str, updatecheck: UpdateCheckAnswer | None, **said: Any) -> bytes:
    app = AppResponse(appid, updatecheck=updatecheck, **said)
    return CODECS[protocol].write(Response(protocol, DayStart(7266, 26400), (app,)))


def request(protocol: str, *apps: AppRequest) -> Request:
    return Request(protocol, apps, acceptformat=EVERYTHING)


def is_read_or_refused(body: bytes) -> bool:
    try:
        sent, codec = dialects.read(body)
    except BadRequest:
        return True
    # Whatever is read can be answered in the same dialect.
    answers = tuple(AppResponse(app.appid, updatecheck=NoUpdate()) for app in sent.apps)
    return bool(codec.write(Response(sent.protocol, DayStart(7266, 0), answers)))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused(rest: bytes) -> None:
    assert is_read_or_refused(b"{" + rest)


@given(st.text(st.sampled_from('{}[]",:\\u0dD8c123e-.nulltruefalserequestprotocol \n'), max_size=120).map(str.encode))
def test_punctuation_without_sense_is_read_or_refused(rest: bytes) -> None:
    assert is_read_or_refused(b'{"request":' + rest)


@given(st.dictionaries(st.sampled_from(MEMBERS), DOCUMENTS, max_size=8), st.sampled_from(sorted(CODECS)))
def test_any_members_of_any_type_are_read_or_refused(members: dict[str, Any], protocol: str) -> None:
    members["protocol"] = protocol

    assert is_read_or_refused(json.dumps({"request": members}).encode())


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


@given(golden=st.sampled_from(GOLDENS), data=st.data())
def test_a_request_with_a_member_of_another_type_is_read_or_refused(golden: bytes, data: st.DataObject) -> None:
    document = json.loads(golden)
    node: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if not node[key] or not isinstance(node[key], dict | list) or data.draw(st.booleans()):
            break
        node = node[key]
    node[key] = data.draw(DOCUMENTS)

    assert is_read_or_refused(json.dumps(document).encode())


@settings(max_examples=examples(200))
@given(protocol=st.sampled_from(sorted(CODECS)), offer=OFFERS)
def test_an_offer_is_said_so_that_the_client_acts_on_it_or_not_at_all(protocol: str, offer: Offer) -> None:
    body = answered(protocol, "a", offer)
    (update,) = omaha_clients_json.assert_accepted(
        request(protocol, AppRequest("a", updatecheck=UpdateCheck())), body
    ).values()

    assert (update is None) == (CODECS[protocol].inexpressible(offer) is not None)


@given(protocol=st.sampled_from(sorted(CODECS)), offer=SAYABLE_OFFERS)
def test_an_ordinary_offer_is_installed_from_exactly_its_url(protocol: str, offer: Offer) -> None:
    payload = offer.manifest.packages[0]

    updates = omaha_clients_json.assert_accepted(
        request(protocol, AppRequest("a", updatecheck=UpdateCheck())), answered(protocol, "a", offer)
    )

    assert updates == {"a": Update(offer.manifest.version, offer.urls[0] + payload.name, payload.size)}


@given(
    protocol=st.sampled_from(sorted(CODECS)),
    said=st.fixed_dictionaries({}, optional=dict.fromkeys(("cohort", "cohorthint", "cohortname"), COHORTS)),
    data=st.lists(st.builds(DataAnswer, data=DATA, status=st.sampled_from(DataStatus)), max_size=3).map(tuple),
    poll_interval=st.none() | st.integers(1, 2**31),
)
def test_cohorts_and_data_are_written_as_they_were_meant_and_an_interval_not_at_all(
    protocol: str, said: dict[str, str], data: tuple[DataAnswer, ...], poll_interval: int | None
) -> None:
    body = answered(protocol, "a", NoUpdate(), data=data, poll_interval=poll_interval, **said)
    sent = request(protocol, AppRequest("a", updatecheck=UpdateCheck(), data=tuple(answer.data for answer in data)))

    omaha_clients_json.assert_accepted(sent, body)
    (app,) = json.loads(body.removeprefix(b")]}'\n"))["response"]["apps" if protocol == "4.0" else "app"]
    answers = [DataAnswer(Data(a["name"], a.get("index", "")), DataStatus(a["status"])) for a in app.pop("data", [])]
    assert tuple(answers) == data
    assert app == {"appid": "a", "status": "ok", "updatecheck": {"status": "noupdate"}, **said}


@given(protocol=st.sampled_from(sorted(CODECS)), offer=SAYABLE_OFFERS, actions=st.lists(ACTIONS, max_size=3).map(tuple))
def test_the_programs_of_an_update_are_named_where_the_dialect_has_them(
    protocol: str, offer: Offer, actions: tuple[Action, ...]
) -> None:
    manifest = dataclasses.replace(offer.manifest, actions=actions)
    body = answered(protocol, "a", dataclasses.replace(offer, manifest=manifest))
    (app,) = json.loads(body.removeprefix(b")]}'\n"))["response"]["apps" if protocol == "4.0" else "app"]
    first = {event: next((a for a in actions if a.event is event), Action(event)) for event in ActionEvent}
    install, update = first[ActionEvent.INSTALL], first[ActionEvent.UPDATE]

    assert programs(protocol, app["updatecheck"]) == (
        install.run or (offer.manifest.packages[0].name if protocol == "3.0" else ""),
        install.arguments if install.run or protocol == "3.0" else "",
        "" if protocol == "3.0" else update.run,
    )


def programs(protocol: str, check: dict[str, Any]) -> tuple[str, str, str]:
    """What is run to install, its arguments, and what is run after the update."""
    if protocol == "3.0":
        install, postinstall = check["manifest"]["actions"]["action"]
        assert (install["event"], postinstall) == ("install", {"event": "postinstall"})
        return install["run"], install.get("arguments", ""), ""
    if protocol == "3.1":
        (after,) = check.get("actions", {"action": [{"run": ""}]})["action"]
        return check["manifest"].get("run", ""), check["manifest"].get("arguments", ""), after["run"]
    _, crx3, *runs = check["pipelines"][0]["operations"]
    assert len(runs) <= 1
    return crx3.get("path", ""), crx3.get("arguments", ""), next((run["path"] for run in runs), "")


@given(protocol=st.sampled_from(sorted(CODECS)), appid=TEXT, events=st.integers(0, 3), info=st.just("") | TEXT)
def test_an_appid_comes_back_as_it_was_sent_whatever_characters_it_has(
    protocol: str, appid: str, events: int, info: str
) -> None:
    members = {"appid": appid, "updatecheck": {}, "ping": {}, "event": [{}] * events}
    name = "apps" if protocol == "4.0" else "app"
    sent, _ = dialects.read(json.dumps({"request": {"protocol": protocol, name: [members]}}).encode())

    body = answered(protocol, sent.apps[0].appid, NoUpdate(info), ping=True, event_acks=events)

    assert omaha_clients_json.assert_accepted(sent, body) == {appid: None}


@pytest.mark.parametrize("status", [AppStatus.RESTRICTED, AppStatus.UNKNOWN_APPLICATION, AppStatus.INVALID_APP_ID])
@pytest.mark.parametrize("protocol", sorted(CODECS))
def test_an_application_that_cannot_be_answered_is_told_so(protocol: str, status: AppStatus) -> None:
    sent = request(protocol, AppRequest("a", updatecheck=UpdateCheck()))

    body = answered(protocol, "a", UpdateError(UpdateErrorStatus.INTERNAL), status=status)

    assert omaha_clients_json.assert_accepted(sent, body) == {"a": None}


@pytest.mark.parametrize("protocol", sorted(CODECS))
def test_several_applications_are_answered_in_their_order(protocol: str) -> None:
    sent = request(protocol, *(AppRequest(appid, updatecheck=UpdateCheck()) for appid in ("b", "a", "c")))
    answers = tuple(AppResponse(app.appid, updatecheck=NoUpdate()) for app in sent.apps)

    body = CODECS[protocol].write(Response(protocol, DayStart(7266, 0), answers))

    assert list(omaha_clients_json.assert_accepted(sent, body)) == ["b", "a", "c"]
