"""Real clients' messages, byte for byte, and the answers that they accept."""

import dataclasses
import pathlib

import pytest

from support import omaha_clients
from update_core.omaha import messages, xml30
from update_core.omaha.manifests import Manifest, Offer, Package, PostInstall
from update_core.omaha.messages import (
    AppRequest,
    AppResponse,
    AppStatus,
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
NAMES = sorted(path.name.removesuffix(".request.xml") for path in GOLDEN.glob("*.request.xml"))

APPID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
PAYLOAD = Package(
    name="update.gz",
    size=23,
    sha1=bytes.fromhex("f8b5ef8e268f91e6032c7a0d2a57fda9b270be79"),
    sha256=bytes.fromhex("b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"),
)
OEM_FILE = Package(name="oem-qemu.gz", size=7, required=False)
OFFER = Offer(
    urls=("https://pkgs.example.com/app/", "https://mirror.example.com/a&b/"),
    manifest=Manifest("1.1.0", (PAYLOAD,), PostInstall(metadata_size=190, metadata_signature_rsa="ixi6Oebo")),
)
OFFER_WITH_OEM_FILE = dataclasses.replace(
    OFFER, manifest=dataclasses.replace(OFFER.manifest, packages=(PAYLOAD, OEM_FILE))
)


def read(name: str) -> Request:
    return xml30.read_request((GOLDEN / f"{name}.request.xml").read_bytes())


def answer_of(name: str) -> UpdateCheckAnswer:
    if name.endswith("offer"):
        return OFFER_WITH_OEM_FILE if name in {"update-engine-offer", "ue-rs-offer"} else OFFER
    return UpdateError(UpdateErrorStatus.INTERNAL) if name.endswith("unknown-app") else NoUpdate()


def answer(name: str, app: AppRequest) -> AppResponse:
    return AppResponse(
        appid=app.appid,
        status=AppStatus.UNKNOWN_APPLICATION if name.endswith("unknown-app") else AppStatus.OK,
        ping=app.ping is not None,
        updatecheck=None if app.updatecheck is None else answer_of(name),
        event_acks=len(app.events),
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
    update = omaha_clients.update_engine((GOLDEN / "update-engine-offer.response.xml").read_bytes())

    assert update == omaha_clients.Update("1.1.0", "https://pkgs.example.com/app/update.gz", 23)


def test_every_client_line_that_speaks_xml_has_a_golden() -> None:
    lines = ("update-engine", "go-omaha", "nebraska-updater", "ue-rs", "updatectl-fake", "updatectl-watch", "omaha3")

    assert {line for line in lines if any(name.startswith(line) for name in NAMES)} == set(lines)


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
    assert first.ping == Ping(active=True, a=1, r=1, ad=7265, rd=7265)
    assert second.updatecheck == UpdateCheck(updatedisabled=True)


def test_updatectls_failure_and_its_hold_are_read() -> None:
    (failure,) = read("updatectl-fake-failure").apps
    (hold,) = read("updatectl-fake-hold").apps

    assert failure.events == (messages.Event(3, 0, errorcode=2000),)
    assert hold.ping == Ping(active=False, r=1)
    assert (hold.updatecheck, hold.events) == (None, ())
