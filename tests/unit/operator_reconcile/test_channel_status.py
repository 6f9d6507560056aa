"""What does a Channel's status say, and can `kubectl wait` be fooled by it?"""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import kinds
from support.properties import examples
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.channel import ChannelStatus
from update_operator.reconcile import channel, group
from update_operator.reconcile.outcome import Contact, Fleet

NOW = kinds.later(100)
PACKAGE = kinds.package("1.0.0")


def follower(
    version, name="prod", *, complete=False, ready="True", progress="RollingOut", halted="False", back_from=None
):
    """A Group that is stamped with a version (None: with nothing)."""
    stamped = {}
    if version is not None:
        rollout = {"sequence": 1, "version": version, "salt": "s", "startedTime": kinds.BIRTH.isoformat()}
        if complete:
            rollout["completedTime"] = kinds.later(9).isoformat()
        if back_from is not None:
            rollout |= {"kind": "Rollback", "fromVersion": back_from}
        packages = [{"name": "p", "uid": "u", "sha256": "a" * 64}]
        stamped = {"target": {"version": version, "packages": packages}, "rollout": rollout}
    found = kinds.conditions(
        ("Ready", ready, "Reconciled"), ("RolloutComplete", "False", progress), ("Halted", halted, "Because")
    )
    return kinds.group(name=name, track=name, status={"observedGeneration": 1, "conditions": found, **stamped})


def view(*followers, of=None, **changes):
    """A Channel at 1.0.0 in an application that is well."""
    healthy = channel.View(
        channel=of or kinds.channel("1.0.0"), application=kinds.application(), packages=(PACKAGE,), followers=followers
    )
    return dataclasses.replace(healthy, **changes)


def reconciled(seen):
    """The status that a view leads to, and the one after that, when nothing more is to do."""
    status = channel.reconcile(seen, NOW).status
    for _ in range(3):
        again = channel.reconcile(dataclasses.replace(seen, channel=kinds.channel("1.0.0", status=status)), NOW).status
        if again == status:
            return status
        status = again
    raise AssertionError("it never settles")


OLDER = {"creationTimestamp": kinds.later(-5).isoformat()}


@pytest.mark.parametrize(
    ("changes", "ready"),
    [
        pytest.param({}, "True Reconciled", id="healthy"),
        pytest.param({"application": None}, "False ReferenceNotFound", id="no application"),
        pytest.param({"application": kinds.application(ready="AppIdConflict")}, "False AppIdConflict", id="appId lost"),
        pytest.param({"rivals": (kinds.channel(name="older", **OLDER),)}, "False Conflict", id="name taken"),
        pytest.param({"rivals": (kinds.channel(name="a"),)}, "False Conflict", id="name taken in the same second"),
        pytest.param({"rivals": (kinds.channel(name="younger"),)}, "True Reconciled", id="name wanted by a later one"),
        pytest.param({"channel": kinds.channel("99999999999")}, "False InvalidSpec", id="version that is none"),
    ],
)
def test_ready(changes, ready):
    status = channel.reconcile(view(follower("1.0.0"), **changes), NOW).status

    assert kinds.summary(status.conditions)["Ready"] == ready
    assert status.observed_generation == 1


