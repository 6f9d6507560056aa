"""Does a rollout begin? It does when the wanted version differs from what is stamped or has a package that isn't.

It does too when the store has seen a higher sequence than the status holds: the status was lost or is an old one, and goes on where the
store's row says. While instances are being moved back from a version that was halted, that version doesn't begin again by itself.
"""

from dataclasses import replace

from update_core import courses, targets, versions
from update_core.fleet.progress import RolloutRecord
from update_core.resources.conditions import Reason
from update_core.resources.group import Target
from update_core.resources.rollout_status import MAX_HISTORY, Rollout
from update_core.rollout import advance
from update_operator.reconcile import history, rollback, stamps, takeover, whole_seconds
from update_operator.reconcile.grounds import Grounds
from update_operator.reconcile.outcome import Notice, Severity
from update_operator.reconcile.stamps import Stamps


def begun(grounds: Grounds) -> Stamps:
    """The Group's stamps, with those of a rollout that begins now."""
    status, wanted, record = grounds.status, grounds.wanted, grounds.record
    present = Stamps(status.target, status.rollout, history=tuple(status.history))
    if wanted is None or _stands(grounds, wanted):
        return present
    waiting = stamps.waiting_for(grounds.fleet)
    if waiting:
        return replace(present, pending=f"{wanted.version} has not begun: {waiting}")
    old = status.rollout
    sequence = max(old.sequence if old else 0, record.sequence if record else 0) + 1
    lost = status.observed_generation == -1 or old is None or stamps.outdated(old, record)
    if lost and record is not None and _goes_on(record, wanted):
        return _taken_over(grounds, present, wanted, record, sequence)
    return _new(grounds, present, wanted, sequence)


def _stands(grounds: Grounds, wanted: Target) -> bool:
    """Whether what is stamped is what is wanted, or comes before it."""
    status = grounds.status
    rollout = status.rollout
    if rollout is None or stamps.outdated(rollout, grounds.record):
        return False
    if rollout.kind == "Rollback":
        return rollback.stands(rollout, status.history, wanted.version, grounds.plan.resume)
    return rollout.version == wanted.version and stamps.holds(status.target, wanted)


def _goes_on(record: RolloutRecord, wanted: Target) -> bool:
    if record.kind != "Rollback":
        return record.version == wanted.version
    if not record.from_version:
        return False
    unfinished = record.completed_at is None and versions.same(record.version, wanted.version)
    return unfinished or versions.same(record.from_version, wanted.version)


def _taken_over(grounds: Grounds, present: Stamps, wanted: Target, record: RolloutRecord, sequence: int) -> Stamps:
    target, past = wanted, present.history
    if record.kind == "Rollback":
        packages = grounds.older.get(record.version, ())
        if not packages:
            named = f"{record.version}, to which the group was being moved back from {record.from_version}"
            return replace(present, pending=f"Rollout {record.sequence} doesn't go on: no Package of {named}, exists.")
        target = targets.target(packages)
        # Also where an old status names an earlier move back from that version: a resume of that one was for that one.
        past = history.trimmed((history.restored(record, grounds.plan.resume), *past), MAX_HISTORY)
    rollout = takeover.rollout(grounds, record, sequence)
    note = f"Rollout {sequence} to {record.version} goes on where rollout {record.sequence} was."
    if rollout.halted is not None:
        note = f"{note} It stays halted: {rollout.halted.message}"
    told = Notice(Severity.NORMAL, Reason.ROLLOUT_STARTED, "ResumeRollout", note)
    return Stamps(target, rollout, history=past, notices=(told,))


def _new(grounds: Grounds, present: Stamps, wanted: Target, sequence: int) -> Stamps:
    plan, now, old = grounds.plan, grounds.now, present.rollout
    course = advance.begin(plan, all_open=False, now=whole_seconds.up(now))
    bare = Rollout(
        sequence=sequence,
        version=wanted.version,
        salt=plan.salt or grounds.new_salt,
        changed_by=grounds.changed_by,
        started_time=whole_seconds.down(now),
    )
    rollout = courses.written(bare, course)
    started = f"Rollout {sequence} to {wanted.version} has begun."
    notices = [Notice(Severity.NORMAL, Reason.ROLLOUT_STARTED, "StartRollout", started)]
    past = present.history
    if old is not None:
        past = history.superseded(past, old, grounds)
        if old.completed_time is None:
            note = (
                f"Rollout {old.sequence} to {old.version} ends: rollout {sequence} to {wanted.version} takes its place."
            )
            notices.insert(0, Notice(Severity.NORMAL, Reason.ROLLOUT_SUPERSEDED, "SupersedeRollout", note))
    elif _records_lost(grounds, rollout):
        total = grounds.fleet.progress.total if grounds.fleet.progress else 0
        note = (
            f"Neither the Group's status nor the fleet store knows of a rollout, though {total} instances are known: "
            f"rollout {sequence} begins from its start."
        )
        notices.append(Notice(Severity.WARNING, Reason.RECORDS_LOST, "StartRollout", note))
    return Stamps(wanted, rollout, history=past, notices=tuple(notices))


def _records_lost(grounds: Grounds, rollout: Rollout) -> bool:
    """Whether there must have been rollouts, and nothing is left of them. Where all may move at once, that makes no difference."""
    progress = grounds.fleet.progress
    if (
        grounds.status.observed_generation != -1
        or progress is None
        or progress.rollout is not None
        or not progress.total
    ):
        return False
    return not advance.all_open(grounds.plan, stamps.of(rollout), courses.read(rollout), grounds.now)
