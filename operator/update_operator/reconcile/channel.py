"""Is a Channel's version there, and have the Groups that follow the Channel completed it?

`kubectl wait --for=condition=RolledOut` right after a promotion must not see the True of the version before. So observedGeneration
(the status' and each condition's, which is the one that kubectl compares) advances only in a write in which RolledOut isn't True and
after every follower is stamped with the version or can't be; True comes in a later write.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from update_core import targets
from update_core.resources.application import Application
from update_core.resources.channel import Channel, ChannelGroups, ChannelSpec, ChannelStatus
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_operator.reconcile import availability, conditions, references
from update_operator.reconcile.conditions import Finding
from update_operator.reconcile.outcome import Notice, Outcome, Problem, Severity

_NAMED = 5
"""So many Groups are named in a message."""


@dataclass(frozen=True, slots=True)
class View:
    """A Channel with what its status depends on."""

    channel: Channel
    application: Application | None
    rivals: tuple[Channel, ...] = ()
    """Channels of the same Application with the same channel name."""
    packages: tuple[Package, ...] = ()
    """Those of the Channel's version, one for each architecture that has one."""
    steps: tuple[targets.Step, ...] = ()
    """Its floors below that version, lowest first."""
    followers: tuple[Group, ...] = ()
    """Groups of the same Application whose channelRef names the Channel."""


def reconcile(view: View, now: datetime) -> Outcome[ChannelStatus]:
    """The Channel's status."""
    if references.awaited(view.application):
        return Outcome(None)
    channel = view.channel
    problem = _problem(view)
    complete = [group for group in view.followers if _complete(group, channel.spec)]
    stopped = [group for group in view.followers if _halted(group, channel.spec)]
    observed = _observed_generation(view, problem)
    rolled_out = _rolled_out(view, problem, len(complete), stopped)
    if rolled_out.status == "True" and channel.status.observed_generation != channel.metadata.generation:
        rolled_out = Finding(ConditionType.ROLLED_OUT, "False", Reason.WAITING_FOR_GROUPS, "The version was just set.")
    findings = [*conditions.readiness(problem), _package_available(view), rolled_out]
    if observed != channel.metadata.generation:
        message = "Waiting until the Groups that follow this Channel have begun this version."
        findings.append(Finding(ConditionType.RECONCILING, "True", Reason.ROLLOUT_PENDING, message))
    before = channel.status.conditions
    return Outcome(
        ChannelStatus(
            observed_generation=observed,
            conditions=conditions.merge(before, findings, generation=observed, now=now),
            groups=ChannelGroups(following=len(view.followers), complete=len(complete), halted=len(stopped)),
        ),
        (
            *conditions.transitions(before, findings, [ConditionType.READY, ConditionType.PACKAGE_AVAILABLE]),
            *_completion(channel, rolled_out),
        ),
    )


def _problem(view: View) -> Problem | None:
    spec = view.channel.spec
    problem = references.version_problem(spec.version)
    problem = problem or references.application_problem(spec.application_ref.name, view.application)
    if problem is not None:
        return problem
    older = references.older_rival(view.channel, view.rivals)
    if older is not None:
        return Problem(
            Reason.CONFLICT,
            f'The older Channel "{older.metadata.name}" has the name "{spec.name}" in Application "{spec.application_ref.name}".',
        )
    return None


def _observed_generation(view: View, problem: Problem | None) -> int:
    channel = view.channel
    settled = (
        problem is not None
        or not view.packages
        or all(
            _stamped(group, channel.spec) or _refused(group) or _moved_back(group, channel.spec)
            for group in view.followers
        )
    )
    return channel.metadata.generation if settled else channel.status.observed_generation


def _package_available(view: View) -> Finding:
    spec = view.channel.spec
    none = f"No Package of version {spec.version} exists; Groups stay on what they have until one does."
    found = availability.package_available(spec.version, view.packages, view.steps, none)
    idle = ", ".join(floor.version for floor in targets.idle_floors(spec))
    if not idle:
        return found
    return replace(found, message=f"{found.message} Floors that don't count, because they aren't below it: {idle}.")


def _rolled_out(view: View, problem: Problem | None, complete: int, stopped: Sequence[Group]) -> Finding:
    type_ = ConditionType.ROLLED_OUT
    version = view.channel.spec.version
    if problem is not None:
        return Finding(type_, "False", problem.reason, problem.message)
    if not view.followers:
        return Finding(type_, "Unknown", Reason.NO_GROUPS, "No Group follows this Channel.")
    if not view.packages:
        return Finding(type_, "False", Reason.PACKAGE_NOT_FOUND, f"No Package of version {version} exists.")
    waiting = [group for group in view.followers if not _complete(group, view.channel.spec)]
    if not waiting and complete:
        return Finding(
            type_, "True", Reason.ROLLOUT_COMPLETED, f"Every Group that follows this Channel has completed {version}."
        )
    held = [group for group in stopped if group in waiting]
    if held:
        back = [group for group in held if _moved_back(group, view.channel.spec)]
        halted = [group for group in held if group not in back]
        told = [f"The rollout to {version} is halted in {_names(halted)}."] if halted else []
        if back:
            told.append(f"It was halted and is moved back in {_names(back)}.")
        return Finding(type_, "False", Reason.ROLLOUT_HALTED, " ".join(told))
    if all(_without_instances(group, view.channel.spec) for group in waiting):
        return Finding(type_, "Unknown", Reason.NO_INSTANCES, f"Without active instances: {_names(waiting)}.")
    return Finding(type_, "False", Reason.WAITING_FOR_GROUPS, f"{version} is not complete in: {_names(waiting)}.")


def _completion(channel: Channel, rolled_out: Finding) -> list[Notice]:
    before = conditions.find(channel.status.conditions, ConditionType.ROLLED_OUT)
    if rolled_out.status != "True" or (before is not None and before.status == "True"):
        return []
    return [Notice(Severity.NORMAL, Reason.ROLLOUT_COMPLETED, "CompleteRollout", rolled_out.message)]


def _stamped(group: Group, spec: ChannelSpec) -> bool:
    """Whether the group has begun a rollout to the channel's version, by way of its floors."""
    target, rollout = group.status.target, group.status.rollout
    if target is None or rollout is None or not target.version == spec.version == rollout.version:
        return False
    return set(target.floor_versions) == {floor.version for floor in targets.floors(spec)}


def _complete(group: Group, spec: ChannelSpec) -> bool:
    rollout = group.status.rollout
    return _stamped(group, spec) and not _refused(group) and rollout is not None and rollout.completed_time is not None


def _moved_back(group: Group, spec: ChannelSpec) -> bool:
    """Whether the group's instances are moved back from the channel's version, which its failures halted."""
    rollout = group.status.rollout
    return rollout is not None and rollout.kind == "Rollback" and rollout.from_version == spec.version


def _halted(group: Group, spec: ChannelSpec) -> bool:
    halted = conditions.find(group.status.conditions, ConditionType.HALTED)
    return _moved_back(group, spec) or (_stamped(group, spec) and halted is not None and halted.status == "True")


def _refused(group: Group) -> bool:
    ready = conditions.find(group.status.conditions, ConditionType.READY)
    return ready is not None and ready.status == "False"


def _without_instances(group: Group, spec: ChannelSpec) -> bool:
    complete = conditions.find(group.status.conditions, ConditionType.ROLLOUT_COMPLETE)
    return _stamped(group, spec) and complete is not None and complete.reason == Reason.NO_INSTANCES


def _names(groups: Sequence[Group]) -> str:
    names = sorted(group.metadata.name for group in groups)
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
