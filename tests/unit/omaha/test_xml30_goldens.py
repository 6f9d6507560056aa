"""Real clients' messages, byte for byte, and the answers that they accept."""

import dataclasses
import pathlib

import pytest

from support import omaha_clients
from support.clients import nebraska, update_engine
from support.clients.acceptance import Update
from update_core.omaha import messages, xml30
from update_core.omaha.manifests import Action, ActionEvent, Floor, Manifest, Offer, Package, PostInstall
from update_core.omaha.messages import (
    AppRequest,
    AppResponse,
    AppStatus,
    Data,
    DataAnswer,
    DataStatus,
    DayStart,
    Event,
    NoUpdate,
    Os,
    Ping,
    Request,
    Response,
    UpdateCheck,
    UpdateCheckAnswer,
    UpdateError,
    UpdateErrorStatus,
)

GOLDEN = pathlib.Path(__file__).parent / "golden"
FRESHNESS = "{2C3C2B5B-7D3C-4D58-8B2D-58C3D4E5F6A7}"
NAMES = sorted(path.name.removesuffix(".request.xml") for path in GOLDEN.glob("*.request.xml"))

APPID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
PAYLOAD = Package(
    name="update.gz",
    size=23,
    sha1=bytes.fromhex("f8b5ef8e268f91e6032c7a0d2a57fda9b270be79"),
    sha256=bytes.fromhex("b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"),
)
OEM_FILE = Package(name="oem-qemu.gz", size=7, sha1=b"o" * 20, required=False)
OFFER = Offer(
    urls=("https://pkgs.example.com/app/", "https://mirror.example.com/a&b/"),
    manifest=Manifest("1.1.0", (PAYLOAD,), PostInstall(metadata_size=190, metadata_signature_rsa="ixi6Oebo")),
)
WITH_OEM_FILE = dataclasses.replace(OFFER, manifest=dataclasses.replace(OFFER.manifest, packages=(PAYLOAD, OEM_FILE)))
WITH_EVERYTHING = dataclasses.replace(
    OFFER,
    manifest=dataclasses.replace(
        OFFER.manifest,
        postinstall=PostInstall(
            metadata_size=190,
            metadata_signature_rsa="ixi6Oebo",
            disable_payload_backoff=False,
            max_failure_count_per_url=3,
            deadline="now",
            prompt=True,
            more_info="https://example.com/1.1.0?a&b",
            display_version='1.1 "Ada"',
        ),
    ),
)
WITH_FLOORS = dataclasses.replace(
    OFFER,
    floors=(
        Floor(Manifest("1.0.3", (dataclasses.replace(PAYLOAD, name="update-1.0.3.gz"),)), "the new partition table"),
        Floor(Manifest("1.0.7", (dataclasses.replace(PAYLOAD, name="update-1.0.7.gz"),))),
    ),
)
INSTALLER = Offer(
    OFFER.urls,
    Manifest(
        "1.1.0",
        (PAYLOAD,),
        actions=(Action(ActionEvent.INSTALL, "update.gz", '/silent /say "hi"', onsuccess="exitsilently"),),
    ),
)
OFFERS = {
    "update-engine-offer": WITH_OEM_FILE,
    "ue-rs-offer": WITH_OEM_FILE,
    "update-engine-ondemand-offer": WITH_EVERYTHING,
    "nebraska-syncer-floors-offer": WITH_FLOORS,
    "omaha3-install-offer": INSTALLER,
    "omaha3-install-data-offer": INSTALLER,
    "omaha3-update-offer": INSTALLER,
}
POLL_INTERVALS = {"update-engine-ondemand-offer": 3600, "update-engine-rebooted-noupdate": 7200}
DATA = {"install": DataStatus.NO_DATA, "untrusted": DataStatus.OK}
COHORTS = {
    "omaha3-install-offer": ("fake1:0123456789abcdef", None, None),
    "omaha3-update-offer": ("stable:0123456789abcdef", "", 'Stable & "quiet"'),
}


def read(name: str) -> Request:
    return xml30.read_request((GOLDEN / f"{name}.request.xml").read_bytes())


def answer_of(name: str) -> UpdateCheckAnswer:
    if name.endswith("offer"):
        return OFFERS.get(name, OFFER)
    return UpdateError(UpdateErrorStatus.INTERNAL) if name.endswith("unknown-app") else NoUpdate()


def data_of(app: AppRequest) -> tuple[DataAnswer, ...]:
    return tuple(DataAnswer(data, DATA[data.name]) for data in app.data)


