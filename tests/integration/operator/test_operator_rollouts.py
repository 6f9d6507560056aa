"""Does an operator process bring resources to rollouts, against a real API server and under its own rights?"""

import asyncio
import json
import random
import time

from support.eventually import eventually
from support.operator_cluster import application, channel, group, package

READY = ("True", "Reconciled")


async def stamped(tenant, version, name="prod"):
    """Wait until a Group is stamped with a version, and return its status."""
    await eventually(lambda: tenant.target(name) == version, saying=lambda: tenant.get("groups", name))
    return tenant.get("groups", name)["status"]


async def test_group_is_stamped_and_completes_whatever_the_order_of_applying(operators, tenant, fleet, app_id):
    operator = operators.start()
    objects = [application(app_id), package("1.0.0"), channel("1.0.0"), group()]
    random.shuffle(objects)
    for obj in objects:
        tenant.apply(obj)

    status = await stamped(tenant, "1.0.0")

    assert status["rollout"]["sequence"] == 1
    assert status["target"]["packages"][0]["uid"] == tenant.get("packages", "app-1.0.0")["metadata"]["uid"]
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=2, active=2, on_target=2)
    await eventually(lambda: tenant.condition("groups", "prod", "RolloutComplete") == ("True", "RolloutCompleted"))
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("True", "RolloutCompleted"))
    for plural, name in (
        ("applications", "app"),
        ("packages", "app-1.0.0"),
        ("channels", "stable"),
        ("groups", "prod"),
    ):
        assert tenant.condition(plural, name, "Ready") == READY
    assert "finalizers" not in tenant.get("groups", "prod")["metadata"]
    assert "kopf" not in json.dumps(tenant.get("groups", "prod"))
    assert "WARNING" not in operator.text()
    assert "ERROR" not in operator.text()


async def test_a_promotion_is_stamped_at_once_and_kubectl_wait_is_not_fooled(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0"), package("1.1.0"), channel("1.0.0"), group())
    await stamped(tenant, "1.0.0")
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=1, active=1, on_target=1)
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("True", "RolloutCompleted"))

    promoted = time.monotonic()
    tenant.apply(channel("1.1.0"))
    wait = await asyncio.create_subprocess_exec(
        *tenant.kubectl_command("wait", "--for=condition=RolledOut", "--timeout=30s", "uchan/stable")
    )
    await stamped(tenant, "1.1.0")
    assert time.monotonic() - promoted < 2
    await asyncio.sleep(0.5)
    assert wait.returncode is None
    fleet.set(app_id, "prod", sequence=2, version="1.1.0", total=1, active=1, on_target=1)
    assert await wait.wait() == 0
    assert tenant.get("groups", "prod")["status"]["rollout"]["completedTime"]


async def test_a_deleted_group_that_is_applied_again_goes_on_where_it_was(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    before = (await stamped(tenant, "1.0.0"))["rollout"]
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", salt=before["salt"], total=2, active=2, on_target=1)
    await eventually(lambda: tenant.get("groups", "prod")["status"].get("progress") == "1/2")

    tenant.delete("groups", "prod")
    tenant.apply(group())

    after = (await stamped(tenant, "1.0.0"))["rollout"]
    assert (after["sequence"], after["salt"]) == (2, before["salt"])
    assert after["startedTime"] == "2026-01-01T00:00:00Z"


async def test_every_architecture_is_stamped_and_one_more_begins_a_new_rollout(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0", arch="amd64"), package("1.0.0", arch="arm64"))
    tenant.apply(package("1.0.0", name="too-late", arch="arm64"), group())
    await eventually(lambda: tenant.condition("packages", "too-late", "Ready") == ("False", "Conflict"))
    tenant.apply(channel("1.0.0"))

    before = await stamped(tenant, "1.0.0")
    assert [(p["arch"], p["name"]) for p in before["target"]["packages"]] == [
        ("amd64", "app-1.0.0-amd64"),
        ("arm64", "app-1.0.0-arm64"),
    ]
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=1, active=1, on_target=1)
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("True", "RolloutCompleted"))

    tenant.apply(package("1.0.0"))
    await eventually(lambda: tenant.get("groups", "prod")["status"]["rollout"]["sequence"] == 2)
    status = tenant.get("groups", "prod")["status"]
    assert [package.get("arch") for package in status["target"]["packages"]] == [None, "amd64", "arm64"]
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("False", "WaitingForGroups"))


