"""Instances go by way of the floors: one hop after the other, or the whole way with one answer where they say that they can."""

import json

import pytest

from support import omaha_fleet as fleet
from support.omaha_service import OmahaService

APP = fleet.APP_ID
ONE, OTHER = "{machine-one}", "{machine-other}"
FLOORS = [{"version": "1.5.0", "reason": "key rotation"}, {"version": "1.8.0"}]


def package(version, **spec):
    return fleet.package(version, **{"url": f"{version}.gz", **spec})


TARGET, FIVE, EIGHT = package("2.0.0"), package("1.5.0"), package("1.8.0")


def application(*floors, target=TARGET, named=FLOORS, **group_spec):
    """An application whose group moves to the target by way of these packages."""
    stamped = fleet.stamped(fleet.group(**group_spec), target, floors=floors)
    return [fleet.application(APP), fleet.channel("2.0.0", floors=named), target, *floors, stamped]


@pytest.fixture
async def omaha(store):
    return await OmahaService(store).start(application(FIVE, EIGHT))


def check(version="1.0.0", machine=ONE, **attributes):
    """A check; `attributes` are those of its <app>."""
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return fleet.check(APP, machine, version).replace(b"<app ", b"<app" + said.encode() + b" ")


def manifests(reply):
    """What each manifest of the only application's answer says of itself."""
    (app,) = reply.apps()
    return [dict(manifest.attrib) for manifest in app.iter("manifest")]


def reasons(omaha):
    return dict(omaha.service.tally.answers)


async def test_an_instance_goes_from_floor_to_floor_and_never_past_one(omaha):
    at, walked = "1.0.0", []
    while (answer := (await omaha.post(check(at))).answer) != "noupdate":
        # It asks again before it has updated, and hears the same.
        assert (await omaha.post(check(at))).answer == answer
        at = answer
        walked.append(at)

    assert walked == ["1.5.0", "1.8.0", "2.0.0"]
    assert omaha.service.granting.granted == 3


async def test_each_hop_is_fetched_as_its_own_package_says(omaha):
    reply = await omaha.post(check("1.5.0"))

    assert manifests(reply) == [{"version": "1.8.0"}]
    assert b'name="1.8.0.gz"' in reply.body


async def test_every_hop_uses_up_the_limit(store):
    limit = {"maxUpdates": 1, "periodSeconds": 3600}
    omaha = await OmahaService(store).start(application(FIVE, EIGHT, rateLimit=limit))

    assert (await omaha.post(check("1.0.0"))).answer == "1.5.0"
    assert (await omaha.post(check("1.5.0"))).answer == "noupdate"
    omaha.clock.advance(3600)
    assert (await omaha.post(check("1.5.0"))).answer == "1.8.0"


async def test_who_takes_several_manifests_is_told_of_the_whole_way_with_its_reasons(omaha):
    reply = await omaha.post(check(multi_manifest_ok="true"))

    assert manifests(reply) == [
        {"version": "1.5.0", "is_floor": "true", "floor_reason": "key rotation"},
        {"version": "1.8.0", "is_floor": "true"},
        {"version": "2.0.0", "is_target": "true"},
    ]
    assert manifests(await omaha.post(check("1.5.0", multi_manifest_ok="true"))) == [
        {"version": "1.8.0", "is_floor": "true"},
        {"version": "2.0.0", "is_target": "true"},
    ]
    assert omaha.service.granting.granted == 1


async def test_packages_that_lie_elsewhere_are_offered_one_by_one_to_everybody(store):
    elsewhere = package("1.5.0", mirrors=["https://mirror.example.com/"])
    omaha = await OmahaService(store).start(application(elsewhere, EIGHT))

    assert manifests(await omaha.post(check(multi_manifest_ok="true"))) == [{"version": "1.5.0"}]
    assert [m["version"] for m in manifests(await omaha.post(check("1.5.0", multi_manifest_ok="true")))] == [
        "1.8.0",
        "2.0.0",
    ]


@pytest.mark.parametrize("protocol", ["3.0", "3.1"])
async def test_json_has_room_for_one_version_whatever_is_asked_for(omaha, protocol):
    app = {
        "appid": APP,
        "version": "1.0.0",
        "track": "fake1",
        "machineid": "m",
        "multi_manifest_ok": True,
        "updatecheck": {},
    }
    reply = await omaha.post(json.dumps({"request": {"protocol": protocol, "app": [app]}}).encode())
    (answered,) = json.loads(reply.body.removeprefix(b")]}'\n"))["response"]["app"]

    assert answered["updatecheck"]["manifest"]["version"] == "1.5.0"