def answer(name: str, app: AppRequest) -> AppResponse:
    cohort, cohorthint, cohortname = COHORTS.get(name, (None, None, None))
    return AppResponse(
        appid=app.appid,
        status=AppStatus.UNKNOWN_APPLICATION if name.endswith("unknown-app") else AppStatus.OK,
        ping=app.ping is not None,
        updatecheck=None if app.updatecheck is None else answer_of(name),
        event_acks=len(app.events),
        cohort=cohort,
        cohorthint=cohorthint,
        cohortname=cohortname,
        poll_interval=POLL_INTERVALS.get(name),
        data=data_of(app),
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_response_is_exactly_the_golden_one(name: str) -> None:
    request = read(name)
    response = Response(request.protocol, DayStart(7266, 26400), tuple(answer(name, app) for app in request.apps))

    assert xml30.write_response(response) == (GOLDEN / f"{name}.response.xml").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_every_client_concerned_accepts_the_golden_response(name: str) -> None:
    omaha_clients.assert_accepted(read(name), (GOLDEN / f"{name}.response.xml").read_bytes())


def test_update_engine_takes_the_first_url_and_the_payload_before_the_extra_files() -> None:
    update = update_engine.check_reply((GOLDEN / "update-engine-offer.response.xml").read_bytes())

    assert update == Update("1.1.0", "https://pkgs.example.com/app/update.gz", 23)


def test_update_engine_is_told_when_to_come_back_with_and_without_an_update() -> None:
    for name, seconds in POLL_INTERVALS.items():
        assert update_engine.poll_interval((GOLDEN / f"{name}.response.xml").read_bytes()) == seconds


def test_nebraskas_syncer_copies_the_floors_before_the_target() -> None:
    copied = nebraska.syncer((GOLDEN / "nebraska-syncer-floors-offer.response.xml").read_bytes())

    assert [update.version for update in copied] == ["1.0.3", "1.0.7", "1.1.0"]
    assert copied[0].url == "https://pkgs.example.com/app/update-1.0.3.gz"


def test_every_client_line_that_speaks_xml_has_a_golden_of_each_kind() -> None:
    lines = {
        "update-engine": ("offer", "noupdate", "started", "downloaded", "installed", "failure", "rolled-back-noupdate"),
        "go-omaha": ("offer", "noupdate", "ping", "failure"),
        "nebraska-updater": ("offer", "noupdate", "downloaded", "installed", "completed", "failed", "unknown-app"),
        "nebraska-syncer": ("offer", "floors-offer", "noupdate"),
        "ue-rs": ("offer",),
        "updatectl-fake": ("offer", "noupdate", "started", "downloaded", "installed", "updated", "failure", "hold"),
        "updatectl-watch": ("offer", "noupdate"),
        "omaha3": ("install-offer", "update-offer", "two-apps-noupdate", "report", "unknown-app"),
    }

    assert {f"{line}-{kind}" for line, kinds in lines.items() for kind in kinds} <= set(NAMES)


def test_update_engines_check_is_read_in_full() -> None:
    assert read("update-engine-noupdate") == Request(
        protocol="3.0",
        version="update_engine-0.4.10",
        updaterversion="update_engine-0.4.10",
        installsource="scheduler",
        ismachine=True,
        os=Os(platform="CoreOS", version="Chateau", sp="1.0.0_x86_64"),
        apps=(
            AppRequest(
                appid="{e96281a6-d1af-4bde-9a0a-97b76e56dc57}",
                version="1.0.0",
                track="fake1",
                bootid="{9f3a4f0e-7f2e-4d0e-8b1c-2f4f5ad3c0de}",
                machineid="0123456789abcdef0123456789abcdef",
                oem="qemu",
                alephversion="1.0.0",
                lang="en-US",
                board="amd64-usr",
                ping=Ping(active=True),
                updatecheck=UpdateCheck(),
                events=(Event(3, 2),),
            ),
        ),
    )


def test_omaha_3_says_who_it_is_what_it_limits_and_which_days_it_was_active() -> None:
    request = read("omaha3-two-apps-noupdate")
    first, second = request.apps

    assert (request.sessionid, request.userid, request.requestid) == (
        "{D3D7D6B6-7E43-4D53-8F8F-09A6B1E2B9C1}",
        "{F25EC606-5FC2-449B-91FF-FA21CADB46E4}",
        "{7F5C2E4A-3B1D-4A6E-9C8F-0D1E2F3A4B5C}",
    )
    assert request.os == Os(platform="win", version="10.0.19045.3693", arch="x64")
    assert first.updatecheck == UpdateCheck(targetversionprefix="1.1", rollback_allowed=True)
    assert first.ping == Ping(active=True, a=1, r=1, ad=7265, rd=7265, ping_freshness=FRESHNESS)
    assert second.updatecheck == UpdateCheck(updatedisabled=True)


def test_omaha_3_says_what_it_was_given_and_what_it_is_given_along() -> None:
    (update,) = read("omaha3-update-offer").apps
    (install,) = read("omaha3-install-data-offer").apps
    (report,) = read("omaha3-report").apps

    assert (update.cohort, update.cohorthint, update.cohortname) == ("stable:0123456789abcdef", "beta", "Stable")
    assert (update.track, report.track, install.track) == ("beta", "stable", "")
    assert (install.version, install.data) == ("", (Data("install", "verboselogging"),))
    assert read("omaha3-install-offer").apps[0].data == (Data("untrusted"),)
    assert report.events[1] == Event(3, 0, errorcode=-2147219440, extracode1=268435459)


def test_nebraskas_syncer_says_that_it_takes_several_manifests() -> None:
    assert [app.multi_manifest_ok for app in read("nebraska-syncer-offer").apps] == [True]


def test_updatectls_failure_and_its_hold_are_read() -> None:
    (failure,) = read("updatectl-fake-failure").apps
    (hold,) = read("updatectl-fake-hold").apps

    assert failure.events == (messages.Event(3, 0, errorcode=2000),)
    assert hold.ping == Ping(active=False, r=1)
    assert (hold.updatecheck, hold.events) == (None, ())
