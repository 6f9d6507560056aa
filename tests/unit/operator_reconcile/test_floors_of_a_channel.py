"""A Channel with floors: what its Groups are stamped with, when that is a new rollout, and what is said of what is missing."""

import pytest

from support import kinds
from update_core.resources.channel import Channel
from update_core.resources.group import GroupStatus
from update_core.resources.package import Withdrawn
from update_operator import dependents, views
from update_operator.cache import Cache
from update_operator.reconcile import channel, group
from update_operator.reconcile.outcome import Contact, Fleet

NOW = kinds.later(100)
QUIET = Fleet(Contact.ANSWERING, known=True)
TARGET, FIVE, EIGHT = (kinds.package(version) for version in ("2.0.0", "1.5.0", "1.8.0"))


def named(*floors, of="2.0.0", status=None, **metadata):
    """A Channel with these floors."""
    found = kinds.channel(of, status=status, **metadata)
    spec = found.spec.model_dump(by_alias=True) | {"floors": [{"version": floor} for floor in floors]}
    return Channel.model_validate({"metadata": found.metadata, "spec": spec, "status": found.status})


def withdrawn(package, reason="loses data"):
    said = package.spec.model_copy(update={"withdrawn": Withdrawn(reason=reason)})
    return package.model_copy(update={"spec": said})


def obj(resource, at):
    metadata = {**resource.metadata.to_wire(), "resourceVersion": str(at)}
    wire = {"kind": resource.kind, "metadata": metadata, "spec": resource.spec.to_wire()}
    return wire | {"status": resource.status.to_wire()}


def cluster(*resources):
    """A cache that holds these and their Application."""
    cache = Cache()
    for at, resource in enumerate((kinds.application(), *resources), start=1):
        cache.put(obj(resource, at))
    return cache


class Follower:
    """Knows a fleet in which nothing has happened."""

    def fleet(self, _app_id, _track):
        return QUIET


def follow(status, its_channel, *packages, **spec):
    """The Group's status once it follows a Channel with these Packages."""
    found = kinds.group(status=status, **spec)
    view = views.of_group(cluster(its_channel, found, *packages), found, Follower())
    return group.reconcile(view, NOW, "salt").status


def begun(its_channel, *packages):
    """The status of a rollout that has begun, and is complete."""
    status = follow(GroupStatus(), its_channel, *packages)
    return status.model_copy(update={"rollout": status.rollout.model_copy(update={"completed_time": NOW})})


def told(status, type_):
    """(status and reason, message) of a condition."""
    found = next(condition for condition in status.conditions if condition.type == type_)
    return f"{found.status} {found.reason}", found.message


def test_a_group_is_stamped_with_the_floors_below_the_version_and_their_packages():
    status = follow(GroupStatus(), named("1.8.0", "2.1.0", "1.5.0"), TARGET, FIVE, EIGHT)

    assert status.target.floor_versions == ["1.5.0", "1.8.0"]
    assert [(stamp.name, stamp.version) for stamp in status.target.packages] == [
        ("p-2.0.0", None),
        ("p-1.5.0", "1.5.0"),
        ("p-1.8.0", "1.8.0"),
    ]


@pytest.mark.parametrize(
    ("before", "packages", "after", "sequence"),
    [
        pytest.param(["1.5.0"], [TARGET, FIVE], ["1.5.0"], 1, id="nothing"),
        pytest.param([], [TARGET, FIVE], ["1.5.0"], 2, id="a floor more"),
        pytest.param([], [TARGET], ["1.5.0"], 2, id="a floor more that has no package"),
        pytest.param(["1.5.0"], [TARGET, FIVE], [], 2, id="a floor less"),
        pytest.param(["1.5.0"], [TARGET, FIVE, EIGHT], ["1.8.0"], 2, id="another floor"),
        pytest.param(["1.5.0"], [TARGET, FIVE], ["1.5.0", "2.0.0"], 1, id="a floor that doesn't count"),
        pytest.param(["1.5.0", "1.8.0"], [TARGET, FIVE, EIGHT], ["1.8.0", "1.5.0"], 1, id="another order"),
    ],
)
def test_another_way_to_the_same_version_is_a_new_rollout(before, packages, after, sequence):
    status = follow(begun(named(*before), *packages), named(*after), *packages)

    assert status.rollout.sequence == sequence


@pytest.mark.parametrize(
    ("before", "after", "sequence"),
    [
        pytest.param([TARGET], [TARGET, FIVE], 2, id="appears"),
        pytest.param([TARGET, FIVE], [TARGET], 1, id="goes"),
        pytest.param([TARGET, FIVE], [TARGET, kinds.package("1.5.0", uid="again")], 2, id="made again"),
        pytest.param(
            [TARGET, FIVE], [TARGET, kinds.package("1.5.0", arch="arm64"), FIVE], 2, id="an architecture more"
        ),
        pytest.param([TARGET, FIVE], [TARGET, withdrawn(FIVE)], 1, id="withdrawn"),
    ],
)
def test_bytes_of_a_floor_that_were_not_stamped_are_a_new_rollout_too(before, after, sequence):
    status = follow(begun(named("1.5.0"), *before), named("1.5.0"), *after)

    assert status.rollout.sequence == sequence


