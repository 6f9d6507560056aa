"""What an instance gets for its poll, in every situation that doesn't need a real database."""

import asyncio
import copy

import pytest

from support import omaha_fleet as fleet
from support.eventually import eventually
from support.omaha_service import OmahaService
from update_core.fleet.grants import GrantState

APP = fleet.APP_ID
FIRST, SECOND = "{fake-client-000}", "{fake-client-001}"
HOURLY = {"rateLimit": {"maxUpdates": 1, "periodSeconds": 3600}}


def reasons(omaha):
    return dict(omaha.service.tally.answers)


async def test_an_old_instance_is_offered_the_stamped_package(omaha):
    reply = await omaha.post(fleet.check(APP))

    assert (reply.status, reply.answer) == (200, "1.1.0")
    assert reply.headers["content-type"] == "text/xml; charset=utf-8"
    assert b'codebase="http://127.0.0.1:8080/packages/"' in reply.body


async def test_a_steady_check_touches_no_store(omaha, store):
    await omaha.post(fleet.check(APP, version="1.1.0"))
    store.calls.clear()

    replies = [await omaha.post(fleet.check(APP, version="1.1.0")) for _ in range(3)]

    assert {reply.answer for reply in replies} == {"noupdate"}
    assert store.calls == []


async def test_a_refused_instance_waits_for_its_slot_without_the_store(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))
    await omaha.post(fleet.check(APP, FIRST))
    for _ in range(2):
        await omaha.post(fleet.check(APP, SECOND))
    store.calls.clear()

    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "noupdate"
    assert store.calls == []
    omaha.clock.advance(3600)
    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "1.1.0"


async def test_a_thousand_that_wait_for_one_slot_cost_few_transactions_when_it_opens(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))
    await omaha.post(fleet.check(APP, "m"))
    await omaha.post(fleet.check(APP, "m0"))
    omaha.clock.advance(3600)
    store.calls.clear()

    store.gate = asyncio.Event()
    waiting = [asyncio.create_task(omaha.post(fleet.check(APP, f"m{number}"))) for number in range(1000)]
    await eventually(lambda: "grant" in store.calls)
    store.gate.set()
    replies = await asyncio.gather(*waiting)

    assert [reply.answer for reply in replies].count("1.1.0") == 1
    assert store.calls.count("grant") == 1


async def test_a_raised_limit_counts_at_the_next_check(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))
    await omaha.post(fleet.check(APP, FIRST))
    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "noupdate"

    omaha.put(*fleet.fleet(APP, rateLimit={"maxUpdates": 2, "periodSeconds": 3600}))

    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "1.1.0"


async def test_max_in_flight_frees_its_place_when_an_instance_reports_the_version(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, maxInFlight=1))
    await omaha.post(fleet.check(APP, FIRST))
    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "noupdate"

    await omaha.post(fleet.check(APP, FIRST, "1.1.0"))

    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "1.1.0"
    assert reasons(omaha)["TooManyInFlight"] == 1


async def test_max_in_flight_frees_its_place_when_the_deadline_passes(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, maxInFlight=1, updateTimeoutSeconds=60))
    await omaha.post(fleet.check(APP, FIRST))
    omaha.clock.advance(61)

    await omaha.service.sweeper.sweep()

    assert (await omaha.post(fleet.check(APP, SECOND))).answer == "1.1.0"
    assert store.grants[0].state is GrantState.LAPSED


async def test_an_offer_is_repeated_from_memory_also_while_the_store_is_away(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))
    await omaha.post(fleet.check(APP))
    store.away = True

    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0"
    assert len(store.grants) == 1


async def test_a_restart_remembers_live_grants(store):
    before = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))
    await before.post(fleet.check(APP, FIRST))

    after = await OmahaService(store, before.clock).start(fleet.fleet(APP, **HOURLY))

    assert (await after.post(fleet.check(APP, FIRST))).answer == "1.1.0"
    assert (await after.post(fleet.check(APP, SECOND))).answer == "noupdate"
    assert len(store.grants) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda objects: objects[1]["spec"].update(version="1.0.0"), id="channel moved back"),
        pytest.param(lambda objects: objects[1]["spec"].update(version="1.2.0"), id="channel moved on"),
        pytest.param(lambda objects: objects[3]["spec"].update(paused=True), id="paused"),
        pytest.param(lambda objects: objects[2]["metadata"].update(uid="another"), id="package made again"),
    ],
)
async def test_what_stops_ends_offers_and_repeated_offers_at_once(omaha, change):
    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0"
    objects = copy.deepcopy(fleet.fleet(APP))
    change(objects)

    omaha.put(*objects)

    assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    omaha.put(*fleet.fleet(APP))
    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0"


