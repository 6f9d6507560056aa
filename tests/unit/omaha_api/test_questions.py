"""What the rules are told of an instance: its machine, the limits that it sets itself, and whether somebody waits."""

import json

import pytest

from omaha_api.answers import questions
from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from update_core.fleet.attributes import Attributes
from update_core.omaha.messages import AppRequest, Os, Request, UpdateCheck
from update_core.rollout.model import Instance

APP = fleet.APP_ID
HOURLY = {"rateLimit": {"maxUpdates": 1, "periodSeconds": 3600}}


def check(machine="m", version="1.0.0", *, source="scheduler", os="", asked="", **words):
    own = "".join(f' {name}="{value}"' for name, value in words.items())
    return (
        f'<request protocol="3.0" installsource="{source}"><os {os}/><app appid="{APP}" version="{version}" track="fake1"'
        f' machineid="{machine}"{own}><updatecheck {asked}/></app></request>'
    ).encode()


def reasons(omaha):
    return dict(omaha.service.tally.answers)


async def serving(store, *packages, **group):
    """A service whose group is stamped with all these packages of 1.1.0."""
    of_group = fleet.stamped(fleet.group(**group), packages[0])
    exact = [
        {"name": one["metadata"]["name"], "uid": one["metadata"]["uid"], "sha256": one["spec"]["sha256"]}
        | ({"arch": one["spec"]["arch"]} if "arch" in one["spec"] else {})
        for one in packages
    ]
    of_group["status"]["target"]["packages"] = exact
    return await OmahaService(store).start([fleet.application(APP), fleet.channel("1.1.0"), *packages, of_group])


def package_for(arch, **spec):
    made = fleet.package("1.1.0", **({"arch": arch} if arch else {}), url=f"update-{arch or 'all'}.gz", **spec)
    made["metadata"]["name"] += f"-{arch or 'all'}"
    made["metadata"]["uid"] = f"uid-{arch or 'all'}"
    return made


# Architecture and OEM


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ({"board": "amd64-usr"}, b"update-amd64.gz"),
        ({"board": "arm64-usr"}, b"update-arm64.gz"),
        ({"os": 'arch="x64"'}, b"update-amd64.gz"),
        ({"os": 'sp="1.0.0_aarch64"'}, b"update-arm64.gz"),
        ({"os": 'arch="riscv64"'}, b"update-all.gz"),
        ({}, b"update-all.gz"),
    ],
    ids=["board", "another board", "os.arch", "service pack", "none of its own", "doesn't say"],
)
async def test_each_architecture_gets_its_package(store, words, name):
    omaha = await serving(store, package_for("amd64"), package_for("arm64"), package_for(""))

    reply = await omaha.post(check(**words))

    assert reply.answer == "1.1.0"
    assert b'name="%s"' % name in reply.body


@pytest.mark.parametrize("words", [{"board": "amd64-usr"}, {}], ids=["another", "doesn't say"])
async def test_a_machine_that_no_package_is_for_gets_noupdate(store, words):
    omaha = await serving(store, package_for("arm64"))

    assert (await omaha.post(check(**words))).answer == "noupdate"
    assert reasons(omaha) == {"Excluded": 1}
    assert (await omaha.post(check(board="arm64-usr"))).answer == "1.1.0"


async def test_an_excluded_oem_gets_noupdate_and_others_their_update(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, exclude={"oems": ["ec2"]}))

    assert (await omaha.post(check("one", oem="ec2"))).answer == "noupdate"
    assert (await omaha.post(check("two", oem="qemu"))).answer == "1.1.0"
    assert (await omaha.post(check("one", oem="ec2"))).answer == "noupdate"
    assert reasons(omaha) == {"Excluded": 2, "Offer": 1}


@pytest.mark.parametrize("first", ["ec2", "qemu"])
async def test_a_refusal_that_is_remembered_is_not_another_machines(store, first):
    second = {"ec2": "qemu", "qemu": "ec2"}[first]
    omaha = await OmahaService(store).start(fleet.fleet(APP, exclude={"oems": ["ec2"]}, paused=True))
    expected = {"ec2": "Excluded", "qemu": "Paused"}

    for oem in (first, first, second, second):
        before = reasons(omaha)
        await omaha.post(check(oem, oem=oem))
        assert reasons(omaha)[expected[oem]] == before.get(expected[oem], 0) + 1


async def test_what_is_remembered_of_one_architecture_is_not_said_of_another(store):
    omaha = await serving(store, package_for("amd64", ), package_for("arm64"))  # fmt: skip
    omaha.remove(package_for("amd64"))

    for _ in range(2):
        assert (await omaha.post(check("one", board="amd64-usr"))).answer == "noupdate"
        assert (await omaha.post(check("two", board="arm64-usr"))).answer == "1.1.0"
    assert reasons(omaha) == {"PackageUnavailable": 2, "Offer": 2}


