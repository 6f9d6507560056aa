"""What a dialect has no words for is known before anybody depends on it, and is never said by half."""

import dataclasses

import pytest

from update_core.omaha import dialects
from update_core.omaha.manifests import Action, ActionEvent, Floor, Manifest, Offer, Package
from update_core.omaha.messages import AppResponse, AppStatus, DayStart, Response, UpdateError, UpdateErrorStatus

PAYLOAD = Package(name="update.crx", size=23, sha256=b"s" * 32)
OFFER = Offer(("https://pkgs.example.com/app/",), Manifest("1.1.0", (PAYLOAD,)))
WITH_FILE = Offer(OFFER.urls, Manifest("1.1.0", (PAYLOAD, Package(name="extra.bin", size=1, sha256=b"x" * 32))))
WITH_RUN = Offer(OFFER.urls, dataclasses.replace(OFFER.manifest, actions=(Action(ActionEvent.UPDATE, run="a.exe"),)))
STEPWISE = dataclasses.replace(OFFER, floors=(Floor(Manifest("1.0.5", (PAYLOAD,)), "new key"),))

FUCHSIA, CHROMIUM_31 = dialects.JSON_30, dialects.JSON_31
CHROMIUM_40 = dialects.json_40(("download", "xz", "zucc", "puff", "crx3", "run"))
UNABLE = dialects.json_40(("download", "xz", "puff", "run"))
ANYTHING = dialects.json_40(None)
NOTHING = dialects.json_40(("",))

ALL = (FUCHSIA, CHROMIUM_31, CHROMIUM_40)
BOTH_CHROMIUM = (CHROMIUM_31, CHROMIUM_40)


def version(text: str) -> Offer:
    return Offer(OFFER.urls, dataclasses.replace(OFFER.manifest, version=text))


def codebase(*urls: str) -> Offer:
    return Offer(urls, OFFER.manifest)


def payload(name: str = PAYLOAD.name, size: int = PAYLOAD.size) -> Offer:
    return Offer(OFFER.urls, Manifest("1.1.0", (dataclasses.replace(PAYLOAD, name=name, size=size),)))


@pytest.mark.parametrize(
    ("offer", "can_say"),
    [
        pytest.param(OFFER, ALL, id="an ordinary offer"),
        pytest.param(version("120.0.6099.5"), ALL, id="four integers"),
        pytest.param(version("1.02.4294967295"), ALL, id="zeros in front, but for the first integer"),
        pytest.param(version("1.1.0-rc.1"), {FUCHSIA}, id="a prerelease"),
        pytest.param(version("3340.0.0+nightly"), {FUCHSIA}, id="build metadata"),
        pytest.param(version("01.1"), {FUCHSIA}, id="a zero in front"),
        pytest.param(version("4294967296.0"), {FUCHSIA}, id="above 32 bits"),
        pytest.param(version("1." + "9" * 100), {FUCHSIA}, id="far above 32 bits"),
        pytest.param(version("\u0661.0"), {FUCHSIA}, id="digits of another script"),
        pytest.param(codebase("http://[::1]:8080/a/", "http://127.0.0.1/", "https://a_b.-c./"), ALL, id="odd hosts"),
        pytest.param(codebase("https://user:secret@pkgs.example.com/"), ALL, id="a user"),
        pytest.param(codebase("fuchsia-pkg://fuchsia.com/"), {FUCHSIA}, id="a scheme of Fuchsia's own"),
        pytest.param(codebase("index.example.com/"), {}, id="an image reference"),
        pytest.param(codebase("index.example.com:5000/"), {}, id="an image reference with a port"),
        pytest.param(codebase("https://pkgs.example.com/", "index.example.com/"), {}, id="one of two is none"),
        pytest.param(codebase("https://pkgs.example.com/?at=/"), {FUCHSIA}, id="a query, which a name would replace"),
        pytest.param(codebase("https://pkgs.example.com/#/"), {FUCHSIA}, id="a fragment"),
        pytest.param(codebase("https://pkgs.example.com/a b/"), {FUCHSIA}, id="a space"),
        pytest.param(codebase("https://pkgs.example.com\\a/"), {FUCHSIA}, id="a backslash"),
        pytest.param(codebase("https:///a/"), {FUCHSIA}, id="no host"),
        pytest.param(codebase("https://1.2.3.400/"), {FUCHSIA}, id="a number that is no address"),
        pytest.param(codebase("https://[1::2::3]/"), {FUCHSIA}, id="no address in brackets"),
        pytest.param(codebase("https://pkgs.example.com:99999/"), {FUCHSIA}, id="no port"),
        pytest.param(payload(name="update?hash=1"), ALL, id="a name with a query"),
        pytest.param(payload(name="app:1.1.0"), {FUCHSIA}, id="a name that looks like a URL"),
        pytest.param(payload(name="%2E."), {FUCHSIA}, id="a name that walks up"),
        pytest.param(payload(name="a\\b"), {FUCHSIA}, id="a name in a folder, to a browser"),
        pytest.param(payload(name=" a"), {FUCHSIA}, id="a name with a space"),
        pytest.param(payload(name="a#b"), {FUCHSIA}, id="a name with a fragment"),
        pytest.param(payload(size=2**53 - 1), ALL, id="the largest file"),
        pytest.param(payload(size=2**53), {FUCHSIA}, id="a larger file"),
        pytest.param(WITH_FILE, {FUCHSIA, CHROMIUM_31}, id="an extra file"),
        pytest.param(
            Offer(OFFER.urls, Manifest("1.1.0", (PAYLOAD, Package(name="extra.bin", size=1)))),
            {},
            id="an extra file without a digest",
        ),
        pytest.param(STEPWISE, {}, id="versions to install first"),
        pytest.param(WITH_RUN, ALL, id="a program that not every client runs"),
    ],
)
def test_a_dialect_knows_what_it_cannot_say(offer: Offer, can_say: set[dialects.Codec]) -> None:
    everybody = {*ALL, UNABLE, NOTHING}

    assert {codec for codec in everybody if codec.inexpressible(offer) is None} == set(can_say)


