"""Real clients' messages in JSON, byte for byte, and the answers that they accept."""

import dataclasses
import pathlib

import pytest

from support import omaha_clients_json
from support.clients.acceptance import Update
from update_core.omaha import dialects, messages
from update_core.omaha.manifests import Action, ActionEvent, Manifest, Offer, Package
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
NAMES = sorted(path.name.removesuffix(".request.json") for path in GOLDEN.glob("*.request.json"))

PAYLOAD = Package(
    name="update.crx",
    size=23,
    sha1=bytes.fromhex("f8b5ef8e268f91e6032c7a0d2a57fda9b270be79"),
    sha256=bytes.fromhex("b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5"),
)
EXTRA_FILE = Package(name="extra.bin", size=7, sha256=b"x" * 32, required=False)
OFFER = Offer(
    urls=("https://pkgs.example.com/app/", "https://mirror.example.com/a&b/"), manifest=Manifest("1.1.0", (PAYLOAD,))
)
ACTIONS = (
    Action(ActionEvent.INSTALL, run="setup.exe", arguments='--say "hi"'),
    Action(ActionEvent.UPDATE, run="recovery.crx3"),
)
WITH_RUN = Offer(OFFER.urls, Manifest("1.1.0", (PAYLOAD,), actions=ACTIONS))
WITH_EXTRA_FILE = Offer(OFFER.urls, Manifest("1.1.0", (PAYLOAD, EXTRA_FILE)))
DATA = {"install": DataStatus.NO_DATA, "untrusted": DataStatus.OK}
OFFERS = {"fuchsia-offer": WITH_EXTRA_FILE, "chromium31-offer": WITH_RUN, "chromium40-offer": WITH_RUN}

GUIDE_APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"


def read(name: str) -> tuple[Request, dialects.Codec]:
    return dialects.read((GOLDEN / f"{name}.request.json").read_bytes())


def response_of(name: str) -> bytes:
    return (GOLDEN / f"{name}.response.json").read_bytes()


def answer_of(name: str) -> UpdateCheckAnswer:
    if name.endswith(("offer", "inexpressible")):
        return OFFERS.get(name, OFFER)
    if name.endswith("unknown-app"):
        return UpdateError(UpdateErrorStatus.INTERNAL)
    return NoUpdate("update disabled by client") if name == "fuchsia-noupdate" else NoUpdate()


