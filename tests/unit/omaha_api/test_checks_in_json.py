"""Fuchsia's and Chromium's updaters poll the same service as the CoreOS line, and each is answered in its own dialect."""

import json

import pytest

from support import omaha_clients_json
from support import omaha_fleet as fleet
from support.clients.acceptance import Rejected, Update
from support.omaha_service import PACKAGES, OmahaService
from support.scripted_store import ScriptedStore
from update_core.fleet.grants import GrantState
from update_core.omaha import dialects

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
EVERYTHING = "download,xz,zucc,puff,crx3,run"
CHROMIUM = pytest.mark.parametrize("protocol", ["3.1", "4.0"])
DIALECTS = pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])


@pytest.fixture
def store():
    return ScriptedStore()


def check(protocol, *apps, accepts=EVERYTHING):
    members = {"protocol": protocol, "apps" if protocol == "4.0" else "app": list(apps), "acceptformat": accepts}
    return json.dumps({"request": members}).encode()


def app(appid=APP, version="1.0.0", **members):
    return {"appid": appid, "version": version, "track": "fake1", "ping": {"rd": -1}, "updatecheck": {}, **members}


async def updates(omaha, body):
    reply = await omaha.post(body)
    assert reply.status == 200, reply.body
    return omaha_clients_json.assert_accepted(dialects.read(body)[0], reply.body, reply.headers["content-type"])


def fleet_of(version, **payload):
    package = fleet.package(version, **payload)
    return [fleet.application(APP), fleet.channel(version), package, fleet.stamped(fleet.group(), package)]


@DIALECTS
async def test_a_client_gets_the_update_in_its_dialect(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    assert await updates(omaha, check(protocol, app())) == {APP: Update("1.1.0", PACKAGES + "update.gz", 23)}
    assert await updates(omaha, check(protocol, app(version="1.1.0"))) == {APP: None}


@DIALECTS
async def test_a_client_that_names_itself_has_its_grant_and_completes_it(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP, maxInFlight=1))
    first, second = app(machineid="first"), app(machineid="second")

    assert (await updates(omaha, check(protocol, first)))[APP] is not None
    assert (await updates(omaha, check(protocol, second)))[APP] is None
    # As Fuchsia writes it.
    assert (await updates(omaha, check(protocol, first | {"version": "1.1.0.0"})))[APP] is None
    assert (await updates(omaha, check(protocol, second)))[APP] is not None


@DIALECTS
async def test_one_bad_application_does_not_spoil_the_others(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    answers = await updates(omaha, check(protocol, app("io.kinvolk.nope"), app(), app("no id")))

    assert [update is not None for update in answers.values()] == [False, True, False]


@CHROMIUM
async def test_a_version_that_chromium_cannot_read_is_no_update_and_spends_no_grant(store, protocol):
    omaha = await OmahaService(store).start(fleet_of("1.1.0-rc.1"))

    assert await updates(omaha, check(protocol, app(machineid="m"))) == {APP: None}
    assert dict(omaha.service.tally.answers) == {"PackageUnavailable": 1}
    assert "grant" not in store.calls


async def test_what_one_dialect_cannot_say_another_can(store):
    omaha = await OmahaService(store).start(fleet_of("1.1.0-rc.1"))

    assert await updates(omaha, check("3.1", app(machineid="m"))) == {APP: None}
    assert (await updates(omaha, check("3.0", app(machineid="m"))))[APP] is not None
    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0-rc.1"
    assert await updates(omaha, check("3.1", app(machineid="m2"))) == {APP: None}


@DIALECTS
async def test_an_image_reference_is_for_the_coreos_line_alone(store, protocol):
    omaha = await OmahaService(store).start(fleet_of("1.2.1", url="index.example.com/webapp:1.2.1"))

    assert await updates(omaha, check(protocol, app())) == {APP: None}
    assert (await omaha.post(fleet.check(APP))).answer == "1.2.1"


async def test_a_client_of_4_0_that_cannot_install_is_not_sent_what_it_would_have_to(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    assert await updates(omaha, check("4.0", app(), accepts="download,xz")) == {APP: None}
    assert (await updates(omaha, check("4.0", app(), accepts="crx3,download")))[APP] is not None


@DIALECTS
async def test_a_report_is_acknowledged_and_moves_the_instance(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP))
    events = "events" if protocol == "4.0" else "event"
    await updates(omaha, check(protocol, app(machineid="m")))
    report = app(machineid="m") | {events: [{"eventtype": 14, "eventresult": 1}, {"eventtype": 63}]}
    del report["updatecheck"]

    await updates(omaha, check(protocol, report))

    assert store.grants[0].state is GrantState.DOWNLOADED


@DIALECTS
async def test_a_client_is_told_that_it_disabled_updates_itself(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    reply = await omaha.post(check(protocol, app(updatecheck={"updatedisabled": True})))

    assert b'"updatecheck":{"status":"noupdate","info":"update disabled by client"}' in reply.body


@DIALECTS
async def test_no_other_reason_leaves_the_service(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP, paused=True))

    reply = await omaha.post(check(protocol, app()))

    assert b'"updatecheck":{"status":"noupdate"}' in reply.body


@pytest.mark.parametrize("content_type", [b"application/json", b"text/xml", b""])
async def test_the_content_type_of_a_request_is_not_asked(store, content_type):
    omaha = await OmahaService(store).start(fleet.fleet(APP))

    reply = await omaha.post(check("3.1", app()), headers=((b"content-type", content_type),))

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"request":', id="cut"),
        pytest.param(check("2.0", app()), id="protocol"),
        pytest.param(b'{"a":' * 5000, id="deep"),
        pytest.param(check("3.1", *[app()] * 65), id="applications"),
    ],
)
async def test_a_bad_request_gets_a_reason_in_plain_text_and_changes_nothing(store, body):
    omaha = await OmahaService(store).start(fleet.fleet(APP))
    calls = list(store.calls)

    reply = await omaha.post(body)

    assert (reply.status, reply.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert store.calls == calls


def test_the_clients_here_do_reject():
    with pytest.raises(Rejected):
        omaha_clients_json.assert_accepted(dialects.read(check("3.1", app()))[0], b"{}")