@pytest.mark.parametrize(
    ("followers", "rolled_out", "groups"),
    [
        pytest.param([], "Unknown NoGroups", (0, 0), id="nobody follows"),
        pytest.param([follower("1.0.0")], "False WaitingForGroups", (1, 0), id="under way"),
        pytest.param([follower("1.0.0", complete=True)], "True RolloutCompleted", (1, 1), id="complete"),
        pytest.param(
            [follower("1.0.0", complete=True), follower("1.0.0", "b")],
            "False WaitingForGroups",
            (2, 1),
            id="one of two",
        ),
        pytest.param(
            [follower("0.9.0", complete=True)], "False WaitingForGroups", (1, 0), id="still at the version before"
        ),
        pytest.param([follower("1.0.0", progress="NoInstances")], "Unknown NoInstances", (1, 0), id="nobody active"),
        pytest.param(
            [follower("1.0.0", progress="NoInstances"), follower("1.0.0", "b")],
            "False WaitingForGroups",
            (2, 0),
            id="one without instances",
        ),
        pytest.param(
            [follower("1.0.0", complete=True, ready="False")],
            "False WaitingForGroups",
            (1, 0),
            id="complete but refused",
        ),
    ],
)
def test_rolled_out_is_true_only_when_all_followers_have_completed_the_version(followers, rolled_out, groups):
    status = reconciled(view(*followers))

    assert kinds.summary(status.conditions)["RolledOut"] == rolled_out
    assert (status.groups.following, status.groups.complete) == groups


def test_a_missing_package_is_said_and_doesnt_hold_the_generation_back():
    status = channel.reconcile(view(follower("0.9.0", complete=True), packages=()), NOW).status

    assert kinds.summary(status.conditions)["PackageAvailable"] == "False PackageNotFound"
    assert kinds.summary(status.conditions)["RolledOut"] == "False PackageNotFound"
    assert status.observed_generation == 1


@pytest.mark.parametrize(
    ("followers", "observed"),
    [
        pytest.param([follower("0.9.0", complete=True)], -1, id="not stamped yet"),
        pytest.param([follower("1.0.0"), follower(None, "b")], -1, id="one not stamped yet"),
        pytest.param([follower("1.0.0")], 1, id="stamped"),
        pytest.param([follower(None, ready="False")], 1, id="can't be stamped"),
        pytest.param([], 1, id="nobody follows"),
    ],
)
def test_the_generation_is_observed_only_after_the_followers_are_stamped(followers, observed):
    status = channel.reconcile(view(*followers), NOW).status

    assert status.observed_generation == observed
    assert {c.observed_generation for c in status.conditions} == {max(observed, 0)}
    assert ("Reconciling" in kinds.summary(status.conditions)) == (observed == -1)


def test_rolled_out_comes_in_a_later_write_than_the_generation_and_is_an_event():
    first = channel.reconcile(view(follower("1.0.0", complete=True)), NOW)
    assert kinds.summary(first.status.conditions)["RolledOut"] == "False WaitingForGroups"
    assert first.status.observed_generation == 1
    assert first.notices == ()

    second = channel.reconcile(view(follower("1.0.0", complete=True), of=kinds.channel(status=first.status)), NOW)
    assert kinds.summary(second.status.conditions)["RolledOut"] == "True RolloutCompleted"
    assert [notice.reason for notice in second.notices] == ["RolloutCompleted"]


class World:
    """A Channel and the Groups that follow it, as the operator reconciles them in any order."""

    def __init__(self, groups):
        self.version, self.generation = "1.0.0", 1
        self.packages = {"1.0.0", "2.0.0"}
        self.status = ChannelStatus()
        self.groups = {f"g{number}": None for number in range(groups)}
        self.progress = {}

    def channel(self):
        return kinds.channel(self.version, status=self.status, generation=self.generation)

    def present(self):
        return (kinds.package(self.version),) if self.version in self.packages else ()

    def group(self, name):
        return kinds.group(name=name, track=name, status=self.groups[name])

    def promote(self, version):
        if version != self.version:
            self.version, self.generation = version, self.generation + 1

    def toggle_package(self, version):
        self.packages ^= {version}

    def reconcile_group(self, name):
        fleet = Fleet(Contact.ANSWERING, known=True, progress=self.progress.get(name))
        seen = group.View(
            group=self.group(name),
            application=kinds.application(),
            channel=self.channel(),
            fleet=fleet,
            packages=self.present(),
        )
        self.groups[name] = group.reconcile(seen, NOW, "salt").status

    def complete(self, name):
        """The instances of a Group have reached what it is stamped with."""
        rollout = self.groups[name].rollout if self.groups[name] else None
        if rollout is not None:
            record = RolloutRecord(rollout.sequence, rollout.version, rollout.salt, rollout.started_time)
            self.progress[name] = GroupProgress(kinds.APP_ID, name, record, active=1, on_target=1)

    def reconcile_channel(self):
        before = self.status
        followers = tuple(self.group(name) for name in self.groups)
        seen = channel.View(
            channel=self.channel(), application=kinds.application(), packages=self.present(), followers=followers
        )
        self.status = channel.reconcile(seen, NOW).status
        if self.status.observed_generation != before.observed_generation:
            assert self.condition().status != "True"

    def condition(self):
        return next((c for c in self.status.conditions if c.type == "RolledOut"), None)

    def wait_returns(self):
        """What `kubectl wait --for=condition=RolledOut` makes of the Channel."""
        found = self.condition()
        return found is not None and found.observed_generation >= self.generation and found.status == "True"

    def completed(self, status):
        """Whether a Group has completed the Channel's version."""
        return status.target.version == self.version and status.rollout.completed_time is not None

    def rolled_out(self):
        """The truth: every follower has completed the version."""
        return all(
            status is not None and status.target is not None and self.completed(status)
            for status in self.groups.values()
        )