async def test_a_deleted_package_ends_the_offers(omaha):
    await omaha.post(fleet.check(APP))

    omaha.remove(fleet.package("1.1.0"))

    assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    assert reasons(omaha)["PackageUnavailable"] == 1


async def test_a_package_that_omaha_cannot_say_costs_no_grant(store):
    payload = fleet.package("1.1.0", url="update.gz?path=a/b")
    objects = [fleet.application(APP), fleet.channel("1.1.0"), payload, fleet.stamped(fleet.group(), payload)]
    omaha = await OmahaService(store).start(objects)

    assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    assert store.grants == []


async def test_the_rollout_is_in_the_store_before_its_first_grant(omaha, store):
    await omaha.post(fleet.check(APP))

    assert store.calls.index("record_rollout") < store.calls.index("grant")
    await omaha.post(fleet.check(APP, SECOND))
    assert store.calls.count("record_rollout") == 1


async def test_a_stamp_older_than_the_stores_gets_nothing_and_asks_once(omaha, store):
    store.highest[APP, "fake1"] = 7

    assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    assert (await omaha.post(fleet.check(APP))).answer == "noupdate"
    assert store.calls.count("record_rollout") == 1
    assert reasons(omaha) == {"StaleCatalog": 2}


@pytest.mark.parametrize(
    ("appid", "track", "status"),
    [
        ("00000000-0000-0000-0000-000000000000", "fake1", "error-unknownApplication"),
        (APP, "nobody", "error-unknownApplication"),
        ("not an id!", "fake1", "error-invalidAppId"),
    ],
    ids=["unknown app", "unknown group", "bad id"],
)
async def test_what_cannot_be_answered_says_so_the_same_way(omaha, store, appid, track, status):
    store.calls.clear()

    reply = await omaha.post(fleet.check(appid, track=track))

    (app,) = reply.apps()
    assert (reply.status, app.get("appid"), app.get("status")) == (200, appid, status)
    assert reply.answer == "error-internal"
    assert [child.tag for child in app] == ["ping", "updatecheck", "event"]
    assert store.calls == []


@pytest.mark.parametrize(
    "appid", [APP.upper(), f"{{{APP}}}", f"{{{APP.upper()}}}"], ids=["upper case", "braces", "both"]
)
async def test_an_appid_is_found_in_any_case_and_echoed_as_sent(omaha, appid):
    reply = await omaha.post(fleet.check(appid))

    assert (reply.answer, reply.apps()[0].get("appid")) == ("1.1.0", appid)


async def test_a_channels_name_for_a_track_is_answered_by_the_group_on_it(omaha, store):
    assert (await omaha.post(fleet.check(APP, track="master"))).answer == "1.1.0"
    assert store.grants[0].track == "fake1"


async def test_each_application_of_a_request_is_answered_in_order_and_a_bad_one_harms_no_other(omaha):
    body = (
        b'<request protocol="3.0"><app appid="unknown" version="1"><updatecheck/></app>'
        b'<app appid="%s" version="1.0.0" track="fake1" machineid="m"><updatecheck/></app>'
        b'<app appid="?" version="1"><ping/></app></request>' % APP.encode()
    )

    apps = (await omaha.post(body)).apps()

    assert [app.get("status") for app in apps] == ["error-unknownApplication", "ok", "error-invalidAppId"]
    assert apps[1].find("updatecheck").get("status") == "ok"


OTHER_APP = "io.example.other"


def two_apps(first, second):
    """A machine with two applications, each in its own group."""
    return (
        f'<request protocol="3.0"><app appid="{APP}" version="1.0.0" track="fake1" machineid="m">{first}</app>'
        f'<app appid="{OTHER_APP}" version="1.0.0" track="g" machineid="m">{second}</app></request>'
    ).encode()


@pytest.fixture
async def of_two(store):
    payload = fleet.package("1.1.0", app="other")
    group = fleet.stamped(fleet.group(name="other-g", track="g", app="other", channel="other-c"), payload)
    other = [fleet.application(OTHER_APP, name="other"), fleet.channel("1.1.0", name="other-c", app="other"), payload]
    return await OmahaService(store).start([*fleet.fleet(APP), *other, group])


async def test_without_the_store_each_application_of_a_request_gets_what_it_can(of_two, store):
    await of_two.post(two_apps("<updatecheck/>", "<ping/>"))
    store.away = True

    reply = await of_two.post(two_apps("<updatecheck/>", "<updatecheck/>"))

    assert [app.find("updatecheck").get("status") for app in reply.apps()] == ["ok", "noupdate"]


