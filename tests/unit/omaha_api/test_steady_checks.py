"""The shortcut for steady checks answers as the way that it shortens, and leaves the same traces."""

import asyncio
import copy
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omaha_api.answers import asgi
from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from support.properties import examples
from support.scripted_store import ScriptedStore
from update_core.omaha import scan30, xml30

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
MACHINES = ("m0", "m1", "{m2}")
CATALOGS: dict[str, list[Any]] = {
    "plain": fleet.fleet(APP),
    "paused": fleet.fleet(APP, paused=True),
    "one an hour": fleet.fleet(APP, rateLimit={"maxUpdates": 1, "periodSeconds": 3600}),
    "one at a time": fleet.fleet(APP, maxInFlight=1, updateTimeoutSeconds=60),
    "no application": [],
    # The clock begins on a Sunday at noon.
    "outside its window for an hour": fleet.fleet(
        APP,
        maintenanceWindows=[{"days": ["Sunday"], "startTime": "13:00", "durationSeconds": 3600, "timeZone": "UTC"}],
    ),
    "with all that a group says": fleet.fleet(
        APP,
        exclude={"oems": ["bare"]},
        onDemand="BypassLimits",
        pollIntervalSeconds=3600,
        rateLimit={"maxUpdates": 1, "periodSeconds": 3600},
        retryAfterSeconds=60,
        versionPolicy={"allowDowngrade": True, "prefix": "1"},
    ),
    "in waves": fleet.fleet(
        APP,
        rollout={
            "waves": [{"name": "q", "percent": 100}, {"name": "few", "instances": 1}],
            "retry": {"backoffSeconds": 1},
        },
        course={
            "open": [
                fleet.wave("q", percent=100, match=[{"attribute": "oem", "operator": "In", "values": ["qemu"]}]),
                fleet.wave("few", instances=1),
            ]
        },
    ),
    "all the time": fleet.fleet(APP, course={"linear": {"startThreshold": 300_000, "durationSeconds": 100}}),
    "halted": fleet.fleet(APP, rollout={"halt": {"version": "1.1.0", "reason": "it eats disks"}}),
    "two groups": [
        *fleet.fleet(APP),
        fleet.stamped(fleet.group(name="other", track="other", paused=True), fleet.package("1.1.0")),
    ],
}


def plainly(omaha: OmahaService) -> OmahaService:
    """The service without the shortcut."""
    service = omaha.service
    service.public = asgi.PublicApp(service.checks, ready=service.ready, tally=service.tally, received=service.bodies)
    return omaha


def traces(omaha: OmahaService) -> dict[str, Any]:
    """Everything that a check leaves behind."""
    service, store = omaha.service, omaha.service._store
    return {
        "answers": service.tally.answers,
        "events": service.tally.events,
        "requests": service.tally.requests,
        "minted": service.tally.minted,
        "replays": service.tally.replays,
        "known": [service.memory.known((APP, machine)) for machine in MACHINES],
        "live grants": service.memory.live_grants,
        "queued": service.sightings.queued,
        "store's instances": store.instances,
        "store's grants": store.grants,
        "store's calls": store.calls,
    }


def a_check(**differences: str) -> bytes:
    said = {
        "machineid": "m0", "version": "1.1.0", "track": "fake1", "bootid": "{b}", "oem": "qemu", "alias": "", "userid": "u",
        "requestid": "", "installsource": "scheduler", "os": "CoreOS", "cohort": "",
        "inner": '<ping active="1"/><updatecheck/><event eventtype="3" eventresult="2"/>', "appid": f"{{{APP}}}",
    } | differences  # fmt: skip
    return (
        (
            '<request protocol="3.0" userid="{userid}" requestid="{requestid}" sessionid="s" installsource="{installsource}">'
            '<os platform="{os}" arch="{os}"/><app appid="{appid}" version="{version}" track="{track}" cohort="{cohort}"'
            ' bootid="{bootid}" oem="{oem}" machineid="{machineid}" machinealias="{alias}">{inner}</app></request>'
        )
        .format(**said)
        .encode()
    )


