"""Which conditions does a Group have? Each from what was decided of its rollout, and from what keeps that from going on."""

from dataclasses import replace

from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import Group
from update_core.resources.rollout_status import Rollout
from update_core.rollout import schedule_texts
from update_core.rollout.advance import Waiting
from update_operator.reconcile import advancing, availability, conditions, stamps
from update_operator.reconcile.conditions import Finding
from update_operator.reconcile.decided import Decided
from update_operator.reconcile.outcome import Contact

WAITING = {
    Waiting.DEPENDENCY: ("False", Reason.DEPENDENCY_NOT_MET),
    Waiting.APPROVAL: ("False", Reason.AWAITING_APPROVAL),
    Waiting.BAKING: ("True", Reason.BAKING),
}
"""What a rollout waits for that a condition names. It goes on by itself after a bake, so that is progress."""


def find(decided: Decided) -> list[Finding]:
    """The conditions in the order in which they are written."""
    findings = [
        *conditions.readiness(decided.problem),
        _package_available(decided),
        _paused(decided.group),
        halted(decided),
        _progressing(decided),
        _rollout_complete(decided),
        _fleet_reported(decided),
    ]
    if decided.stamps.pending:
        findings.append(Finding(ConditionType.RECONCILING, "True", Reason.ROLLOUT_PENDING, decided.stamps.pending))
    return findings


def halted(decided: Decided) -> Finding:
    """Whether the rollout is stopped, by its failures or by a person."""
    type_, rollout, by_hand = ConditionType.HALTED, decided.rollout, decided.halted_by_a_person
    if rollout is not None and rollout.halted is not None:
        found = rollout.halted
        told = [f"Rollout {rollout.sequence} to {rollout.version} is halted: {found.message}"]
        if found.errors:
            told.append(advancing.errors_text(tuple((each.code, each.count) for each in found.errors)))
        if decided.stamps.no_way_back:
            told.append(decided.stamps.no_way_back)
        if by_hand:
            told.append(f"spec.rollout.halt stops it too: {by_hand}")
        return Finding(type_, "True", Reason.ROLLOUT_HALTED, " ".join(told))
    if by_hand:
        return Finding(type_, "True", Reason.HALT_REQUESTED, f"spec.rollout.halt stops the rollout: {by_hand}")
    return Finding(type_, "False", Reason.NOT_HALTED)


def _package_available(decided: Decided) -> Finding:
    type_, problem, channel = ConditionType.PACKAGE_AVAILABLE, decided.problem, decided.channel
    if problem is not None or channel is None:
        reason = problem.reason if problem else Reason.REFERENCE_NOT_FOUND
        return Finding(type_, "Unknown", reason, "The version isn't known while the Group is not ready.")
    version = channel.spec.version
    none = f'No Package of version {version}, which Channel "{channel.metadata.name}" names, exists.'
    found = availability.package_available(version, decided.packages, decided.steps, none)
    gone = stamps.gone(decided.stamps.target, decided.packages, decided.steps)
    if not gone:
        return found
    names = ", ".join(f'"{stamp.name}"' + (f" ({stamp.arch})" if stamp.arch else "") for stamp in gone)
    return replace(found, message=f"{found.message} With these the rollout was begun too, and they are gone: {names}.")


def _paused(group: Group) -> Finding:
    if group.spec.paused:
        message = "No new updates are given out; what is in flight may finish."
        return Finding(ConditionType.PAUSED, "True", Reason.PAUSED, message)
    return Finding(ConditionType.PAUSED, "False", Reason.NOT_PAUSED)


def _progressing(decided: Decided) -> Finding:
    type_ = ConditionType.PROGRESSING
    hindrance = _hindrance(decided)
    if hindrance is not None:
        return Finding(type_, "False", *hindrance)
    rollout = decided.rollout
    if rollout is None:
        return Finding(type_, "False", Reason.NO_ROLLOUT, "No rollout has begun.")
    stopped = halted(decided)
    if stopped.status == "True":
        return Finding(type_, "False", stopped.reason, stopped.message)
    named = f"Rollout {rollout.sequence} to {rollout.version}"
    if rollout.completed_time is not None:
        if decided.moved_back:
            return Finding(type_, "False", Reason.ROLLOUT_ROLLED_BACK, _rolled_back(rollout))
        return Finding(type_, "False", Reason.ROLLOUT_COMPLETED, f"{named} is complete.")
    return _standing_still(decided, named) or _moving(decided, rollout, named)


