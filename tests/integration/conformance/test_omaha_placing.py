"""Which application, group and payload a request is about."""

import json
import uuid
from datetime import UTC, datetime

import pytest

from support import omaha_fleet, omaha_port, omaha_requests
from support.omaha_requests import PING, UPDATECHECK, json_app, xml, xml_app, xml_check, xml_event
from update_core.rollout.model import Reason

EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])


@pytest.mark.omaha_point(52, breaks="machines of the excluded OEMs, which the version isn't made for")
@EVERY_DIALECT
def test_machines_of_an_excluded_oem_get_no_update(omaha, fleet, app_id, protocol):
    """A machine that reports an OEM that the group excludes gets no update; one that reports another, or none, does."""
    fleet.roll_out("1.1.0", exclude={"oems": ["qemu", "a & b"]})
    omaha.expect("Offer", xml_check(app_id, machineid="m"))

    for oem, offered in {"qemu": None, "a & b": None, "QEMU": "1.1.0", "qemu2": "1.1.0", "": "1.1.0"}.items():
        reply = omaha.ask(omaha_requests.check(protocol, app_id, oem=oem, machineid=f"of {oem}"))

        assert omaha_port.offered(reply) == offered, oem


BAD = {
    "unknown": xml_app("io.foo.unknown", PING, UPDATECHECK),
    "no id": xml_app("", UPDATECHECK),
    "bad id": xml_app("no id", UPDATECHECK, xml_event(3)),
    "garbage version": xml_app("APP", UPDATECHECK, version="garbage", machineid="m"),
    "unknown track": xml_app("APP", UPDATECHECK, track="nope", machineid="m"),
    "long id": xml_app("APP", UPDATECHECK, machineid="m" * 4000),
    "unknown events": xml_app("APP", *[xml_event("x", "y")] * 64, machineid="m"),
    "nothing": "<app/>",
}


@pytest.mark.omaha_point(53, breaks="Chromium: it asks for the browser and its extensions in one request")
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_what_is_wrong_with_one_application_is_not_the_others_loss(omaha, guide_app, fleet, app_id, bad):
    """Each application of a request is answered on its own: what is wrong with one changes nothing for the others."""
    good = xml_app(guide_app, PING, UPDATECHECK, xml_event(3, 2), machineid="m")
    fleet.roll_out("1.1.0")
    bad = bad.replace("APP", app_id)
    alone = omaha.ask(xml(good)).apps()[0]

    for apps in ([good, bad], [bad, good], [bad, good, bad, good]):
        for sent, answered in zip(apps, omaha.ask(xml(*apps)).apps(), strict=True):
            assert sent is bad or (answered.get("status"), _offer(answered)) == ("ok", _offer(alone))


def _offer(app):
    return [sorted(element.attrib.items()) for element in app.iter()]


@pytest.mark.omaha_point(53)
@pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])
def test_what_is_wrong_with_one_application_is_not_the_others_loss_in_json(omaha, guide_app, protocol):
    apps = [json_app("io.foo.unknown"), json_app(guide_app), json_app("no id"), json_app(guide_app, version="garbage")]

    answered = omaha_port.apps(omaha.ask(omaha_requests.in_json(protocol, *apps)))

    assert [app["status"] for app in answered] == ["error-unknownApplication", "ok", "error-invalidAppId", "ok"]
    assert [app["updatecheck"]["status"] for app in answered] == ["error-internal", "ok", "error-internal", "noupdate"]


@pytest.fixture
def tracks(omaha, fleet, app_id):
    """Channel master at 1.1.0 with the groups fake1 and, later, fake2; channel beta at 1.2.0 with the group testers."""
    fleet.roll_out("1.1.0")
    fleet.create(omaha_fleet.channel("1.2.0", name="app-beta", channel_name="beta"))
    beta = fleet.create(omaha_fleet.package("1.2.0"))
    fleet.create(omaha_fleet.group(name="app-fake2", track="fake2"))
    fleet.stamp_group("app-fake2")
    fleet.create(omaha_fleet.group(name="app-testers", track="testers", channel="app-beta"))
    fleet.stamp(beta, group="app-testers")
    for track, version in {"fake1": "1.1.0", "fake2": "1.1.0", "testers": "1.2.0"}.items():
        reply = omaha.expect("Offer", xml_check(app_id, track=track, machineid=f"of {track}"))
        assert omaha_port.offered(reply) == version
    return fleet


@pytest.mark.omaha_point(
    54, breaks="update_engine, updatectl: some send a group as the track, some a channel, some nothing"
)
@EVERY_DIALECT
def test_a_track_is_a_group_s_or_a_channel_s_name_or_unknown(omaha, tracks, app_id, protocol):
    """A track names a group, else a channel, else nothing: then the application is answered as unknown, or by its default group."""

    def answered(track):
        reply = omaha.ask(omaha_requests.check(protocol, app_id, track=track, machineid=str(uuid.uuid4())))
        (app,) = reply.apps() if protocol == "xml" else omaha_port.apps(reply)
        return omaha_port.offered(reply) if app.get("status") == "ok" else app.get("status")

    unknown = "error-unknownApplication"
    wanted = {"fake1": "1.1.0", "testers": "1.2.0", "master": "1.1.0", "beta": "1.2.0", "nope": unknown, "": unknown}
    assert {track: answered(track) for track in wanted} == wanted

    tracks.update("Application", "app", spec={"defaultGroupRef": {"name": "app-testers"}})
    omaha.expect("Offer", omaha_requests.check(protocol, app_id, track="nope", machineid="late"))
    assert {track: answered(track) for track in wanted} == wanted | {"nope": "1.2.0", "": "1.2.0"}


