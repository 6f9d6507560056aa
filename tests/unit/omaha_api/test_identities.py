"""Instances that send no id of their own: they are told one, and are counted, listed and updated under it."""

import json
import re
from datetime import UTC, datetime

import pytest

from omaha_api import metrics
from omaha_api.instances import identities
from support import omaha_fleet as fleet
from support.fleet_desk import FleetDesk
from support.omaha_service import OmahaService
from update_core.fleet.grants import GrantState
from update_core.omaha.messages import AppRequest, Request, UpdateCheck

APP = fleet.APP_ID
OTHER_APP = "io.example.other"
HOURLY = {"rateLimit": {"maxUpdates": 1, "periodSeconds": 3600}}
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = "fake1:0000000000000001"

PROTOCOLS = pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])


def request(*apps, protocol="3.1", **members):
    said = {"protocol": protocol, "apps" if protocol == "4.0" else "app": list(apps), **members}
    return json.dumps({"request": said}).encode()


def app(appid=APP, version="1.0.0", *, track="fake1", **members):
    return {"appid": appid, "version": version, "track": track, "ping": {"rd": -1}, "updatecheck": {}, **members}


def report(*events, version="1.0.0", **members):
    told = [{"eventtype": type_, "eventresult": result} for type_, result in events]
    return {"appid": APP, "version": version, "track": "fake1", "event": told, "events": told, **members}


async def answers(omaha, body):
    reply = await omaha.post(body)
    assert reply.status == 200, reply.body
    members = json.loads(reply.body.removeprefix(b")]}'\n"))["response"]
    return members.get("apps") or members["app"]


async def answer(omaha, body):
    (only,) = await answers(omaha, body)
    return only


@PROTOCOLS
async def test_an_instance_without_an_id_is_told_one_and_is_known_by_it_when_it_sends_it_back(store, protocol):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))

    told = await answer(omaha, request(app(), protocol=protocol))
    assert re.fullmatch("fake1:[0-9a-f]{16}", told["cohort"])
    assert told["updatecheck"]["status"] == "noupdate"
    again = await answer(omaha, request(app(cohort=told["cohort"]), protocol=protocol))

    assert "cohort" not in again
    assert again["updatecheck"]["status"] == "ok"
    assert [grant.instance_id for grant in store.grants] == [told["cohort"]]


async def test_an_instance_that_says_it_in_xml_is_told_its_id_there(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP, **HOURLY))

    (told,) = (await omaha.post(fleet.check(APP, ""))).apps()
    body = fleet.check(APP, "").replace(b' machineid=""', b' cohort="%s"' % told.get("cohort").encode())
    reply = await omaha.post(body)

    assert (reply.answer, reply.apps()[0].get("cohort")) == ("1.1.0", None)


async def test_one_that_is_refused_leaves_no_row(omaha, store):
    omaha.put(*fleet.fleet(APP, **HOURLY))
    await answer(omaha, request(app(), sessionid="{s}"))
    await answer(omaha, request(report((13, 1)), sessionid="{s}"))
    await omaha.service.sightings.flush()

    assert (store.instances, store.grants, omaha.service.memory.instances) == ({}, [], 0)


async def test_where_nothing_is_counted_it_is_offered_at_once_and_granted_under_its_new_id(omaha, store):
    told = await answer(omaha, request(app()))

    assert told["updatecheck"]["status"] == "ok"
    assert [(grant.instance_id, grant.state) for grant in store.grants] == [(told["cohort"], GrantState.GRANTED)]

    await answer(omaha, request(app(version="1.1.0", cohort=told["cohort"])))
    assert store.grants[0].state is GrantState.COMPLETE
    assert store.instances[APP, told["cohort"]].version == "1.1.0"


async def test_the_events_of_its_first_session_are_its_own_before_it_sends_its_cohort(omaha, store):
    await answer(omaha, request(app(), sessionid="{s}", protocol="3.0"))
    states = []
    for event in ((13, 1), (14, 1), (3, 1)):
        await answer(omaha, request(report(event), sessionid="{s}", protocol="3.0"))
        states.append(store.grants[0].state)

    assert states == [GrantState.DOWNLOADING, GrantState.DOWNLOADED, GrantState.INSTALLED]
    assert len(store.grants) == 1


async def test_events_of_another_session_are_nobodys(omaha, store):
    await answer(omaha, request(app(), sessionid="{s}"))

    for members in ({"sessionid": "{another}"}, {}):
        told = await answer(omaha, request(report((13, 1)), **members))
        assert "cohort" not in told

    assert store.grants[0].state is GrantState.GRANTED
    assert omaha.service.tally.events[13, 1, False] == 2


async def test_a_check_whose_answer_was_lost_gets_the_same_id_and_the_same_offer(omaha, store):
    first = await answer(omaha, request(app(), sessionid="{s}", requestid="{1}"))
    second = await answer(omaha, request(app(), sessionid="{s}", requestid="{2}"))

    assert first == second
    assert (len(store.grants), omaha.service.tally.minted) == (1, 1)


async def test_without_a_session_each_check_gets_another_id(omaha):
    first, second = [await answer(omaha, request(app())) for _ in range(2)]

    assert first["cohort"] != second["cohort"]
    assert omaha.service.tally.minted == 2


@pytest.mark.parametrize("own", [{"userid": "u"}, {}], ids=["userid", "machineid"])
async def test_one_that_has_an_id_is_never_given_another(omaha, own):
    one = app(cohort="1:1:") if own else app(machineid="m")

    assert "cohort" not in await answer(omaha, request(one, sessionid="{s}", **own))
    assert omaha.service.tally.minted == 0