async def test_an_app_id_belongs_to_the_namespace_that_had_it_first(operators, tenant, other_tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id))
    await eventually(lambda: tenant.condition("applications", "app", "Ready") == READY)
    other_tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())

    await eventually(lambda: other_tenant.condition("applications", "app", "Ready") == ("False", "AppIdConflict"))
    message = other_tenant.get("applications", "app")["status"]["conditions"][0]["message"]
    assert tenant.name in message
    await eventually(lambda: other_tenant.condition("groups", "prod", "Ready") == ("False", "AppIdConflict"))
    assert other_tenant.target("prod") is None

    # The claim outlives the Application ...
    tenant.delete("applications", "app")
    await asyncio.sleep(1)
    assert other_tenant.condition("applications", "app", "Ready") == ("False", "AppIdConflict")
    # ... until an administrator moves it, which the next relist notices.
    operators.move_claim(app_id, other_tenant.name)
    await eventually(lambda: other_tenant.condition("applications", "app", "Ready") == READY)
    await stamped(other_tenant, "1.0.0")


async def test_a_channel_of_another_application_is_named_as_the_trouble(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), application(f"{app_id}.b", "other"), package("1.0.0"))
    tenant.apply(channel("1.0.0", application="other"), group())

    await eventually(lambda: tenant.condition("groups", "prod", "Ready") == ("False", "ReferenceNotFound"))
    conditions = {c["type"]: c for c in tenant.get("groups", "prod")["status"]["conditions"]}
    assert 'belongs to Application "other"' in conditions["Ready"]["message"]


async def test_transitions_are_events_with_the_conditions_reasons(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), channel("1.0.0"), group())
    await eventually(lambda: tenant.condition("groups", "prod", "PackageAvailable") == ("False", "PackageNotFound"))
    tenant.apply(package("1.0.0"))
    await stamped(tenant, "1.0.0")
    tenant.apply(group(paused=True))

    expected = {"PackageNotFound", "PackageFound", "RolloutStarted", "Paused"}
    await eventually(
        lambda: expected <= tenant.event_reasons("Group", "prod"), saying=lambda: tenant.event_reasons("Group", "prod")
    )


async def test_objects_that_do_not_change_are_not_written(operators, tenant, fleet, app_id):
    operator = operators.start(resync_seconds=0.3)
    fleet.set(app_id, "prod", total=3, active=3)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    await stamped(tenant, "1.0.0")
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=3, active=3, on_target=1)
    await eventually(lambda: tenant.get("groups", "prod")["status"].get("progress") == "1/3")
    # Until nothing has been written through a whole relist.
    await settled(operator)
    versions = tenant.versions()

    relists = operator.metric("update_operator_relists_total")
    await eventually(lambda: operator.metric("update_operator_relists_total") >= relists + 3)
    assert tenant.versions() == versions
    # A new process writes nothing either.
    operator.stop()
    again = operators.start(resync_seconds=0.3)
    await eventually(again.leads)
    await eventually(lambda: again.metric("update_operator_relists_total") >= 3)
    assert again.metric("update_operator_status_writes_total") == 0
    assert tenant.versions() == versions


async def settled(operator):
    """Wait until two relists have gone by without a write."""
    while True:
        writes = operator.metric("update_operator_status_writes_total")
        relists = operator.metric("update_operator_relists_total")
        await eventually(lambda before=relists: operator.metric("update_operator_relists_total") >= before + 2)
        if operator.metric("update_operator_status_writes_total") == writes:
            return


async def test_counts_wait_for_their_turn_and_transitions_do_not(operators, tenant, fleet, app_id):
    operator = operators.start(resync_seconds=300)
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group())
    await stamped(tenant, "1.0.0")
    fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=100, active=100, on_target=1)
    await eventually(lambda: tenant.get("groups", "prod")["status"].get("progress") == "1/100")
    writes = operator.metric("update_operator_status_writes_total")

    begun = time.monotonic()
    while time.monotonic() < begun + 3:
        on_target = 2 + int((time.monotonic() - begun) * 10)
        fleet.set(app_id, "prod", sequence=1, version="1.0.0", total=100, active=100, on_target=on_target)
        await asyncio.sleep(0.1)
    assert operator.metric("update_operator_status_writes_total") <= writes + 1

    asked = time.monotonic()
    tenant.apply(group(paused=True))
    await eventually(lambda: tenant.condition("groups", "prod", "Paused") == ("True", "Paused"))
    assert time.monotonic() - asked < 2
    await eventually(lambda: tenant.get("groups", "prod")["status"]["progress"] != "1/100")