@pytest.mark.omaha_point(54)
def test_an_unknown_track_is_answered_with_a_check_that_could_not_be_answered(omaha, tracks, app_id):
    (app,) = omaha.ask(xml_check(app_id, PING, UPDATECHECK, xml_event(3), track="nope", machineid="m")).apps()

    assert [(child.tag, child.get("status")) for child in app] == [
        ("ping", "ok"),
        ("updatecheck", "error-internal"),
        ("event", "ok"),
    ]


@pytest.mark.omaha_point(54)
@pytest.mark.parametrize(
    "said",
    [{"cohorthint": "testers"}, {"release_channel": "testers"}, {"cohort": "testers"}],
    ids=lambda said: next(iter(said)),
)
def test_a_client_without_a_track_may_name_it_otherwise(omaha, tracks, app_id, said):
    for protocol in ("3.1", "4.0"):
        body = omaha_requests.json_check(protocol, app_id, track=None, machineid="m", **said)

        assert omaha_port.offered(omaha.ask(body)) == "1.2.0"


ARCHITECTURES = {
    "board amd64": ("amd64", {"board": "amd64-usr"}, {}),
    "board arm64": ("arm64", {"board": "arm64-usr"}, {}),
    "arch x64": ("amd64", {}, {"arch": "x64"}),
    "arch x86_64": ("amd64", {}, {"arch": "x86_64"}),
    "arch arm64": ("arm64", {}, {"arch": "arm64"}),
    "sp x86_64": ("amd64", {}, {"sp": "3340.0.0_x86_64"}),
    "sp aarch64": ("arm64", {}, {"sp": "3340.0.0_aarch64"}),
    "nothing": ("all", {}, {}),
    "unknown": ("all", {"board": "abacus-usr"}, {"arch": "abacus"}),
}


def of_machine(protocol, app_id, app, os, machine="m"):
    if protocol == "xml":
        words = "".join(f' {name}="{value}"' for name, value in os.items())
        return xml(f"<os{words}/>", xml_app(app_id, machineid=machine, **app))
    return omaha_requests.in_json(protocol, json_app(app_id, machineid=machine, **app), os=os)


@pytest.fixture
def architectures(omaha, fleet, app_id):
    """Version 1.1.0 with a package for amd64, one for arm64 and, after `stamp`, one for all."""
    fleet.create(omaha_fleet.application(app_id))
    fleet.create(omaha_fleet.channel("1.1.0"))
    fleet.create(omaha_fleet.group())
    made = []
    for arch in ("amd64", "arm64", ""):
        package = omaha_fleet.package("1.1.0", url=f"{arch or 'all'}.gz", **({"arch": arch} if arch else {}))
        package["metadata"]["name"] = f"app-1.1.0-{arch or 'all'}"
        made.append((fleet.create(package), arch))

    def stamp(packages, sequence):
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = omaha_fleet.status(made[0][0], sequence=sequence, started=started)
        named = [
            {
                "name": package["metadata"]["name"],
                "uid": package["metadata"]["uid"],
                "sha256": package["spec"]["sha256"],
            }
            | ({"arch": arch} if arch else {})
            for package, arch in packages
        ]
        status["target"]["packages"] = named
        fleet.update("Group", "app-fake1", suffix="/status", status=status)

    stamp(made[:2], 1)
    omaha.expect("Offer", of_machine("xml", app_id, {"board": "amd64-usr"}, {}, "first"))
    return lambda: stamp(made, 2)


@pytest.mark.omaha_point(55, breaks="every machine of the other kind: it would install what it can't run")
@EVERY_DIALECT
def test_a_machine_gets_the_payload_for_its_architecture_however_it_says_it(omaha, architectures, app_id, protocol):
    """The architecture is read off the board, the system's arch or its sp; a machine that there is no package for gets no update."""
    answered = {}
    for name, (_, app, os) in ARCHITECTURES.items():
        answered[name] = _fetched(omaha.ask(of_machine(protocol, app_id, app, os, name)))
    assert answered == {name: "" if arch == "all" else f"{arch}.gz" for name, (arch, *_) in ARCHITECTURES.items()}
    assert omaha.answer(of_machine(protocol, app_id, {}, {}))[0] == Reason.EXCLUDED

    architectures()
    omaha.expect("Offer", of_machine(protocol, app_id, {}, {}, "for all"))
    for name, (arch, app, os) in ARCHITECTURES.items():
        assert _fetched(omaha.ask(of_machine(protocol, app_id, app, os, f"2 {name}"))) == f"{arch}.gz"


def _fetched(reply):
    """The name of the payload that an answer offers; empty without an update."""
    if omaha_port.offered(reply) is None:
        return ""
    found = omaha_port.updatecheck(reply)
    if not isinstance(found, dict):
        return found.find("manifest/packages/package").get("name")
    text = json.dumps(found)
    return next(name for name in ("amd64.gz", "arm64.gz", "all.gz") if name in text)