async def test_a_floor_that_cannot_be_said_is_not_granted_and_not_gone_past(store):
    odd = package("1.5.0", url="1.5.0.gz?path=a/b")
    omaha = await OmahaService(store).start(application(odd, EIGHT))

    assert (await omaha.post(check("1.0.0"))).answer == "noupdate"
    assert (await omaha.post(check("1.0.0", OTHER, multi_manifest_ok="true"))).answer == "noupdate"
    assert (await omaha.post(check("1.5.0"))).answer == "1.8.0"
    assert reasons(omaha) == {"PackageUnavailable": 2, "Offer": 1}
    assert omaha.service.granting.granted == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param(package("1.5.0", withdrawn={"reason": "loses data"}), "Withdrawn", id="withdrawn"),
        pytest.param(package("1.0.0", deadEnd={"reason": "no room"}), "DeadEnd", id="dead end"),
        pytest.param(
            fleet.stamped(fleet.group(versionPolicy={"blockedVersions": ["1.5"]}), TARGET, floors=(FIVE, EIGHT)),
            "VersionBlocked",
            id="blocked",
        ),
        pytest.param(
            fleet.channel("2.0.0", floors=[{"version": "1.2.0"}, *FLOORS]), "PackageUnavailable", id="a floor more"
        ),
    ],
)
async def test_what_forbids_a_hop_stops_it_with_the_next_answer_also_for_who_holds_it(omaha, changed, reason):
    assert (await omaha.post(check())).answer == "1.5.0"
    omaha.put(changed)

    for machine in (ONE, OTHER, OTHER):
        assert (await omaha.post(check("1.0.0", machine))).answer == "noupdate"
        assert (await omaha.post(check("1.0.0", machine, multi_manifest_ok="true"))).answer == "noupdate"
    assert (await omaha.post(check("1.5.0", "{above}"))).answer == "1.8.0"
    assert reasons(omaha) == {"Offer": 2, reason: 6}


async def test_a_floor_that_is_taken_out_holds_until_a_rollout_begins_without_it(omaha):
    omaha.put(fleet.channel("2.0.0"))

    assert (await omaha.post(check())).answer == "1.5.0"
    omaha.put(fleet.stamped(fleet.group(), TARGET, sequence=2))
    assert (await omaha.post(check())).answer == "2.0.0"


async def test_what_one_version_is_refused_is_not_remembered_of_another(store):
    # The steady path answers from what it has worked out for a form of request: each version has its own hop.
    withdrawn = package("1.8.0", withdrawn={"reason": "loses data"})
    omaha = await OmahaService(store).start(application(FIVE, withdrawn))

    for _ in range(3):
        for version, answer in {"1.5.0": "noupdate", "1.8.0": "2.0.0", "1.0.0": "1.5.0", "2.0.0": "noupdate"}.items():
            assert (await omaha.post(check(version, f"m-{version}"))).answer == answer


async def test_what_the_whole_way_is_refused_is_not_remembered_of_who_goes_hop_by_hop(store):
    withdrawn = package("1.8.0", withdrawn={"reason": "loses data"})
    omaha = await OmahaService(store).start(application(FIVE, withdrawn))

    for _ in range(3):
        assert (await omaha.post(check(machine="all", multi_manifest_ok="true"))).answer == "noupdate"
        assert (await omaha.post(check(machine="hop"))).answer == "1.5.0"


async def test_a_remembered_refusal_is_only_for_the_same_architecture(store):
    amd64, arm64 = (package("1.5.0", url=f"{arch}.gz", arch=arch) for arch in ("amd64", "arm64"))
    amd64["metadata"] |= {"name": "five-amd64", "uid": "five-amd64"}
    amd64["spec"]["withdrawn"] = {"reason": "loses data"}
    resources = application(amd64, arm64, named=FLOORS[:1])
    for stamp, arch in zip(resources[-1]["status"]["target"]["packages"][1:], ("amd64", "arm64"), strict=True):
        stamp["arch"] = arch
    omaha = await OmahaService(store).start(resources)

    for _ in range(3):
        assert (await omaha.post(check(machine="a", board="amd64-usr"))).answer == "noupdate"
        assert (await omaha.post(check(machine="b", board="arm64-usr"))).answer == "1.5.0"


async def test_a_lower_version_than_a_package_takes_needs_a_floor(store):
    picky = package("2.0.0", minFromVersion="1.5.0")
    omaha = await OmahaService(store).start(application(target=picky, named=[]))

    assert (await omaha.post(check("1.0.0"))).answer == "noupdate"
    assert (await omaha.post(check("1.5.0", OTHER))).answer == "2.0.0"
    assert reasons(omaha) == {"NoPath": 1, "Offer": 1}
