"""What instances say of their machines: kept as written, written when it changes, and never twice."""

from datetime import UTC, datetime

import pytest

from omaha_api.instances import machines
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import Known
from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from update_core.fleet.attributes import NONE, Attributes
from update_core.fleet.grants import GrantState
from update_core.omaha import messages

APP = fleet.APP_ID
FIRST = "{fake-client-000}"
KEY = (APP, FIRST)
NEW = "1.1.0"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def described(body: bytes, *, os: str = "", **words: str) -> bytes:
    """The request with these attributes of its application and its operating system."""
    own = "".join(f' {name}="{value}"' for name, value in words.items())
    return body.replace(b"<app ", f"<os {os}/><app{own} ".encode())


async def test_everything_that_describes_a_machine_is_kept_as_written(omaha, store):
    os = 'platform="CoreOS" version="Chateau" sp="1.0.0_x86_64" arch="x86_64"'
    words = {"oem": "qemu", "oemversion": "0.1", "alephversion": "0.9", "board": "amd64-usr", "lang": "de-CH"}
    await omaha.post(described(fleet.check(APP, version=NEW), os=os, machinealias="Desk \u00fc", **words))
    await omaha.service.sightings.flush()

    record = store.instances[KEY]

    assert record.attributes == Attributes(
        "qemu", "0.1", "0.9", "amd64-usr", "de-CH", "CoreOS", "Chateau", "1.0.0_x86_64", "x86_64"
    )
    assert record.alias == "Desk \u00fc"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"oem": "qemu"}, {"oem": "ec2"}, id="attribute"),
        pytest.param({"oem": "qemu"}, {}, id="attribute gone"),
        pytest.param({}, {"os": 'arch="arm64"'}, id="operating system"),
        pytest.param({"machinealias": "a"}, {"machinealias": "b"}, id="alias"),
    ],
)
async def test_a_change_is_written_at_once_and_once(omaha, store, before, after):
    await omaha.post(described(fleet.check(APP, version=NEW), **before))
    await omaha.service.sightings.flush()
    store.calls.clear()

    for _ in range(3):
        await omaha.post(described(fleet.check(APP, version=NEW), **after))

    assert store.calls == ["observe"]
    record = store.instances[KEY]
    assert (record.attributes.oem, record.alias) == (after.get("oem", ""), after.get("machinealias", ""))


async def test_a_change_while_the_store_is_away_is_written_later(omaha, store):
    await omaha.post(described(fleet.check(APP, version=NEW), oem="qemu"))
    await omaha.service.sightings.flush()
    store.away = True
    await omaha.post(described(fleet.check(APP, version=NEW), oem="ec2"))
    store.away = False

    await omaha.service.sightings.flush()

    assert store.instances[KEY].attributes.oem == "ec2"


@pytest.mark.parametrize("words", [{"oem": "qemu"}, {"oem": "q" * 200, "board": "b"}], ids=["usual", "too long"])
async def test_a_machine_that_stays_the_same_touches_no_store(omaha, store, words):
    body = described(fleet.check(APP, version=NEW), os='platform="CoreOS"', machinealias="a" * 200, **words)
    await omaha.post(body)
    await omaha.service.sightings.flush()
    store.calls.clear()

    for _ in range(3):
        await omaha.post(body)

    assert store.calls == []
    record = store.instances[KEY]
    assert (record.attributes.oem, record.alias) == (machines.bounded(words["oem"]), "")


async def test_a_request_that_carries_events_alone_does_not_change_the_machine(omaha, store):
    await omaha.post(described(fleet.check(APP, version=NEW), oem="qemu"))
    await omaha.service.sightings.flush()
    store.calls.clear()

    await omaha.post(fleet.event(APP, FIRST, 3, 2, version=NEW))

    assert store.calls == []
    assert omaha.service.memory.known(KEY).attributes.oem == "qemu"


async def test_a_failed_boot_is_seen_also_where_the_machine_describes_itself_differently(omaha, store):
    await omaha.post(fleet.check(APP))
    await omaha.post(fleet.event(APP, FIRST, 3))

    await omaha.post(described(fleet.check(APP, boot="{another}"), oem="ec2"))

    assert [grant.state for grant in store.grants] == [GrantState.FAILED]
    assert store.grants[0].detail == "BootedOldVersion"


async def test_an_offer_ends_the_refusal_also_one_that_is_repeated_from_memory(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP))
    await omaha.post(fleet.check(APP))
    omaha.put(*fleet.fleet(APP, paused=True))
    await omaha.post(fleet.check(APP))
    await omaha.service.sightings.flush()
    assert store.instances[KEY].last_refusal == "Paused"
    omaha.put(*fleet.fleet(APP))

    assert (await omaha.post(fleet.check(APP))).answer == NEW
    await omaha.service.sightings.flush()

    assert store.instances[KEY].last_refusal == ""
    assert len(store.grants) == 1


def test_machines_that_say_the_same_share_one_description():
    known = machines.Machines()
    words = machines.told(messages.AppRequest("app", oem="qemu"), messages.Os(arch="x86_64"))

    assert known.attributes(words) is known.attributes(("qemu", *words[1:]))
    assert known.attributes(words) == words


def test_made_up_descriptions_do_not_fill_the_memory():
    known = machines.Machines()
    none = machines.told(messages.AppRequest("app"), messages.Os())
    shared = known.attributes(none)
    for number in range(machines.MAX_SHARED + 10):
        known.attributes((str(number), *none[1:]))
    beyond = (f"{machines.MAX_SHARED + 1}", *none[1:])

    assert known.attributes(none) is shared
    assert known.attributes(beyond) == beyond
    assert known.attributes(beyond) is not known.attributes(beyond)


def test_a_forgotten_instance_is_not_written_any_more():
    memory = FleetMemory()
    memory.remember(KEY, Known("fake1", "1.0.0", NONE, "", "", NOW))
    memory.touch(KEY)

    memory.forget(KEY)
    memory.forget(KEY)

    assert memory.known(KEY) is None
    memory.begin_round()
    assert memory.take_touched(10) == []