def test_a_floor_without_a_package_is_named():
    status = follow(GroupStatus(), named("1.5.0", "1.8.0"), TARGET, FIVE)

    assert status.rollout is not None
    assert told(status, "PackageAvailable") == (
        "False PackageNotFound",
        'Package "p-2.0.0" is version 2.0.0. No Package of floor 1.8.0 exists: nobody goes past it before one does.',
    )
    assert [(blocker.reason, "floor 1.8.0" in blocker.message) for blocker in status.blockers] == [
        ("PackageUnavailable", True)
    ]


def test_a_floors_package_that_goes_is_named_with_the_stamp():
    status = follow(begun(named("1.5.0"), TARGET, FIVE), named("1.5.0"), TARGET)

    assert told(status, "PackageAvailable")[1].endswith('and they are gone: "p-1.5.0".')


@pytest.mark.parametrize(
    ("packages", "available", "progressing"),
    [
        pytest.param(
            [withdrawn(TARGET), FIVE],
            "Version 2.0.0 is withdrawn: loses data. Nobody is given it.",
            "False Withdrawn",
            id="target",
        ),
        pytest.param(
            [TARGET, withdrawn(FIVE)],
            "Version 1.5.0 is withdrawn: loses data. Nobody is given it. It is a floor, past which nobody goes.",
            "True RollingOut",
            id="floor",
        ),
    ],
)
def test_what_is_withdrawn_is_named_and_blocks(packages, available, progressing):
    status = follow(GroupStatus(), named("1.5.0"), *packages)

    assert told(status, "PackageAvailable") == ("False Withdrawn", f'Package "p-2.0.0" is version 2.0.0. {available}')
    assert told(status, "Progressing")[0] == progressing
    assert [(blocker.reason, blocker.message) for blocker in status.blockers] == [("Withdrawn", available)]


def test_one_architecture_that_is_withdrawn_leaves_the_others_available():
    amd64, arm64 = (kinds.package("2.0.0", arch=arch) for arch in ("amd64", "arm64"))
    status = follow(GroupStatus(), named(), amd64, withdrawn(arm64))

    condition, message = told(status, "PackageAvailable")
    assert condition == "True PackageFound"
    assert message.endswith('Withdrawn: "p-2.0.0-arm64" (arm64).')
    assert status.blockers == []


@pytest.mark.parametrize(
    ("blocked", "reasons"),
    [
        (["2.0"], ["The group blocks 2.0.0."]),
        (["1.5.0"], ["The group blocks 1.5.0, a floor past which nobody goes."]),
        (["1.4.0"], []),
    ],
    ids=["target", "floor", "another"],
)
def test_versions_that_the_group_blocks_are_blockers(blocked, reasons):
    status = follow(GroupStatus(), named("1.5.0"), TARGET, FIVE, versionPolicy={"blockedVersions": blocked})

    found = [blocker.message for blocker in status.blockers if blocker.reason == "VersionBlocked"]
    assert [message.partition(" Take")[0] for message in found] == reasons


def test_an_instance_on_a_floor_is_not_on_target():
    """Progress is counted against the target's version alone, whatever floors are stamped."""
    status = follow(GroupStatus(), named("1.5.0"), TARGET, FIVE)

    assert (status.target.version, status.rollout.version) == ("2.0.0", "2.0.0")


# The Channel


def channel_status(its_channel, *resources):
    """The Channel's status as it settles."""
    status = None
    for _ in range(4):
        found = named(*(floor.version for floor in its_channel.spec.floors), of=its_channel.spec.version, status=status)
        view = views.of_channel(cluster(found, *resources), found)
        settled, status = status, channel.reconcile(view, NOW).status
        if settled == status:
            return status
    raise AssertionError("it never settles")


def test_a_channel_names_the_floors_that_have_no_package_and_those_that_do_not_count():
    status = channel_status(named("1.5.0", "3.0.0"), TARGET)

    assert told(status, "Ready")[0] == "True Reconciled"
    condition, message = told(status, "PackageAvailable")
    assert condition == "False PackageNotFound"
    assert "No Package of floor 1.5.0 exists" in message
    assert message.endswith("Floors that don't count, because they aren't below it: 3.0.0.")


@pytest.mark.parametrize("floors", [[], ["1.8.0"]], ids=["a floor less", "another floor"])
def test_a_channel_whose_floors_changed_is_not_rolled_out_before_its_groups_have_begun_that_way(floors):
    complete = kinds.group(status=begun(named("1.5.0"), TARGET, FIVE))

    assert told(channel_status(named("1.5.0"), TARGET, FIVE, complete), "RolledOut")[0] == "True RolloutCompleted"
    waiting = channel_status(named(*floors), TARGET, FIVE, EIGHT, complete)
    assert told(waiting, "RolledOut")[0] == "False WaitingForGroups"
    assert waiting.observed_generation == -1


def test_a_floors_package_concerns_the_channel_and_its_groups():
    cache = cluster(named("1.5.0"), kinds.group(), TARGET)
    change = cache.put(obj(FIVE, at=9))

    assert {f"{key.kind} {key.name}" for key in dependents.of_change(cache, change)} == {
        "Package p-1.5.0",
        "Channel stable",
        "Group prod",
    }
