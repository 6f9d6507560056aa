"""Which rollouts were there before? An entry for each that ended, the latest first; those that are still needed are never dropped."""

from collections.abc import Sequence
from typing import Literal

from update_core import versions
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import InstanceCounts
from update_core.resources.rollout_status import MAX_HISTORY, PastRollout, Rollout
from update_core.rollout.plan import Resume
from update_operator.reconcile import whole_seconds
from update_operator.reconcile.grounds import Grounds

Outcome = Literal["Promoted", "Superseded", "Halted", "RolledBack"]


def added(
    history: Sequence[PastRollout], rollout: Rollout, outcome: Outcome, grounds: Grounds
) -> tuple[PastRollout, ...]:
    """The history with a rollout that has ended now."""
    counts = _counts(rollout, grounds)
    entry = PastRollout(
        sequence=rollout.sequence,
        version=rollout.version,
        kind=rollout.kind,
        outcome=outcome,
        epoch=rollout.epoch,
        started_time=rollout.started_time,
        ended_time=grounds.now.replace(microsecond=0),
        on_target=counts.on_target,
        failed=counts.failed,
        changed_by=rollout.changed_by,
    )
    return trimmed((entry, *history), MAX_HISTORY)


def superseded(history: Sequence[PastRollout], rollout: Rollout, grounds: Grounds) -> tuple[PastRollout, ...]:
    """The history after another rollout took this one's place; one that was complete is in it already."""
    if rollout.completed_time is not None:
        return tuple(history)
    request = grounds.plan.halt
    stopped = request is not None and versions.same(request.version, rollout.version)
    return added(history, rollout, "Halted" if stopped or rollout.halted is not None else "Superseded", grounds)


def restored(record: RolloutRecord, resume: Resume | None) -> PastRollout:
    """Of a status that was lost while instances were being moved back: what was halted. Its own number is lost too.

    The number of the move back stands in its place. Whoever asked for that one to go on didn't ask for what was halted: a resume that
    stands by now counts as heard.
    """
    started = whole_seconds.down(record.started_at)
    heard = resume.epoch if resume is not None and resume.sequence == record.sequence else 0
    return PastRollout(
        sequence=record.sequence,
        version=record.from_version,
        outcome="RolledBack",
        epoch=max(record.course.epoch, heard),
        started_time=started,
        ended_time=started,
    )


def rolled_back(history: Sequence[PastRollout], version: str) -> PastRollout | None:
    """The latest rollout to a version that was rolled back, None where none was."""
    return next((e for e in history if e.outcome == "RolledBack" and versions.same(e.version, version)), None)


def promoted(history: Sequence[PastRollout]) -> list[PastRollout]:
    """The rollouts that were completed, the latest first."""
    return [entry for entry in history if entry.outcome == "Promoted"]


def trimmed(history: Sequence[PastRollout], most: int) -> tuple[PastRollout, ...]:
    """The history without its oldest entries; of `most` it is longer only where all are needed."""
    kept = list(history)
    needed = _needed(history)
    for entry in reversed(history):
        if len(kept) <= most:
            break
        if entry.sequence not in needed:
            kept.remove(entry)
    return tuple(kept)


def _needed(history: Sequence[PastRollout]) -> set[int]:
    """What a rollout may be moved back to, and what a resume may name."""
    done = promoted(history)
    others = [entry for entry in done if not versions.same(entry.version, done[0].version)]
    last_back = [entry for entry in history if entry.outcome == "RolledBack"]
    return {entry.sequence for entry in (*done[:1], *others[:1], *last_back[:1])}


def _counts(rollout: Rollout, grounds: Grounds) -> GroupProgress | InstanceCounts:
    """As counted last of this very rollout."""
    progress = grounds.fleet.progress
    if progress is not None and progress.rollout is not None and progress.rollout.sequence == rollout.sequence:
        return progress
    return grounds.status.instances or InstanceCounts()