@dataclass(frozen=True)
class Act:
    """Something that happens to the service."""

    what: str
    body: bytes = b""


CHECKS = st.fixed_dictionaries(
    {},
    optional={
        "machineid": st.sampled_from([*MACHINES, "", "a b", "m" * 129]),
        "version": st.sampled_from(["1.0.0", "1.1.0", "1.2", "", "garbage", "9" * 200]),
        "track": st.sampled_from(["fake1", "other", "master", "nobody"]),
        "bootid": st.sampled_from(["{b}", "{c}", "", "b b", "b" * 129]),
        "oem": st.sampled_from(["qemu", "bare", "o" * 200]),
        "alias": st.sampled_from(["", "web", "a" * 200]),
        "userid": st.sampled_from(["u", "", "m0", "a b"]),
        "appid": st.sampled_from([APP, APP.upper(), "unknown", "?"]),
        "requestid": st.sampled_from(["r0", "r1", "r r"]),
        "installsource": st.sampled_from(["ondemandupdate", ""]),
        "os": st.sampled_from(["x64", "arm64"]),
        "cohort": st.sampled_from(["fake1:0000000000000001", "1:1:"]),
        "inner": st.sampled_from(
            [
                "<updatecheck/>", '<ping r="1"/>', "", '<updatecheck rollback_allowed="true"/>', '<updatecheck targetversionprefix="2"/>',
                '<updatecheck/><data name="install"/>', '<updatecheck updatedisabled="true"/>', '<updatecheck sameversionupdate="true"/>',
                '<event eventtype="13" eventresult="1"/>', '<event eventtype="3" eventresult="1"/>',
                '<updatecheck/><event eventtype="3" eventresult="0" errorcode="2000"/><event eventtype="77" eventresult="x"/>',
            ]
        ),
    },
).map(lambda differences: Act("check", a_check(**differences)))  # fmt: skip
STEADY = st.sampled_from(MACHINES).map(lambda machine: Act("check", a_check(machineid=machine)))
OTHERS = st.sampled_from([Act(f"catalog {name}") for name in CATALOGS]) | st.sampled_from(
    [Act("half a second"), Act("a minute"), Act("an hour"), Act("sweep"), Act("flush"), Act("store away"), Act("store back")]
)  # fmt: skip


async def perform(omaha: OmahaService, act: Act) -> Any:
    store = omaha.service._store
    match act.what.partition(" "):
        case "check", _, _:
            return await omaha.post(act.body)
        case "catalog", _, name:
            for held in (fleet.application(APP), fleet.group(name="other", track="other")):
                omaha.remove(held)
            omaha.put(*copy.deepcopy(CATALOGS[name]))
        case "store", _, where:
            store.away = where == "away"
        case _ if act.what in {"sweep", "flush"}:
            if not store.away:
                await (omaha.service.sweeper.sweep() if act.what == "sweep" else omaha.service.sightings.flush())
        case _:
            omaha.clock.advance({"half a second": 0.5, "a minute": 60, "an hour": 3600}[act.what])
    return None


@settings(max_examples=examples(150), deadline=None)
@given(acts=st.lists(STEADY | CHECKS | OTHERS, max_size=25))
def test_with_and_without_the_shortcut_every_reply_and_every_trace_is_the_same(acts: list[Act]) -> None:
    async def run() -> None:
        short = await OmahaService(ScriptedStore()).start(copy.deepcopy(CATALOGS["plain"]))
        long = plainly(await OmahaService(ScriptedStore()).start(copy.deepcopy(CATALOGS["plain"])))
        for act in acts:
            assert await perform(short, act) == await perform(long, act)
        assert traces(short) == traces(long)
        for omaha in (short, long):
            omaha.service._store.away = False
            await omaha.service.sightings.flush()
        assert traces(short) == traces(long)

    asyncio.run(run())


@pytest.fixture
def store():
    return ScriptedStore()


@pytest.fixture
async def omaha(store):
    return await OmahaService(store).start(CATALOGS["plain"])


