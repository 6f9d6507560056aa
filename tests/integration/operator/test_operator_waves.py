"""Does an operator process carry rollouts through waves, halts, moves back and losses, against a real API server?"""

from support import operator_cluster
from support.eventually import eventually
from support.operator_cluster import application, channel, group, package

WAVES = {
    "waves": [
        {"name": "canary", "percent": 10, "bakeSeconds": 1},
        {"name": "half", "percent": 50, "approval": "Required"},
        {"name": "everybody", "percent": 100},
    ]
}
COUNTED = {"canary": (10, 0, 0, 1), "half": (10, 0, 0, 4), "everybody": (10, 0, 0)}
TEN = {"total": 10, "active": 10}


def status_of(tenant, name="prod"):
    return tenant.get("groups", name).get("status", {})


def rollout_of(tenant, name="prod"):
    return status_of(tenant, name).get("rollout", {})


def open_waves(tenant, name="prod"):
    return [wave["name"] for wave in rollout_of(tenant, name).get("open", [])]


def blockers(tenant, name="prod"):
    return {blocker["reason"]: blocker["message"] for blocker in status_of(tenant, name).get("blockers", [])}


async def begun(tenant, version, name="prod"):
    """Wait until a rollout to a version is stamped, and return it."""
    await eventually(lambda: rollout_of(tenant, name).get("version") == version, saying=lambda: status_of(tenant, name))
    return rollout_of(tenant, name)


async def complete(tenant, fleet, app_id, version):
    """Bring a Group to a version, with as many instances as it takes."""
    await begun(tenant, version)
    fleet.mirror(app_id, "prod", rollout_of(tenant), on_target=10, **TEN)
    await eventually(lambda: tenant.condition("groups", "prod", "RolloutComplete") == ("True", "RolloutCompleted"))


def latch(rollout):
    return {
        "sequence": rollout["sequence"],
        "epoch": rollout.get("epoch", 0),
        "time": "2026-01-01T00:00:00Z",
        "reason": "FailurePercent",
        "message": "6 of 10 instances failed.",
        "wave": "canary",
        "errors": [{"code": 37, "count": 6}],
    }


async def test_three_waves_with_an_approval_open_one_after_the_other(operators, tenant, fleet, app_id):
    operator = operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group(rollout=WAVES))
    first = await begun(tenant, "1.0.0")
    assert first["open"] == []

    fleet.mirror(app_id, "prod", first, waves=COUNTED, **TEN)
    await eventually(lambda: open_waves(tenant) == ["canary"], saying=operator.text)
    fleet.mirror(app_id, "prod", rollout_of(tenant), waves=COUNTED | {"canary": (9, 1, 0)}, on_target=1, **TEN)
    await eventually(lambda: "AwaitingApproval" in blockers(tenant), saying=lambda: status_of(tenant))
    assert tenant.condition("groups", "prod", "Progressing") == ("False", "AwaitingApproval")
    assert open_waves(tenant) == ["canary"]

    tenant.apply(group(rollout=WAVES | {"approval": {"version": "1.0.0", "wave": "half"}}))
    await eventually(lambda: open_waves(tenant) == ["canary", "half"], saying=lambda: status_of(tenant))
    fleet.mirror(app_id, "prod", rollout_of(tenant), waves=COUNTED | {"half": (5, 5, 0)}, on_target=5, **TEN)
    await eventually(lambda: open_waves(tenant) == ["canary", "half", "everybody"], saying=lambda: status_of(tenant))
    fleet.mirror(app_id, "prod", rollout_of(tenant), waves=COUNTED, on_target=10, **TEN)
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("True", "RolloutCompleted"))
    (entry,) = status_of(tenant)["history"]
    assert (entry["outcome"], entry["changedBy"]) == ("Promoted", "kubectl-client-side-apply")
    expected = {"RolloutStarted", "WaveOpened", "WaveSettled", "RolloutCompleted"}
    await eventually(lambda: expected <= tenant.event_reasons("Group", "prod"))
    assert "ERROR" not in operator.text()


async def test_a_halt_by_failures_is_stamped_told_and_lifted_by_a_resume(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group(rollout=WAVES))
    first = await begun(tenant, "1.0.0")
    fleet.mirror(app_id, "prod", first, waves=COUNTED, latch=latch(first), **TEN)

    await eventually(lambda: tenant.condition("groups", "prod", "Halted") == ("True", "RolloutHalted"))
    assert rollout_of(tenant)["halted"]["errors"] == [{"code": 37, "count": 6}]
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("False", "RolloutHalted"))
    assert tenant.get("channels", "stable")["status"]["groups"] == {"following": 1, "complete": 0, "halted": 1}
    told = operator_cluster.events(tenant.access, tenant.name, "Group", "prod")
    await eventually(lambda: "RolloutHalted" in tenant.event_reasons("Group", "prod"), saying=lambda: told)

    tenant.apply(group(rollout=WAVES | {"resume": {"sequence": 1}}))
    await eventually(lambda: tenant.condition("groups", "prod", "Halted") == ("False", "NotHalted"))
    assert rollout_of(tenant)["epoch"] == 1
    await eventually(lambda: open_waves(tenant) == ["canary"])


