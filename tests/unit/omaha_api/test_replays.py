"""A request that comes again counts its events once, and is answered as ever."""

from datetime import UTC, datetime, timedelta

import pytest

from omaha_api.instances.replays import Replays
from support import omaha_fleet as fleet
from update_core.fleet.grants import GrantState
from update_core.omaha.messages import Event

APP = fleet.APP_ID
KEY = (APP, "m")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOWNLOADED, INSTALLED = Event(14, 1), Event(3, 1)


def sent(
    requestid, *, version="1.0.0", inner='<updatecheck/><event eventtype="3" eventresult="2"/>', session="s", **who
):
    body = fleet.check(APP, version=version, inner=inner, **who)
    return body.replace(b"<request ", f'<request requestid="{requestid}" sessionid="{session}" '.encode())


async def test_events_of_a_replayed_request_are_counted_once_and_acknowledged_each_time(omaha):
    replies = [await omaha.post(sent("{1}")) for _ in range(3)]

    assert omaha.service.tally.events[3, 2, False] == 1
    assert {reply.body.count(b'<event status="ok"/>') for reply in replies} == {1}
    assert {reply.answer for reply in replies} == {"1.1.0"}
    assert omaha.service.tally.replays == 2


async def test_so_it_is_on_the_way_that_steady_checks_take(omaha):
    await omaha.post(sent("{0}", version="1.1.0"))
    for requestid in ("{1}", "{1}", "{2}", "{1}"):
        await omaha.post(sent(requestid, version="1.1.0"))

    assert omaha.service.tally.events[3, 2, False] == 3
    assert omaha.service.tally.replays == 2


async def test_a_report_that_was_put_off_for_want_of_the_store_counts_once_and_moves_the_update(omaha, store):
    await omaha.post(fleet.check(APP))
    report = sent("{1}", inner='<event eventtype="14" eventresult="1"/>')
    store.away = True
    assert (await omaha.post(report)).status == 503
    store.away = False

    assert (await omaha.post(report)).status == 200
    assert store.grants[0].state is GrantState.DOWNLOADED
    assert sum(count for (kind, _, _), count in omaha.service.tally.events.items() if kind == 14) == 1


@pytest.mark.parametrize(
    "other",
    [
        sent("{1}", inner='<event eventtype="3" eventresult="0" errorcode="1"/>'),
        sent("{1}", machine="another"),
        sent("{1}", session="another"),
        sent("{2}"),
    ],
    ids=["other events", "another instance", "another session", "another request"],
)
async def test_a_client_that_sends_one_requestid_with_everything_is_counted(omaha, other):
    await omaha.post(sent("{1}"))
    await omaha.post(other)

    assert sum(omaha.service.tally.events.values()) == 2
    assert omaha.service.tally.replays == 0


async def test_requests_without_an_id_are_counted_each(omaha):
    for _ in range(2):
        await omaha.post(fleet.check(APP))

    assert omaha.service.tally.events[3, 2, False] == 2


async def test_an_instance_without_an_id_is_counted_once_too(omaha):
    for _ in range(2):
        await omaha.post(sent("{1}", machine=""))

    assert omaha.service.tally.events[3, 2, False] == 1


def test_a_request_is_remembered_for_ten_minutes_and_not_for_an_hour():
    replays = Replays()

    def again(requestid, minutes):
        return replays.again(requestid, "s", KEY, (DOWNLOADED,), NOW + timedelta(minutes=minutes))

    assert [again("1", 0), again("1", 9), again("2", 11), again("1", 12)] == [False, True, False, True]
    assert [again("2", 20), again("2", 60)] == [True, False]


def test_the_memory_is_bounded():
    replays = Replays(max_remembered=2)

    told = [replays.again(str(number), "s", KEY, (DOWNLOADED,), NOW) for number in (1, 2, 3, 4, 5, 5, 4, 1)]

    assert told == [False, False, False, False, False, True, True, False]


def test_one_request_may_tell_several_things():
    replays = Replays()

    assert not replays.again("1", "s", KEY, (DOWNLOADED,), NOW)
    assert not replays.again("1", "s", KEY, (INSTALLED,), NOW)
    assert replays.again("1", "s", KEY, (DOWNLOADED,), NOW)
