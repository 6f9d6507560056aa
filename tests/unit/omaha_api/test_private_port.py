"""The private port: readiness with reasons, metrics without anything from a request, progress by revision."""

import json

import pytest

from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from support.scripted_store import ScriptedStore
from update_core.fleet import progress

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"


@pytest.fixture
def store():
    return ScriptedStore()


@pytest.fixture
async def omaha(store):
    return await OmahaService(store).start(fleet.fleet(APP))


async def report(omaha, epoch="", revision=0):
    reply = await omaha.private(f"/progress?epoch={epoch}&revision={revision}")
    assert reply.status == 200
    return progress.from_wire(json.loads(reply.body))


async def test_it_is_ready_once_the_grants_and_a_catalog_are_loaded(store):
    omaha = OmahaService(store)
    assert (await omaha.private("/healthz")).status == 200
    before = await omaha.private("/readyz")
    assert (before.status, len(json.loads(before.body)["reasons"])) == (503, 2)

    await omaha.start(fleet.fleet(APP))

    after = await omaha.private("/readyz")
    assert (after.status, json.loads(after.body)["reasons"]) == (200, [])


async def test_progress_is_refused_with_a_reason_until_groups_have_been_counted(omaha):
    reply = await omaha.private("/progress?epoch=&revision=0")
    assert (reply.status, reply.body) == (503, b"the groups haven't been counted yet\n")

    await omaha.service.board.count()

    assert (await report(omaha)).full


async def test_progress_tells_only_what_changed_since_a_revision(store):
    other = [fleet.application("other.app", name="other"), fleet.channel("1.0.0", name="o", app="other")]
    lonely = fleet.group(name="lonely", track="lonely", app="other", channel="o")
    omaha = await OmahaService(store).start([*fleet.fleet(APP), *other, lonely])
    await omaha.service.board.count()
    first = await report(omaha)
    assert {group.app_id for group in first.groups} == {APP, "other.app"}

    await omaha.post(fleet.check(APP))
    await omaha.service.board.count()

    second = await report(omaha, first.epoch, first.revision)
    assert [(group.app_id, group.total, group.in_progress) for group in second.groups] == [(APP, 1, 1)]
    assert not second.full
    assert (await report(omaha, second.epoch, second.revision)).groups == ()


async def test_a_revision_of_another_life_gets_everything(omaha):
    await omaha.service.board.count()

    assert (await report(omaha, "another", 1)).full
    assert (await report(omaha, (await report(omaha)).epoch, 99)).full


async def test_no_metric_label_comes_from_a_request(omaha):
    await omaha.post(
        fleet.check(APP, "EVIL", "1.0.0", inner='<updatecheck/><event eventtype="666123" eventresult="77"/>')
    )
    await omaha.post(fleet.check("EVIL", "EVIL", "EVIL", track="EVIL"))
    await omaha.post(b"EVIL", path="/EVIL")

    metrics = (await omaha.private("/metrics")).body.decode()

    assert "EVIL" not in metrics
    assert "666123" not in metrics
    assert 'omaha_events_total{moved="false",result="-1",type="-1"} 1.0' in metrics
    assert 'omaha_update_checks_total{answer="Offer"} 1.0' in metrics
    assert 'omaha_requests_total{status="404"} 1.0' in metrics
    assert "omaha_grants_total 1.0" in metrics
    assert 'omaha_request_duration_seconds_bucket{le="+Inf"} 3.0' in metrics