names = st.sampled_from(["g0", "g1"])
versions = st.sampled_from(["1.0.0", "2.0.0"])
steps = st.one_of(
    st.tuples(st.just("promote"), versions),
    st.tuples(st.just("toggle_package"), versions),
    st.tuples(st.just("reconcile_group"), names),
    st.tuples(st.just("complete"), names),
    st.tuples(st.just("reconcile_channel")),
)


@given(st.lists(steps, max_size=40))
@settings(max_examples=examples(300), deadline=None)
def test_kubectl_wait_never_returns_before_the_version_is_rolled_out(story):
    world = World(groups=2)
    for step, *arguments in story:
        getattr(world, step)(*arguments)
        if world.wait_returns():
            assert world.rolled_out()


@given(st.lists(steps, max_size=40), versions)
@settings(max_examples=examples(100), deadline=None)
def test_whatever_happened_a_promotion_comes_to_its_end(story, version):
    world = World(groups=2)
    for step, *arguments in story:
        getattr(world, step)(*arguments)
    world.promote(version)
    world.packages = {"1.0.0", "2.0.0"}
    for _ in range(2):
        for name in world.groups:
            world.reconcile_group(name)
            world.complete(name)
    for _ in range(3):
        world.reconcile_channel()

    assert world.wait_returns()


def test_a_halted_group_and_one_that_is_moved_back_are_named_and_counted():
    done = follower("1.0.0", "calm", complete=True)
    status = reconciled(view(done, follower("1.0.0", halted="True"), follower("0.9.0", "back", back_from="1.0.0")))

    assert (status.groups.following, status.groups.complete, status.groups.halted) == (3, 1, 2)
    assert kinds.summary(status.conditions)["RolledOut"] == "False RolloutHalted"
    message = next(condition.message for condition in status.conditions if condition.type == "RolledOut")
    assert message == "The rollout to 1.0.0 is halted in prod. It was halted and is moved back in back."


def test_a_group_that_is_moved_back_does_not_keep_the_channel_from_being_observed():
    status = reconciled(view(follower("0.9.0", back_from="1.0.0", complete=True)))

    assert status.observed_generation == 1
    assert "Reconciling" not in kinds.summary(status.conditions)


def test_a_group_that_was_moved_back_from_another_version_is_only_waited_for():
    status = reconciled(view(follower("0.8.0", back_from="0.9.0")))

    assert status.groups.halted == 0
    assert "Reconciling" in kinds.summary(status.conditions)


def test_what_was_complete_before_it_was_halted_is_rolled_out():
    status = reconciled(view(follower("1.0.0", complete=True, halted="True")))

    assert kinds.summary(status.conditions)["RolledOut"] == "True RolloutCompleted"
    assert status.groups.halted == 1