def _standing_still(decided: Decided, named: str) -> Finding | None:
    type_, now, schedule = ConditionType.PROGRESSING, decided.now, decided.schedule
    withdrawn = "" if decided.moved_back else availability.withdrawn(_version(decided), decided.packages)
    if withdrawn:
        return Finding(type_, "False", Reason.WITHDRAWN, f"{named} stands still. {withdrawn}")
    if decided.group.spec.paused:
        return Finding(type_, "False", Reason.PAUSED, f"{named} is paused.")
    standing = schedule.at(now)
    if standing.thaws_at is not None:
        return Finding(type_, "False", Reason.FROZEN, f"{named} is {schedule_texts.frozen(schedule, now)}.")
    wait = decided.stamps.wait
    if wait is not None and wait.what in WAITING:
        status, reason = WAITING[wait.what]
        return Finding(type_, "True" if status == "True" else "False", reason, f"{named} waits. {wait.text}")
    if standing.opens_at is not None:
        text = schedule_texts.outside(schedule, now)
        return Finding(type_, "False", Reason.OUTSIDE_WINDOW, f"{named} waits for a maintenance window: {text}.")
    return None


def _moving(decided: Decided, rollout: Rollout, named: str) -> Finding:
    type_ = ConditionType.PROGRESSING
    if decided.moved_back:
        text = f"{named} moves instances back from {rollout.from_version}, whose rollout was halted."
        return Finding(type_, "True", Reason.ROLLING_BACK, text)
    text = f"{named} is under way."
    if decided.fleet.contact is Contact.AWAY and decided.waves_left:
        return Finding(type_, "False", Reason.FLEET_UNAVAILABLE, f"{text} No further wave opens while counts are old.")
    wait = decided.stamps.wait
    if wait is not None and wait.what is Waiting.SETTLING and decided.plan.linear is not None:
        text = f"{named} is under way. {wait.text}"
    elif wait is not None and wait.what is Waiting.SETTLING and rollout.open:
        # Without the counts of the moment: each would be another write.
        text = f"{named} is under way: wave {rollout.open[-1].name} is open, and has yet to settle."
    return Finding(type_, "True", Reason.ROLLING_OUT, text)


def _rollout_complete(decided: Decided) -> Finding:
    type_, rollout, counts = ConditionType.ROLLOUT_COMPLETE, decided.rollout, decided.counts
    hindrance = _hindrance(decided)
    if rollout is None:
        return Finding(type_, "Unknown", Reason.NO_ROLLOUT, "No rollout has begun.")
    if hindrance is not None:
        return Finding(type_, "False", *hindrance)
    if decided.moved_back:
        return Finding(type_, "False", Reason.ROLLOUT_ROLLED_BACK, _rolled_back(rollout))
    if rollout.completed_time is not None:
        percent = decided.plan.complete_percent
        enough = "Every active instance was" if percent == 100 else f"{percent} percent of the active instances were"
        message = f"{enough} on {rollout.version}."
        return Finding(type_, "True", Reason.ROLLOUT_COMPLETED, message)
    stopped = halted(decided)
    if stopped.status == "True":
        return Finding(type_, "False", stopped.reason, stopped.message)
    if counts is None or counts.active == 0:
        return Finding(type_, "Unknown", Reason.NO_INSTANCES, "No active instance is known in this Group.")
    return Finding(type_, "False", Reason.ROLLING_OUT, f"Not every active instance is on {rollout.version}.")


def _hindrance(decided: Decided) -> tuple[Reason, str] | None:
    """Why the Group doesn't move to what its channel names, None where that is stamped."""
    if decided.problem is not None:
        return decided.problem.reason, decided.problem.message
    if decided.stamps.pending:
        away = decided.fleet.contact is Contact.AWAY
        return (Reason.FLEET_UNAVAILABLE if away else Reason.ROLLOUT_PENDING), decided.stamps.pending
    if not decided.packages and decided.channel is not None and not decided.moved_back:
        return Reason.PACKAGE_NOT_FOUND, f"No Package of version {decided.channel.spec.version} exists."
    return None


def _rolled_back(rollout: Rollout) -> str:
    return f"The rollout to {rollout.from_version} was halted, and its instances are moved back to {rollout.version}."


def _version(decided: Decided) -> str:
    return decided.rollout.version if decided.rollout is not None else ""


def _fleet_reported(decided: Decided) -> Finding:
    type_, fleet = ConditionType.FLEET_REPORTED, decided.fleet
    if fleet.contact is Contact.ANSWERING:
        return Finding(type_, "True", Reason.FLEET_ANSWERED, "The counts are the fleet API's own.")
    if fleet.contact is Contact.AWAY:
        message = f"The counts are old: {fleet.trouble or 'the fleet API is away'}."
        return Finding(type_, "False", Reason.FLEET_UNAVAILABLE, message)
    old = conditions.find(decided.group.status.conditions, type_)
    if old is not None:
        return Finding(type_, old.status, Reason(old.reason), old.message)
    return Finding(type_, "Unknown", Reason.FLEET_UNAVAILABLE, "The fleet API has yet to answer for the first time.")
