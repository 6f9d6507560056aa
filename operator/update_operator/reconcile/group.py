"""What should a Group's status say: its stamps (target and rollout), its conditions, and how far its instances are?"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from update_core.fleet.progress import GroupProgress
from update_core.resources.application import Application
from update_core.resources.channel import Channel
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import Group, GroupStatus, InstanceCounts, Rollout
from update_core.resources.package import Package
from update_operator.reconcile import conditions, references, stamps
from update_operator.reconcile.conditions import Finding
from update_operator.reconcile.outcome import Contact, Fleet, Notice, Outcome, Problem, Severity

_SPOKEN_OF = (ConditionType.READY, ConditionType.PACKAGE_AVAILABLE, ConditionType.RECONCILING)


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


def reconcile(view: View, now: datetime, new_salt: str) -> Outcome[GroupStatus]:
    """The Group's status. `new_salt` is random and is used if a rollout begins."""
    if references.awaited(view.application):
        return Outcome(None)
    group, before = view.group, view.group.status
    problem = _problem(view)
    decided = stamps.decide(before, () if problem else view.packages, view.fleet, now, new_salt)
    counts = _counts(before, decided.rollout, view.fleet)
    findings = [
        *conditions.readiness(problem),
        _package_available(view, problem, decided),
        _paused(group),
        _progressing(view, problem, decided),
        _rollout_complete(view, problem, decided, counts),
        _fleet_reported(view),
    ]
    if decided.pending:
        findings.append(Finding(ConditionType.RECONCILING, "True", Reason.ROLLOUT_PENDING, decided.pending))
    generation = group.metadata.generation
    return Outcome(
        GroupStatus(
            observed_generation=generation,
            conditions=conditions.merge(before.conditions, findings, generation=generation, now=now),
            target=decided.target,
            rollout=decided.rollout,
            instances=counts,
            progress=f"{counts.on_target}/{counts.active}" if counts else before.progress,
        ),
        (
            *conditions.transitions(before.conditions, findings, _SPOKEN_OF),
            *_pausing(group, findings),
            *_held_back(group, findings),
            *decided.notices,
        ),
    )


def _problem(view: View) -> Problem | None:
    spec = view.group.spec
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
    return None


def _package_available(view: View, problem: Problem | None, decided: stamps.Stamps) -> Finding:
    type_ = ConditionType.PACKAGE_AVAILABLE
    if problem is not None or view.channel is None:
        reason = problem.reason if problem else Reason.REFERENCE_NOT_FOUND
        return Finding(type_, "Unknown", reason, "The version isn't known while the Group is not ready.")
    version = view.channel.spec.version
    if not view.packages:
        message = f'No Package of version {version}, which Channel "{view.channel.metadata.name}" names, exists.'
        return Finding(type_, "False", Reason.PACKAGE_NOT_FOUND, message)
    found = conditions.package_found(view.packages, version)
    gone = stamps.gone(decided.target, view.packages)
    if not gone:
        return found
    names = ", ".join(f'"{stamp.name}"' + (f" ({stamp.arch})" if stamp.arch else "") for stamp in gone)
    return replace(found, message=f"{found.message} With these the rollout was begun too, and they are gone: {names}.")


def _paused(group: Group) -> Finding:
    if group.spec.paused:
        message = "No new updates are given out; what is in flight may finish."
        return Finding(ConditionType.PAUSED, "True", Reason.PAUSED, message)
    return Finding(ConditionType.PAUSED, "False", Reason.NOT_PAUSED)


def _pausing(group: Group, findings: Iterable[Finding]) -> list[Notice]:
    """Pausing is news both ways; a Group that never was paused is none."""
    old = conditions.find(group.status.conditions, ConditionType.PAUSED)
    paused = next(finding for finding in findings if finding.type is ConditionType.PAUSED)
    if (old.status if old else "False") == paused.status:
        return []
    text = paused.message or "Updates are given out again."
    return [Notice(Severity.NORMAL, paused.reason, "Pause" if group.spec.paused else "Unpause", text)]


