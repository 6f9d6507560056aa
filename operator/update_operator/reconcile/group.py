"""What should a Group's status say: its stamps (target and rollout), its conditions, and how far its instances are?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from update_core import plans, schedules, targets, versions
from update_core.fleet.progress import GroupProgress
from update_core.resources.application import Application
from update_core.resources.channel import Channel
from update_core.resources.conditions import Reason
from update_core.resources.group import Group, GroupStatus, InstanceCounts
from update_core.resources.package import Package
from update_core.resources.rollout_status import Rollout
from update_core.rollout.plan import Plan
from update_core.rollout.schedule import NEVER, Schedule
from update_operator.reconcile import (
    blockers,
    conditions,
    dependencies,
    group_conditions,
    group_events,
    references,
    rollouts,
    sizes,
)
from update_operator.reconcile.decided import Decided
from update_operator.reconcile.dependencies import Depended
from update_operator.reconcile.grounds import Grounds
from update_operator.reconcile.outcome import Fleet, Outcome, Problem


@dataclass(frozen=True, slots=True)
class View:
    """A Group with what its status depends on."""

    group: Group
    application: Application | None
    channel: Channel | None
    fleet: Fleet
    rivals: tuple[Group, ...] = ()
    """Groups of the same Application with the same track."""
    channel_holder: Channel | None = None
    """The Channel that has the channel's name: another one where the group's lost it."""
    packages: tuple[Package, ...] = ()
    """Those of the channel's version, one for each architecture that has one."""
    steps: tuple[targets.Step, ...] = ()
    """The channel's floors below that version, lowest first."""
    older: Mapping[str, tuple[Package, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The Packages of versions to which it may be moved back, by version."""
    depended: Mapping[str, Depended] = field(default_factory=lambda: MappingProxyType({}))
    """Those of dependsOn that exist, by name."""
    circle: tuple[str, ...] = ()
    """The way by dependsOn from the Group back to itself; empty where there is none."""
    changed_by: str | None = None
    """The field manager that owns the channel's version."""


def reconcile(view: View, now: datetime, new_salt: str) -> Outcome[GroupStatus]:
    """The Group's status. `new_salt` is random and is used if a rollout begins."""
    if references.awaited(view.application):
        return Outcome(None)
    group, before = view.group, view.group.status
    schedule, plan = schedules.read(group.spec), plans.read(group.spec)
    problem = _problem(view, schedule, plan)
    stamps = rollouts.decide(_grounds(view, schedule, plan, problem, now, new_salt))
    counts = _counts(before, stamps.rollout, view.fleet)
    decided = Decided(
        group=group,
        channel=view.channel,
        packages=view.packages,
        steps=view.steps,
        fleet=view.fleet,
        plan=plan,
        schedule=schedule,
        problem=problem,
        stamps=stamps,
        counts=counts,
        now=now,
    )
    findings = group_conditions.find(decided)
    generation = group.metadata.generation
    status = GroupStatus(
        observed_generation=generation,
        conditions=conditions.merge(before.conditions, findings, generation=generation, now=now),
        target=stamps.target,
        rollout=stamps.rollout,
        instances=counts,
        progress=f"{counts.on_target}/{counts.active}" if counts else before.progress,
        history=list(stamps.history),
        blockers=blockers.find(decided),
    )
    return Outcome(
        status if status == before else sizes.fitting(status),
        (
            *group_events.of_conditions(group, findings),
            *stamps.notices,
        ),
        again_at=_again_at(decided),
    )


def _grounds(
    view: View, schedule: Schedule, plan: Plan, problem: Problem | None, now: datetime, new_salt: str
) -> Grounds:
    spec, rollout = view.group.spec, view.group.status.rollout
    wanted = targets.target(view.packages, view.steps) if view.packages and problem is None else None
    stamped = rollout.version if rollout is not None else None
    version = wanted.version if wanted is not None else stamped
    named = view.channel.spec.version if view.channel is not None else None
    moved_on = wanted is None and problem is None and None not in {named, stamped} and named != stamped
    return Grounds(
        status=view.group.status,
        fleet=view.fleet,
        now=now,
        new_salt=new_salt,
        wanted=wanted,
        plan=plan,
        ready=problem is None,
        served=not moved_on or (rollout is not None and rollout.kind == "Rollback"),
        stopped=spec.paused or schedule.at(now).thaws_at is not None,
        dependencies=dependencies.facts(plan, view.group, version, view.depended),
        older=_handed_out(view),
        allow_downgrade=spec.version_policy is not None and spec.version_policy.allow_downgrade,
        changed_by=view.changed_by,
    )


def _handed_out(view: View) -> Mapping[str, tuple[Package, ...]]:
    """The older versions without those that the Group blocks."""
    policy = view.group.spec.version_policy
    blocked = policy.blocked_versions if policy is not None else []
    return {
        version: packages
        for version, packages in view.older.items()
        if not any(versions.same(version, each) for each in blocked)
    }


def _again_at(decided: Decided) -> datetime | None:
    """When time alone changes what is said: a window opens or closes, a freeze begins or ends, a bake or a soak is over.

    Of a complete rollout nothing is said.
    """
    if blockers.nothing_to_hold_back(decided):
        return None
    until = decided.schedule.at(decided.now).until
    return min((at for at in (until, decided.stamps.again_at) if at is not None and at != NEVER), default=None)


def _problem(view: View, schedule: Schedule, plan: Plan) -> Problem | None:
    spec = view.group.spec
    if schedule.problem:
        return Problem(Reason.INVALID_SPEC, f"No update is given out before this is corrected: {schedule.problem}")
    if plan.problem:
        return Problem(Reason.INVALID_SPEC, f"No rollout begins or goes on before this is corrected: {plan.problem}")
    application = spec.application_ref.name
    problem = references.application_problem(application, view.application)
    problem = problem or references.channel_problem(
        application, spec.channel_ref.name, view.channel, view.channel_holder
    )
    if problem is not None:
        return problem
    older = references.older_rival(view.group, view.rivals)
    if older is not None:
        return Problem(
            Reason.CONFLICT,
            f'The older Group "{older.metadata.name}" has track "{spec.track}" of Application "{application}".',
        )
    if view.circle:
        way = " after ".join(f'"{name}"' for name in view.circle)
        text = f"By spec.rollout.dependsOn this Group goes after itself: {way}. Take one of these dependencies out."
        return Problem(Reason.DEPENDENCY_CYCLE, text)
    return None


def _counts(before: GroupStatus, rollout: Rollout | None, fleet: Fleet) -> InstanceCounts | None:
    """The instances as counted last. Counts of an earlier rollout say nothing of who is on this one's target."""
    if not fleet.known:
        return before.instances
    progress = fleet.progress or GroupProgress(app_id="", track="")
    counted = progress.rollout
    current = counted is not None and rollout is not None and counted.sequence == rollout.sequence
    return InstanceCounts(
        total=progress.total,
        active=progress.active,
        on_target=progress.on_target if current else 0,
        in_progress=progress.in_progress,
        failed=progress.failed if current else 0,
    )