def answer(name: str, app: AppRequest) -> AppResponse:
    known = not name.endswith("unknown-app")
    given = known and app.updatecheck and (app.cohort or name.endswith("install-offer"))
    return AppResponse(
        appid=app.appid,
        status=AppStatus.OK if known else AppStatus.UNKNOWN_APPLICATION,
        ping=app.ping is not None,
        updatecheck=None if app.updatecheck is None else answer_of(name),
        event_acks=len(app.events),
        cohort="stable:0123456789abcdef" if given else None,
        cohortname="Stable" if given else None,
        data=tuple(DataAnswer(data, DATA[data.name]) for data in app.data),
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_response_is_exactly_the_golden_one(name: str) -> None:
    request, codec = read(name)
    response = Response(request.protocol, DayStart(7266, 26400), tuple(answer(name, app) for app in request.apps))

    assert codec.content_type == b"application/json"
    assert codec.write(response) == response_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_client_accepts_the_golden_response(name: str) -> None:
    updates = omaha_clients_json.assert_accepted(read(name)[0], response_of(name))

    file = "https://pkgs.example.com/app/update.crx"
    offered = Update("1.1.0", file, 23) if name.endswith("offer") else None
    assert all(update == offered for update in updates.values())


def test_every_client_line_that_speaks_json_has_a_golden_of_each_kind() -> None:
    lines = ("fuchsia", "chromium31", "chromium40")

    for kind in ("offer", "noupdate", "unknown-app", "report"):
        assert [line for line in lines if not any(name.startswith(f"{line}-{kind}") for name in NAMES)] == []
    assert {"chromium31-install-offer", "chromium40-install-offer", "brave40-offer"} <= set(NAMES)


def test_fuchsias_check_is_read_in_full() -> None:
    request, _ = read("fuchsia-noupdate")

    assert request == Request(
        protocol="3.0",
        updaterversion="0.0.1.0",
        installsource="ondemand",
        requestid="{00000000-0000-4000-8000-000000000002}",
        sessionid="{8f2a6c1e-0b7d-4e4a-9a57-0d1c2b3a4f5e}",
        ismachine=True,
        os=Os(platform="Fuchsia", version="0.0.1.0", sp="1.1.0.0_x64", arch="x64"),
        updater="fuchsia",
        apps=(
            AppRequest(
                appid=GUIDE_APP,
                version="1.1.0.0",
                track="beta",
                ping=Ping(active=True, ad=7265, rd=7265),
                updatecheck=UpdateCheck(updatedisabled=True),
                cohort="stable",
                cohorthint="beta",
                cohortname="Stable",
                fp="1.b602d630f0a081840d0ca8fc4d35810e42806642b31279bb02d65c3df227d0f5",
            ),
        ),
    )


def test_chromiums_check_of_3_1_is_read_in_full() -> None:
    request, _ = read("chromium31-offer")

    assert request.apps == (
        AppRequest(
            appid="{E96281A6-D1AF-4BDE-9A0A-97B76E56DC57}",
            version="1.0.0.0",
            track="stable",
            lang="en-US",
            ping=Ping(active=True, ad=7265, rd=7265, ping_freshness="{2c3c2b5b-7d3c-4d58-8b2d-58c3d4e5f6a7}"),
            updatecheck=UpdateCheck(targetversionprefix="1", rollback_allowed=True),
            cohort="stable:0123456789abcdef",
            cohortname="Stable",
            fp="1." + "ab" * 32,
        ),
    )
    assert dataclasses.replace(request, apps=()) == Request(
        protocol="3.1",
        updaterversion="131.0.6778.0",
        requestid="{00000000-0000-4000-9000-000000000001}",
        sessionid="{15160585-8ade-4d3c-839b-1281a6035d1f}",
        ismachine=True,
        os=Os(platform="Linux", version="6.1.0", arch="x86_64"),
        updater="updater",
        acceptformat=("crx3", "puff"),
    )


def test_chromium_says_where_it_wants_to_go_and_who_asked() -> None:
    first, second = read("chromium31-noupdate")[0].apps

    assert (first.track, first.installsource, first.ping) == ("beta", "ondemand", Ping(r=-2))
    assert first.updatecheck == UpdateCheck(sameversionupdate=True)
    assert second.updatecheck == UpdateCheck(updatedisabled=True)


@pytest.mark.parametrize("name", ["chromium31-install-offer", "chromium40-install-offer"])
def test_chromiums_installer_asks_for_data_and_passes_some_on(name: str) -> None:
    (app,) = read(name)[0].apps

    assert app.data == (Data("install", "verboselogging"), Data("untrusted"))
    assert (app.cohort, app.installsource) == ("", "taggedmi")


def test_chromiums_check_of_4_0_says_what_it_can_and_what_it_has() -> None:
    request, _ = read("chromium40-offer")

    assert request.acceptformat == ("download", "xz", "zucc", "puff", "crx3", "run")
    assert request.apps[0].cached_items == ("ab" * 32,)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        pytest.param(
            "fuchsia-report-downloaded",
            (Event(14, 1, previousversion="1.0.0.0", nextversion="1.1.0"),),
            id="Fuchsia: downloaded",
        ),
        pytest.param(
            "fuchsia-report-failed", (Event(3, 0, errorcode=2, previousversion="1.0.0.0"),), id="Fuchsia: failed"
        ),
        pytest.param(
            "fuchsia-report-rebooted",
            (Event(54, 1, previousversion="1.0.0.0", nextversion="1.1.0"),),
            id="Fuchsia: rebooted",
        ),
        pytest.param(
            "chromium31-report",
            (
                Event(14, 1, previousversion="1.0.0.0", nextversion="1.1.0"),
                Event(3, 0, errorcode=9, previousversion="1.0.0.0", nextversion="1.1.0", errorcat=3, extracode1=-1),
            ),
            id="Chromium 3.1",
        ),
        pytest.param(
            "chromium40-report",
            (Event(14, 1), Event(63, 1), Event(3, 1, previousversion="1.0.0.0", nextversion="1.1.0")),
            id="Chromium 4.0",
        ),
    ],
)
def test_a_report_is_read(name: str, events: tuple[messages.Event, ...]) -> None:
    (app,) = read(name)[0].apps

    assert (app.events, app.updatecheck, app.ping) == (events, None, None)