def _held_back(group: Group, findings: Iterable[Finding]) -> list[Notice]:
    """That the fleet API is away is news of those Groups only that can't begin what they should; for all it is a condition."""
    old = conditions.find(group.status.conditions, ConditionType.PROGRESSING)
    found = next(finding for finding in findings if finding.type is ConditionType.PROGRESSING)
    if found.reason is not Reason.FLEET_UNAVAILABLE or (old and old.reason == found.reason):
        return []
    return [Notice(Severity.WARNING, found.reason, "StartRollout", found.message)]


def _progressing(view: View, problem: Problem | None, decided: stamps.Stamps) -> Finding:
    type_ = ConditionType.PROGRESSING
    hindrance = _hindrance(view, problem, decided)
    if hindrance is not None:
        return Finding(type_, "False", *hindrance)
    rollout = decided.rollout
    if rollout is None:
        return Finding(type_, "False", Reason.NO_ROLLOUT, "No rollout has begun.")
    if rollout.completed_time is not None:
        return Finding(
            type_, "False", Reason.ROLLOUT_COMPLETED, f"Rollout {rollout.sequence} to {rollout.version} is complete."
        )
    if view.group.spec.paused:
        return Finding(type_, "False", Reason.PAUSED, f"Rollout {rollout.sequence} to {rollout.version} is paused.")
    return Finding(type_, "True", Reason.ROLLING_OUT, f"Rollout {rollout.sequence} to {rollout.version} is under way.")


def _rollout_complete(
    view: View, problem: Problem | None, decided: stamps.Stamps, counts: InstanceCounts | None
) -> Finding:
    type_ = ConditionType.ROLLOUT_COMPLETE
    rollout = decided.rollout
    hindrance = _hindrance(view, problem, decided)
    if rollout is None:
        return Finding(type_, "Unknown", Reason.NO_ROLLOUT, "No rollout has begun.")
    if hindrance is not None:
        return Finding(type_, "False", *hindrance)
    if rollout.completed_time is not None:
        message = f"Every active instance was on {rollout.version}."
        return Finding(type_, "True", Reason.ROLLOUT_COMPLETED, message)
    if counts is None or counts.active == 0:
        return Finding(type_, "Unknown", Reason.NO_INSTANCES, "No active instance is known in this Group.")
    return Finding(type_, "False", Reason.ROLLING_OUT, f"Not every active instance is on {rollout.version}.")


def _hindrance(view: View, problem: Problem | None, decided: stamps.Stamps) -> tuple[Reason, str] | None:
    """Why the Group doesn't move to what its channel names, None where that is stamped."""
    if problem is not None:
        return problem.reason, problem.message
    if decided.pending:
        away = view.fleet.contact is Contact.AWAY
        return (Reason.FLEET_UNAVAILABLE if away else Reason.ROLLOUT_PENDING), decided.pending
    if not view.packages and view.channel is not None:
        return Reason.PACKAGE_NOT_FOUND, f"No Package of version {view.channel.spec.version} exists."
    return None


def _fleet_reported(view: View) -> Finding:
    type_ = ConditionType.FLEET_REPORTED
    if view.fleet.contact is Contact.ANSWERING:
        return Finding(type_, "True", Reason.FLEET_ANSWERED, "The counts are the fleet API's own.")
    if view.fleet.contact is Contact.AWAY:
        message = f"The counts are old: {view.fleet.trouble or 'the fleet API is away'}."
        return Finding(type_, "False", Reason.FLEET_UNAVAILABLE, message)
    old = conditions.find(view.group.status.conditions, type_)
    if old is not None:
        return Finding(type_, old.status, Reason(old.reason), old.message)
    return Finding(type_, "Unknown", Reason.FLEET_UNAVAILABLE, "The fleet API has yet to answer for the first time.")


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
