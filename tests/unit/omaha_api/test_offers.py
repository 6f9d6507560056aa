"""An offer says everything that the Package does, to clients that can be told; to the others it is no offer."""

import base64
import json

import pytest

from omaha_api.answers import offers
from support import fleet_values
from support import omaha_fleet as fleet
from support.omaha_service import PACKAGES, OmahaService
from update_core.omaha import dialects, manifests, messages
from update_core.rollout.model import ExtraFile, Payload, PostInstall, Program

APP = fleet.APP_ID
SHA1 = "ab" * 20
EXTRA = {"name": "oem-qemu.gz", "size": 7, "sha256": fleet.OTHER_SHA256}
MIRRORS = ["https://one.example.com/app/", "https://two.example.com/"]


def fleet_of(**payload):
    package = fleet.package("1.1.0", **payload)
    return [fleet.application(APP), fleet.channel("1.1.0"), package, fleet.stamped(fleet.group(), package)]


def request(protocol="4.0", accepts="download,xz,zucc,puff,crx3,run", **members):
    one = {"appid": APP, "version": "1.0.0", "track": "fake1", "machineid": "m", "updatecheck": {}, **members}
    apps = "apps" if protocol == "4.0" else "app"
    return json.dumps({"request": {"protocol": protocol, apps: [one], "acceptformat": accepts}}).encode()


async def status(omaha, body):
    reply = await omaha.post(body)
    (answered,) = json.loads(reply.body.removeprefix(b")]}'\n"))["response"]["apps"]
    return answered["updatecheck"]["status"]


def test_everything_that_is_known_of_a_payload_is_in_its_offer():
    payload = Payload(
        PACKAGES,
        "update.gz",
        23,
        fleet.SHA256,
        SHA1,
        signature="c2ln",
        metadata_size=190,
        mirrors=tuple(MIRRORS),
        extra_files=(ExtraFile("oem-a.gz", 5, "a0" * 32, SHA1), ExtraFile("oem-b.gz", 6, "b0" * 32)),
        programs=(Program("install", "setup.exe", "/quiet"), Program("update", "app.exe")),
        postinstall=PostInstall(True, "now", True, "https://example.com/news", "One point one", 3, False),
    )

    told = offers.offer("1.1.0", payload)

    assert told == manifests.Offer(
        (PACKAGES, *MIRRORS),
        manifests.Manifest(
            "1.1.0",
            (
                manifests.Package("update.gz", 23, bytes.fromhex(SHA1), bytes.fromhex(fleet.SHA256)),
                manifests.Package("oem-a.gz", 5, bytes.fromhex(SHA1), b"\xa0" * 32),
                manifests.Package("oem-b.gz", 6, None, b"\xb0" * 32),
            ),
            manifests.PostInstall(
                metadata_size=190,
                metadata_signature_rsa="c2ln",
                needsadmin=True,
                disable_payload_backoff=False,
                max_failure_count_per_url=3,
                deadline="now",
                prompt=True,
                more_info="https://example.com/news",
                display_version="One point one",
            ),
            (
                manifests.Action(manifests.ActionEvent.INSTALL, "setup.exe", "/quiet"),
                manifests.Action(manifests.ActionEvent.UPDATE, "app.exe"),
            ),
        ),
    )


async def test_an_updater_of_the_coreos_line_reads_urls_in_order_and_the_payload_first(store):
    omaha = await OmahaService(store).start(fleet_of(mirrors=MIRRORS, extraFiles=[EXTRA]))

    (app,) = (await omaha.post(fleet.check(APP))).apps()

    assert [url.get("codebase") for url in app.iter("url")] == [PACKAGES, *MIRRORS]
    assert [package.get("name") for package in app.iter("package")] == ["update.gz", "oem-qemu.gz"]
    (postinstall,) = app.iterfind(".//action[@event='postinstall']")
    assert postinstall.get("sha256") == base64.b64encode(bytes.fromhex(fleet.SHA256)).decode()


async def test_what_4_0_cannot_say_is_told_to_be_inexpressible_and_spends_no_grant(store):
    omaha = await OmahaService(store).start(fleet_of(extraFiles=[EXTRA]))

    assert await status(omaha, request()) == "error-inexpressible"
    assert dict(omaha.service.tally.answers) == {"PackageUnavailable": 1}
    assert "grant" not in store.calls
    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0"


async def test_a_client_that_accepts_no_installation_is_told_that_it_cannot_be_said(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    assert await status(omaha, request(accepts="download,xz")) == "error-inexpressible"
    assert await status(omaha, request()) == "ok"


@pytest.mark.parametrize(
    ("members", "spec"),
    [({"version": "1.1.0"}, {}), ({"updatecheck": {"updatedisabled": True}}, {}), ({"version": "?"}, {})],
    ids=["up to date", "disabled", "no version"],
)
async def test_who_would_get_no_update_anyway_is_not_told_so(store, members, spec):
    omaha = await OmahaService(store).start(fleet_of(extraFiles=[EXTRA]))

    assert await status(omaha, request(**members)) == "noupdate"


async def test_a_package_that_is_gone_or_that_nobody_can_be_told_of_is_no_update_to_all(store):
    omaha = await OmahaService(store).start(fleet_of(url="update.gz?path=a/b"))

    assert await status(omaha, request()) == "noupdate"
    omaha.put(*fleet.fleet(APP))
    omaha.remove(fleet.package("1.1.0"))
    assert await status(omaha, request()) == "noupdate"


def test_only_the_payload_that_is_for_the_client_has_to_be_sayable():
    plain = Payload(PACKAGES, "update.gz", 23, fleet.SHA256, arch="arm64")
    with_extra = Payload(
        PACKAGES, "update.gz", 23, fleet.SHA256, arch="amd64", extra_files=(ExtraFile("a", 1, fleet.SHA256),)
    )
    group = fleet_values.group(payloads=(plain, with_extra))
    codec = dialects.json_40(None)

    assert offers.sayable(group, "arm64", codec) == (group, messages.NoUpdate())
    refused, unsayable = offers.sayable(group, "amd64", codec)
    assert (refused.payloads, bool(refused.payload_problem), unsayable) == ((), True, codec.unsayable)
    assert offers.sayable(group, "amd64") == (group, messages.NoUpdate())
    assert offers.sayable(group, "riscv64", codec) == (group, messages.NoUpdate())