async def test_a_package_that_cannot_be_said_to_one_architecture_stops_no_other(store):
    extra = [{"name": "oem.gz", "size": 1, "sha256": fleet.OTHER_SHA256}]
    omaha = await serving(store, package_for("amd64", extraFiles=extra), package_for("arm64"))

    for _ in range(2):
        for arch, status in (("x64", b'"error-inexpressible"'), ("arm64", b'"nextversion":"1.1.0"')):
            one = {"appid": APP, "version": "1.0.0", "track": "fake1", "machineid": arch, "updatecheck": {}}
            body = {"request": {"protocol": "4.0", "os": {"arch": arch}, "apps": [one]}}
            assert status in (await omaha.post(json.dumps(body).encode())).body


# What the client limits and allows


@pytest.mark.parametrize(
    ("prefix", "answer"),
    [
        ("1.1", "1.1.0"),
        ("1.1.0$", "1.1.0"),
        ("1.", "1.1.0"),
        ("1.10", "noupdate"),
        ("2", "noupdate"),
        ("1.1$", "1.1.0"),
    ],
)
async def test_a_client_is_offered_only_what_its_prefix_takes(omaha, prefix, answer):
    assert (await omaha.post(check(asked=f'targetversionprefix="{prefix}"'))).answer == answer


async def test_a_prefix_beyond_all_bounds_takes_nothing(omaha):
    assert (await omaha.post(check(asked=f'targetversionprefix="{"1" * 500}"'))).answer == "noupdate"
    assert reasons(omaha) == {"Excluded": 1}


async def test_a_clients_prefix_is_its_own_affair(omaha):
    omaha.put(*fleet.fleet(APP, paused=True))
    await omaha.post(check("one", asked='targetversionprefix="2"'))
    await omaha.post(check("two"))
    await omaha.post(check("one", asked='targetversionprefix="2"'))

    assert reasons(omaha) == {"Excluded": 2, "Paused": 1}


@pytest.mark.parametrize(
    ("allowed", "asked", "answer"),
    [
        (True, 'rollback_allowed="true"', "1.1.0"),
        (True, "", "noupdate"),
        (False, 'rollback_allowed="true"', "noupdate"),
    ],
    ids=["both", "group alone", "client alone"],
)
async def test_a_lower_version_is_offered_where_client_and_group_allow_it(store, allowed, asked, answer):
    omaha = await OmahaService(store).start(fleet.fleet(APP, versionPolicy={"allowDowngrade": allowed}))
    # What an instance is told that asks for nothing particular must not be kept for this one.
    assert (await omaha.post(check("another", "2.0.0"))).answer == "noupdate"

    assert (await omaha.post(check(version="2.0.0", asked=asked))).answer == answer


# Somebody waits


@pytest.mark.parametrize("source", ["ondemandupdate", "ondemandcheckforupdate", "ondemand"])
async def test_a_check_on_demand_passes_the_rate_limit_where_the_group_lets_it(store, source):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY, onDemand="BypassLimits"))
    assert (await omaha.post(check("first"))).answer == "1.1.0"

    assert (await omaha.post(check("second"))).answer == "noupdate"
    assert (await omaha.post(check("second", source=source))).answer == "1.1.0"


async def test_a_check_on_demand_waits_like_any_other_where_the_group_says_nothing(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))
    await omaha.post(check("first"))

    assert (await omaha.post(check("second", source="ondemandupdate"))).answer == "noupdate"


def test_chromium_says_it_of_one_application():
    request = Request("3.1")

    assert questions.question(request, AppRequest(APP, installsource="ondemand")).on_demand
    assert not questions.question(request, AppRequest(APP, installsource="taggedmi")).on_demand


def test_a_question_that_is_named_is_the_same_otherwise():
    asked = questions.question(
        Request("3.0", installsource="ondemand", os=Os(arch="x64")),
        AppRequest(APP, "1.0.0", oem="qemu", updatecheck=UpdateCheck("1.1", True, True, True)),
    )

    told = Attributes(oem="qemu", arch="x64")
    assert questions.named(asked, "m") == Instance(
        "m", "1.0.0", True, True, True, "1.1", "amd64", "qemu", True, machine=told
    )


async def test_the_dialects_ask_the_same(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, exclude={"oems": ["ec2"]}))
    one = {"appid": APP, "version": "1.0.0", "track": "fake1", "machineid": "m", "oem": "ec2", "updatecheck": {}}

    for protocol, apps in (("3.0", "app"), ("3.1", "app"), ("4.0", "apps")):
        await omaha.post(json.dumps({"request": {"protocol": protocol, apps: [one]}}).encode())

    assert reasons(omaha) == {"Excluded": 3}