def shortly(omaha, body):
    """What the shortcut says alone, once it has heard the form."""
    forms = scan30.Forms()
    forms.learn(body, xml30.read_request(body))
    answered = omaha.service.steady.answer(forms.scan(body))
    return None if answered is None else answered[0]


@pytest.mark.parametrize(
    ("catalog", "version", "reason"),
    [("plain", "1.1.0", "UpToDate"), ("paused", "1.0.0", "Paused")],
    ids=["up to date", "paused"],
)
async def test_a_steady_check_takes_the_shortcut_and_touches_no_store(omaha, store, catalog, version, reason):
    omaha.put(*CATALOGS[catalog])
    body = a_check(version=version)
    long = await omaha.post(body)
    store.calls.clear()

    assert shortly(omaha, body) == long.body
    assert omaha.service.tally.answers[reason] == 2
    assert store.calls == []


@pytest.mark.parametrize(
    "differences",
    [
        {"inner": '<updatecheck targetversionprefix="1"/>'}, {"inner": '<updatecheck rollback_allowed="true"/>'},
        {"machineid": "", "userid": ""}, {"machineid": "", "userid": "", "cohort": "fake1:0000000000000001"},
        {"machineid": "m1"}, {"version": "1.0.0"}, {"version": "1.2"}, {"track": "nobody", "appid": "unknown"}, {"oem": "bare"},
        {"alias": "web"}, {"inner": "<ping/>"},
    ],
    ids=[
        "a prefix", "downwards too", "anonymous", "a cohort", "a new instance", "an offer", "another version", "nobody's",
        "another machine", "another alias", "no check",
    ],
)  # fmt: skip
async def test_what_isnt_steady_is_left_alone(omaha, differences):
    await omaha.post(a_check())
    before = copy.deepcopy(traces(omaha))

    assert shortly(omaha, a_check(**differences)) is None
    assert traces(omaha) == before


async def test_a_check_on_demand_is_heard_as_one(omaha):
    omaha.put(*CATALOGS["with all that a group says"])
    await omaha.post(a_check(version="1.0.0", machineid="m1"))
    await omaha.post(a_check(version="1.0.0"))
    assert shortly(omaha, a_check(version="1.0.0")) is not None

    assert shortly(omaha, a_check(version="1.0.0", installsource="ondemandupdate")) is None


async def test_an_instance_that_changes_its_group_takes_no_shortcut(omaha):
    omaha.put(*CATALOGS["two groups"])
    await omaha.post(a_check())

    assert shortly(omaha, a_check(track="other")) is None
    assert shortly(omaha, a_check()) is not None


async def test_a_request_of_two_applications_takes_no_shortcut(omaha):
    await omaha.post(a_check())

    assert shortly(omaha, a_check(inner=f'<updatecheck/></app><app appid="{APP}"><updatecheck/>')) is None


async def test_an_instance_that_is_known_by_its_userid_takes_the_shortcut(omaha):
    body = a_check(machineid="", userid="m1")

    assert (await omaha.post(body)).body == shortly(omaha, body)


async def test_an_instance_with_an_update_in_flight_takes_no_shortcut(omaha):
    body = a_check(version="1.0.0")
    await omaha.post(body)
    omaha.put(*CATALOGS["paused"])

    assert shortly(omaha, body) is None


async def test_the_date_follows_the_clock_to_the_second(omaha):
    await omaha.post(a_check())

    for seconds in (0, 0.25, 0.74, 0.02, 1, 43_200, 86_400):
        omaha.clock.advance(seconds)
        assert (
            shortly(omaha, a_check())
            == (await omaha.post(a_check(alias=""))).body
            == (await plainly(omaha).post(a_check())).body
        )


async def test_a_changed_catalog_is_followed_at_once(omaha):
    await omaha.post(a_check())
    assert shortly(omaha, a_check()) is not None

    omaha.put(*fleet.fleet(APP, version="1.2.0"))

    assert shortly(omaha, a_check()) is None
    assert (await omaha.post(a_check())).answer == "1.2.0"
