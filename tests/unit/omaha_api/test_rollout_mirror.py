"""The store hears of every rollout, and of all that its outcomes are judged by, whenever that changes and not otherwise."""

import asyncio

import pytest

from support import omaha_fleet as fleet
from support.eventually import eventually
from support.omaha_service import OmahaService

APP = fleet.APP_ID
CANARY = {"open": [fleet.wave("canary", percent=1)]}
WAVES = {"waves": [{"name": "canary", "percent": 1}]}


@pytest.fixture
async def mirrored(store):
    """A service that mirrors, and has mirrored the first wave."""
    omaha = await OmahaService(store).start(fleet.fleet(APP, course=CANARY, rollout=WAVES))
    running = asyncio.create_task(omaha.service.mirror.run())
    await eventually(lambda: "record_rollout" in store.calls)
    store.calls.clear()
    yield omaha
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize(
    ("course", "policy"),
    [
        pytest.param({"epoch": 1}, {}, id="resumed"),
        pytest.param({"open": [*CANARY["open"], fleet.wave("rest", percent=100)]}, {}, id="a wave opens"),
        pytest.param({}, {"haltOn": {"consecutiveFailures": 3}}, id="other bounds"),
        pytest.param({"completedTime": fleet.STARTED}, {}, id="complete"),
    ],
)
async def test_what_changes_how_a_rollout_is_judged_is_mirrored(mirrored, store, course, policy):
    mirrored.put(*fleet.fleet(APP, course=CANARY | course, rollout=WAVES | policy))

    await eventually(lambda: store.calls == ["record_rollout"])


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"paused": True}, id="paused"),
        pytest.param({"rateLimit": {"maxUpdates": 1, "periodSeconds": 60}}, id="rate"),
        pytest.param({"rollout": WAVES | {"approval": {"version": "1.1.0", "wave": "everybody"}}}, id="approved"),
    ],
)
async def test_what_doesnt_is_not(mirrored, store, spec):
    mirrored.put(*fleet.fleet(APP, course=CANARY, **{"rollout": WAVES, **spec}))

    await mirrored.mirrored()

    assert store.calls == []


async def test_an_earlier_catalog_doesnt_have_the_last_word(mirrored, store):
    """A request that began with the catalog before may be the one that records."""
    earlier = mirrored.service.source.current.group(APP, "fake1")
    mirrored.put(*fleet.fleet(APP, course=CANARY | {"epoch": 1}, rollout=WAVES))
    await eventually(lambda: store.calls == ["record_rollout"])

    await mirrored.service.mirror.confirm(earlier)

    await eventually(lambda: store.calls == ["record_rollout"] * 3)


async def test_a_grant_waits_for_its_rollout_and_not_for_how_far_that_is(store):
    omaha = await OmahaService(store).start(fleet.fleet(APP))
    await omaha.post(fleet.check(APP, "m1"))
    omaha.put(*fleet.fleet(APP, course={"epoch": 1}))
    await omaha.post(fleet.check(APP, "m2"))
    assert store.calls.count("record_rollout") == 1

    omaha.put(*fleet.fleet(APP, sequence=2))
    await omaha.post(fleet.check(APP, "m3"))

    assert [call for call in store.calls if call in {"record_rollout", "grant"}][-2:] == ["record_rollout", "grant"]