async def test_a_cohort_of_somebody_elses_making_is_replaced_and_its_hint_and_name_are_left(omaha):
    told = await answer(omaha, request(app(cohort="1:1:", cohorthint="fake1", cohortname="Stable")))

    assert told["cohort"] == FIRST
    assert not {"cohorthint", "cohortname"} & set(told)


async def test_omaha_3_is_told_its_cohort_in_every_answer_for_it_forgets_one_that_is_not(omaha):
    def check(cohort, updater):
        return (
            f'<request protocol="3.0" updater="{updater}"><app appid="{APP}" version="1.0.0" track="fake1" cohort="{cohort}"'
            ' cohorthint="fake1"><updatecheck/></app></request>'
        ).encode()

    told = await omaha.post(check("", "Omaha"))
    assert f' cohort="{FIRST}"'.encode() in told.body
    again = await omaha.post(check(FIRST, "Omaha"))
    assert f' cohort="{FIRST}" cohorthint="fake1"'.encode() in again.body
    assert b"cohort" not in (await omaha.post(check(FIRST, "another"))).body


async def test_a_ping_is_told_an_id_and_a_report_is_not(omaha):
    ping = {"appid": APP, "version": "1.0.0", "track": "fake1", "ping": {"rd": -1}}

    assert (await answer(omaha, request(ping)))["cohort"] == FIRST
    assert "cohort" not in await answer(omaha, request(report((3, 2))))


async def test_each_application_has_an_id_of_its_own(store):
    payload = fleet.package("1.1.0", app="other")
    group = fleet.group(name="other-g", track="g", app="other", channel="other-c")
    other = [
        fleet.application(OTHER_APP, name="other"), fleet.channel("1.1.0", name="other-c", app="other"), payload,
        fleet.stamped(group, payload),
    ]  # fmt: skip
    omaha = await OmahaService(store).start([*fleet.fleet(APP), *other])

    one, two = await answers(omaha, request(app(), app(OTHER_APP, track="g"), sessionid="{s}"))

    assert (one["cohort"], two["cohort"]) == (FIRST, "g:0000000000000002")
    assert {(grant.app_id, grant.instance_id) for grant in store.grants} == {
        (APP, one["cohort"]), (OTHER_APP, two["cohort"])
    }  # fmt: skip


async def test_one_that_names_no_track_stays_where_its_cohort_is(omaha):
    objects = fleet.fleet(APP)
    objects[0]["spec"]["defaultGroupRef"] = {"name": "app-fake1"}
    omaha.put(*objects)
    told = await answer(omaha, request(app(track="")))
    omaha.put(fleet.application(APP))

    assert told["cohort"] == FIRST
    assert (await answer(omaha, request(app(track="", cohort=FIRST))))["status"] == "ok"
    assert (await answer(omaha, request(app(track=""))))["status"] == "error-unknownApplication"


async def test_an_unknown_application_is_told_no_id(omaha):
    assert "cohort" not in await answer(omaha, request(app("io.example.nobody")))
    assert omaha.service.tally.minted == 0


async def test_without_the_store_it_is_told_an_id_and_offered_nothing(omaha, store):
    store.away = True

    told = await answer(omaha, request(app(), sessionid="{s}"))

    assert (told["cohort"], told["updatecheck"]["status"]) == (FIRST, "noupdate")
    assert omaha.service.tally.answers["StoreUnavailable"] == 1
    store.away = False
    assert (await answer(omaha, request(app(), sessionid="{s}")))["updatecheck"]["status"] == "ok"
    assert store.grants[0].instance_id == FIRST


async def test_who_was_given_an_id_is_listed_and_explained_by_it_like_any_other(tmp_path):
    desk = await FleetDesk(tmp_path / "fleet.db", APP).start()
    told = await answer(desk.omaha, request(app()))

    shown = await desk.instance(told["cohort"])
    assert (shown["spec"]["instanceId"], shown["status"]["state"]) == (told["cohort"], "Granted")
    assert (await desk.decision(told["cohort"]))["repeated"] is True
    await desk.close()


# The memory of sessions


def remembering(**bounds):
    numbers = iter(range(1, 100))
    return identities.Identities(metrics.Tally(), lambda: f"{next(numbers):016x}", **bounds)


def of(who, sessionid, seconds=0):
    asking = AppRequest(APP, updatecheck=UpdateCheck())
    at = datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
    found = who.identify(Request("3.0", sessionid=sessionid), asking, APP, "t", at)
    return int(found.instance_id.removeprefix("t:"), 16)


def test_a_session_is_remembered_for_a_while_after_it_was_heard_last():
    who = remembering(session_seconds=60)

    assert [of(who, "s", seconds) for seconds in (0, 59, 118, 178)] == [1, 1, 1, 2]


def test_of_too_many_sessions_the_one_heard_longest_ago_is_forgotten():
    who = remembering(max_sessions=2)

    assert [of(who, session) for session in ("a", "b", "a", "c", "a", "b")] == [1, 2, 1, 3, 1, 4]


@pytest.mark.parametrize("sessionid", ["", "s" * 129], ids=["none", "too long"])
def test_a_session_without_a_usable_id_is_not_remembered(sessionid):
    who = remembering()

    assert (of(who, sessionid), of(who, sessionid)) == (1, 2)