async def test_failures_move_a_group_back_and_a_resume_begins_it_anew(operators, tenant, fleet, app_id):
    operators.start()
    back = {"rollout": {"onHalt": "Rollback"}, "versionPolicy": {"allowDowngrade": True}}
    tenant.apply(application(app_id), package("1.0.0"), package("2.0.0"), channel("1.0.0"), group(**back))
    await complete(tenant, fleet, app_id, "1.0.0")
    tenant.apply(channel("2.0.0"))
    bad = await begun(tenant, "2.0.0")
    fleet.mirror(app_id, "prod", bad, latch=latch(bad), **TEN)

    rollout = await begun(tenant, "1.0.0")
    assert (rollout["sequence"], rollout["kind"], rollout["fromVersion"]) == (3, "Rollback", "2.0.0")
    assert [entry["outcome"] for entry in status_of(tenant)["history"]] == ["RolledBack", "Promoted"]
    await eventually(lambda: tenant.condition("channels", "stable", "RolledOut") == ("False", "RolloutHalted"))
    fleet.mirror(app_id, "prod", rollout, on_target=10, **TEN)
    await eventually(lambda: "completedTime" in rollout_of(tenant))
    assert tenant.condition("groups", "prod", "RolloutComplete") == ("False", "RolloutRolledBack")
    assert tenant.condition("channels", "stable", "RolledOut") == ("False", "RolloutHalted")

    tenant.apply(group(**back | {"rollout": {"onHalt": "Rollback", "resume": {"sequence": 2}}}))
    again = await begun(tenant, "2.0.0")
    assert (again["sequence"], again["kind"]) == (4, "Update")


async def test_a_group_that_is_deleted_in_mid_rollout_goes_on_with_its_waves_and_its_halt(
    operators, tenant, fleet, app_id
):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), group(rollout=WAVES))
    first = await begun(tenant, "1.0.0")
    fleet.mirror(app_id, "prod", first, waves=COUNTED, **TEN)
    await eventually(lambda: open_waves(tenant) == ["canary"])
    before = rollout_of(tenant)
    fleet.mirror(app_id, "prod", before, waves=COUNTED, latch=latch(before), **TEN)
    await eventually(lambda: "halted" in rollout_of(tenant))

    tenant.delete("groups", "prod")
    tenant.apply(group(rollout=WAVES))

    await begun(tenant, "1.0.0")
    after = rollout_of(tenant)
    assert (after["sequence"], after["salt"], after["startedTime"]) == (2, before["salt"], before["startedTime"])
    assert open_waves(tenant) == ["canary"]
    assert tenant.condition("groups", "prod", "Halted") == ("True", "RolloutHalted")


async def test_a_group_waits_until_another_is_far_enough(operators, tenant, fleet, app_id):
    operators.start()
    late = group("late", rollout={"dependsOn": [{"groupRef": {"name": "prod"}, "minPercent": 50, "soakSeconds": 1}]})
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"), late)
    first = await begun(tenant, "1.0.0", "late")
    fleet.mirror(app_id, "late", first, waves={"everybody": (3, 0, 0)}, total=3, active=3)
    await eventually(lambda: "it doesn't exist" in blockers(tenant, "late").get("DependencyNotMet", ""))

    tenant.apply(group())
    await begun(tenant, "1.0.0")
    await eventually(lambda: "active instances" in blockers(tenant, "late").get("DependencyNotMet", ""))
    fleet.mirror(app_id, "prod", rollout_of(tenant), on_target=5, **TEN)

    await eventually(lambda: open_waves(tenant, "late") == ["everybody"], 30, saying=lambda: status_of(tenant, "late"))
    await eventually(lambda: "DependenciesMet" in tenant.event_reasons("Group", "late"))


async def test_a_circle_is_said_of_all_its_members_and_of_none_once_it_is_broken(operators, tenant, fleet, app_id):
    operators.start()
    tenant.apply(application(app_id), package("1.0.0"), channel("1.0.0"))
    after = {"one": "two", "two": "three", "three": "one"}
    for name, first in after.items():
        tenant.apply(group(name, rollout={"dependsOn": [{"groupRef": {"name": first}}]}))

    for name in after:
        await eventually(
            lambda which=name: tenant.condition("groups", which, "Ready") == ("False", "DependencyCycle"),
            saying=lambda which=name: status_of(tenant, which),
        )
    tenant.apply(group("two"))
    for name in after:
        await eventually(
            lambda which=name: tenant.condition("groups", which, "Ready") == ("True", "Reconciled"),
            saying=lambda which=name: status_of(tenant, which),
        )