async def test_a_request_is_put_off_as_a_whole_where_one_of_its_events_cannot_be_recorded(of_two, store):
    await of_two.post(two_apps("<ping/>", "<updatecheck/>"))
    store.away = True
    body = two_apps("<updatecheck/>", '<event eventtype="14" eventresult="1"/>')

    assert (await of_two.post(body)).status == 503
    store.away = False
    assert (await of_two.post(body)).status == 200
    assert {grant.app_id: grant.state for grant in store.grants} == {
        APP: GrantState.GRANTED, OTHER_APP: GrantState.DOWNLOADED
    }  # fmt: skip


@pytest.mark.parametrize("version", ["", "garbage", "1.2.3.4.5", "9" * 4000], ids=["none", "word", "five", "long"])
async def test_a_version_that_cannot_be_compared_gets_noupdate(omaha, store, version):
    assert (await omaha.post(fleet.check(APP, version=version))).answer == "noupdate"
    assert reasons(omaha) == {"VersionUnparsable": 1}
    assert store.grants == []


async def test_an_id_beyond_all_bounds_gets_noupdate_and_leaves_no_trace(omaha, store):
    store.calls.clear()

    assert (await omaha.post(fleet.check(APP, "m" * 129))).answer == "noupdate"
    assert store.calls == []


async def test_without_an_id_an_update_is_offered_only_where_nothing_is_counted(omaha, store):
    omaha.put(*fleet.fleet(APP, **HOURLY))
    assert (await omaha.post(fleet.check(APP, ""))).answer == "noupdate"
    assert (store.instances, store.grants) == ({}, [])
    omaha.put(*fleet.fleet(APP))
    assert (await omaha.post(fleet.check(APP, ""))).answer == "1.1.0"


@pytest.mark.parametrize(
    ("inner", "tags"),
    [
        ("<updatecheck/>", ["updatecheck"]),
        ('<ping active="1"/>', ["ping"]),
        ('<event eventtype="3" eventresult="2"/><event eventtype="14" eventresult="1"/>', ["event", "event"]),
        ("", []),
    ],
    ids=["check", "ping", "events", "nothing"],
)
async def test_exactly_what_was_asked_is_answered(omaha, inner, tags):
    (app,) = (await omaha.post(fleet.check(APP, version="1.1.0", inner=inner))).apps()

    assert [child.tag for child in app] == tags


@pytest.mark.parametrize(
    ("name", "status"),
    [("install", "error-nodata"), ("untrusted", "ok"), ("other", "error-invalidargs"), ("", "error-invalidargs")],
)
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"], ids=["offer", "noupdate"])
async def test_data_is_answered_by_name(omaha, name, status, version):
    body = fleet.check(APP, version=version, inner=f'<updatecheck/><data name="{name}" index="verboselogging"/>')

    answered = [(await omaha.post(body)).apps()[0].find("data").get("status") for _ in range(2)]

    assert answered == [status, status]


async def test_a_client_that_forbids_updates_gets_none_though_others_do(omaha):
    assert (await omaha.post(fleet.check(APP, inner='<updatecheck updatedisabled="true"/>'))).answer == "noupdate"
    assert (await omaha.post(fleet.check(APP))).answer == "1.1.0"


async def test_the_same_version_is_offered_to_who_asks_for_it_and_not_to_others(omaha):
    assert (await omaha.post(fleet.check(APP, SECOND, "1.1.0"))).answer == "noupdate"
    body = fleet.check(APP, FIRST, "1.1.0", inner='<updatecheck sameversionupdate="true"/>')
    assert (await omaha.post(body)).answer == "1.1.0"


async def test_texts_beyond_all_bounds_are_kept_as_empty(omaha, store):
    await omaha.post(fleet.check(APP, FIRST, "9" * 129, boot="b" * 129))
    await omaha.service.sightings.flush()

    assert (store.instances[APP, FIRST].version, store.instances[APP, FIRST].boot_id) == ("", "")


async def test_last_seen_and_refusal_reach_the_store_with_the_next_batch(omaha, store):
    await omaha.post(fleet.check(APP, FIRST, "1.1.0"))
    omaha.clock.advance(60)
    await omaha.post(fleet.check(APP, FIRST, "1.1.0"))

    await omaha.service.sightings.flush()

    record = store.instances[APP, FIRST]
    assert (record.last_seen, record.last_refusal) == (omaha.clock.now, "UpToDate")
