"""The private port: readiness with reasons, metrics without anything from a request."""

import json

from support import omaha_fleet as fleet
from support.omaha_service import OmahaService

APP = fleet.APP_ID


async def test_it_is_ready_once_the_grants_and_a_catalog_are_loaded(store):
    omaha = OmahaService(store)
    assert (await omaha.private("/healthz")).status == 200
    before = await omaha.private("/readyz")
    assert (before.status, len(json.loads(before.body)["reasons"])) == (503, 2)

    await omaha.start(fleet.fleet(APP))

    after = await omaha.private("/readyz")
    assert (after.status, json.loads(after.body)["reasons"]) == (200, [])


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
    assert "omaha_minted_ids_total 0.0" in metrics


async def test_ids_that_were_made_up_and_reports_that_came_twice_are_counted(omaha):
    event = fleet.event(APP, "m", 13).replace(b"<request ", b'<request requestid="{1}" ')
    for body in (fleet.check(APP, ""), event, event):
        await omaha.post(body)

    metrics = (await omaha.private("/metrics")).body.decode()

    assert "omaha_minted_ids_total 1.0" in metrics
    assert "omaha_replayed_reports_total 1.0" in metrics
