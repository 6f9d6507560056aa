"""Does an operator process see windows open and close on the clock alone, and say what is wrong with those that it can't read?"""

from datetime import UTC, datetime

from support import short_windows
from support.eventually import eventually
from support.operator_cluster import application, channel, group, package

NIGHTLY = {"days": ["Sunday"], "startTime": "02:00", "durationSeconds": 60, "timeZone": "Europe/Berlin"}


def blocked(tenant):
    """The reasons of the Group's blockers; None before it has a status."""
    status = tenant.get("groups", "prod").get("status", {})
    return [blocker["reason"] for blocker in status.get("blockers", [])] if "rollout" in status else None


def progressing(tenant):
    return tenant.condition("groups", "prod", "Progressing")


async def test_a_window_that_opens_and_closes_is_seen_though_no_object_changes(operators, tenant, fleet, app_id):
    # Its lists come much later than the window.
    operator = operators.start(resync_seconds=600)
    await eventually(operator.leads)
    window, opens = short_windows.opening_in(5, for_seconds=3)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group(maintenanceWindows=[window]))
    await eventually(lambda: blocked(tenant) == ["OutsideWindow"], saying=lambda: tenant.get("groups", "prod"))
    assert datetime.now(UTC) < opens, "this machine is too slow for this test"
    told = tenant.get("groups", "prod")["status"]["blockers"][0]["message"]
    assert opens.strftime("%Y-%m-%dT%H:%M:%SZ") in told
    assert progressing(tenant) == ("False", "OutsideWindow")
    generation = tenant.get("groups", "prod")["metadata"]["generation"]

    await eventually(lambda: blocked(tenant) == [], saying=lambda: tenant.get("groups", "prod"))
    assert progressing(tenant) == ("True", "RollingOut")
    assert datetime.now(UTC) >= opens

    await eventually(lambda: blocked(tenant) == ["OutsideWindow"], saying=lambda: tenant.get("groups", "prod"))
    assert tenant.get("groups", "prod")["metadata"]["generation"] == generation
    assert tenant.event_reasons("Group", "prod") == {"RolloutStarted"}


async def test_the_end_of_a_freeze_is_seen_though_no_object_changes(operators, tenant, fleet, app_id):
    operator = operators.start(resync_seconds=600)
    await eventually(operator.leads)
    freeze, ends = short_windows.freeze_until(5)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group(freezes=[freeze]))

    await eventually(lambda: blocked(tenant) == ["Frozen"], saying=lambda: tenant.get("groups", "prod"))
    assert "fair: nobody is there" in tenant.get("groups", "prod")["status"]["blockers"][0]["message"]
    await eventually(lambda: blocked(tenant) == [], saying=lambda: tenant.get("groups", "prod"))
    assert datetime.now(UTC) >= ends


async def test_an_unknown_zone_is_named_with_what_was_meant_and_the_stamps_stay(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    await eventually(lambda: tenant.target("prod") == "1.0.0")

    tenant.apply(
        package("1.1.0"), group(maintenanceWindows=[NIGHTLY | {"timeZone": "Europe/Berlln"}]), channel("1.1.0")
    )

    await eventually(lambda: tenant.condition("groups", "prod", "Ready") == ("False", "InvalidSpec"))
    message = tenant.message("groups", "prod", "Ready")
    assert "spec.maintenanceWindows[0].timeZone: 'Europe/Berlln' is no IANA time zone" in message
    assert "did you mean Europe/Berlin" in message
    assert tenant.target("prod") == "1.0.0"

    tenant.apply(group(maintenanceWindows=[NIGHTLY]))

    await eventually(lambda: tenant.condition("groups", "prod", "Ready") == ("True", "Reconciled"))
    await eventually(lambda: tenant.target("prod") == "1.1.0")