def test_a_client_that_does_not_list_what_it_can_installs_and_runs_nothing_else() -> None:
    assert ANYTHING.inexpressible(OFFER) is None
    assert ANYTHING.inexpressible(WITH_RUN) is not None


def test_xml_says_everything_images_too() -> None:
    for offer in (OFFER, WITH_FILE, STEPWISE, codebase("index.example.com/"), version("1.1.0-rc.1+build")):
        assert dialects.XML_30.inexpressible(offer) is None


@pytest.mark.parametrize(
    ("offer", "sayable"),
    [
        pytest.param(OFFER, True, id="an ordinary offer"),
        pytest.param(version("1.1.0-rc.1+build"), True, id="a version of any form"),
        pytest.param(WITH_FILE, True, id="an extra file"),
        pytest.param(
            Offer(OFFER.urls, Manifest("1.1.0", (PAYLOAD, Package(name="extra.bin", size=1, sha1=b"x" * 20)))),
            False,
            id="an extra file without a SHA-256 digest",
        ),
        pytest.param(payload(size=2**31 - 1), True, id="the largest file"),
        pytest.param(payload(size=2**31), False, id="a larger file"),
        pytest.param(codebase("HTTP://pkgs.example.com/"), True, id="a scheme in capitals"),
        pytest.param(codebase("https://pkgs.example.com/", "index.example.com/"), False, id="an image reference"),
        pytest.param(STEPWISE, False, id="versions to install first"),
    ],
)
def test_omaha_3_is_told_only_what_its_reader_survives(offer: Offer, sayable: bool) -> None:
    assert (dialects.OMAHA_3.inexpressible(offer) is None) == sayable


@pytest.mark.parametrize(
    ("updater", "codec"),
    [
        pytest.param('updater="Omaha" ', dialects.OMAHA_3, id="Omaha 3"),
        pytest.param('updater="other" ', dialects.XML_30, id="another"),
        pytest.param("", dialects.XML_30, id="the CoreOS line, which sends none"),
    ],
)
def test_omaha_3_is_known_by_the_name_of_its_updater(updater: str, codec: dialects.Codec) -> None:
    assert dialects.read(f'<request {updater}protocol="3.0"/>'.encode())[1] is codec


@pytest.mark.parametrize(
    ("protocol", "codec", "status"),
    [
        pytest.param("3.0", FUCHSIA, b'"updatecheck":{"status":"noupdate"}', id="3.0"),
        pytest.param("3.1", CHROMIUM_31, b'"updatecheck":{"status":"noupdate"}', id="3.1"),
        pytest.param("4.0", CHROMIUM_40, b'"updatecheck":{"status":"error-inexpressible"}', id="4.0"),
    ],
)
def test_an_offer_without_words_for_it_is_written_as_none(protocol: str, codec: dialects.Codec, status: bytes) -> None:
    for answer in (codebase("index.example.com/"), STEPWISE, codec.unsayable):
        app = AppResponse("a", updatecheck=answer)

        assert status in codec.write(Response(protocol, DayStart(7266, 0), (app,)))


@pytest.mark.parametrize(
    ("protocol", "codec", "word"),
    [
        pytest.param("3.0", FUCHSIA, b"error-unsupportedProtocol", id="3.0"),
        pytest.param("3.1", CHROMIUM_31, b"error-unsupportedprotocol", id="3.1"),
        pytest.param("4.0", CHROMIUM_40, b"error-unsupportedprotocol", id="4.0"),
    ],
)
def test_each_version_has_its_own_words(protocol: str, codec: dialects.Codec, word: bytes) -> None:
    check = UpdateError(UpdateErrorStatus.UNSUPPORTED_PROTOCOL)
    app = AppResponse("a", AppStatus.INVALID_VERSION, updatecheck=check)

    body = codec.write(Response(protocol, DayStart(7266, 0), (app,)))

    assert b'"updatecheck":{"status":"' + word + b'"}' in body
    # A word of go-omaha's alone.
    assert b'"appid":"a","status":"error-internal"' in body
