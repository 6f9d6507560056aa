"""Are instances moved back from a version whose failures halted it, to which one, and for how long does that stand?

Only failures do this, once, and never a person's halt. What was halted doesn't begin again by itself.
"""

from collections.abc import Sequence
from dataclasses import replace

from update_core import courses, targets, versions
from update_core.resources.conditions import Reason
from update_core.resources.package import Package
from update_core.resources.rollout_status import PastRollout, Rollout
from update_core.rollout import advance
from update_core.rollout.plan import Resume
from update_operator.reconcile import availability, history, stamps, whole_seconds
from update_operator.reconcile.grounds import Grounds
from update_operator.reconcile.outcome import Notice, Severity
from update_operator.reconcile.stamps import Stamps


def stands(rollout: Rollout, past: Sequence[PastRollout], wanted: str, resume: Resume | None) -> bool:
    """Whether a move back keeps the channel's version, `wanted`, from beginning.

    It does while that is the version that was halted, until somebody resumes it; and while instances are still on their way back to what
    the channel names by now: to begin anew would leave them where they are.
    """
    if rollout.kind != "Rollback" or rollout.from_version is None:
        return False
    if versions.same(wanted, rollout.version):
        return rollout.completed_time is None
    return versions.same(wanted, rollout.from_version) and not _resumed(rollout.from_version, past, resume)


def begun(grounds: Grounds, present: Stamps) -> Stamps:
    """The stamps with a move back where the rollout is halted by its failures and is to be moved back; else why it isn't."""
    rollout = present.rollout
    if rollout is None or rollout.halted is None or rollout.kind != "Update" or rollout.completed_time is not None:
        return present
    if not grounds.plan.roll_back or not grounds.ready:
        return present
    if not grounds.allow_downgrade:
        return replace(present, no_way_back="Instances aren't moved back: versionPolicy.allowDowngrade isn't set.")
    packages = _fallback(grounds, present, rollout)
    if not packages:
        text = (
            "Instances aren't moved back: there is no lower version that the Group has completed and that has Packages."
        )
        return replace(present, no_way_back=text)
    waiting = stamps.waiting_for(grounds.fleet)
    if waiting:
        return replace(present, no_way_back=f"Instances aren't moved back yet: {waiting}")
    return _begun(grounds, present, rollout, packages)


def _begun(grounds: Grounds, present: Stamps, halted: Rollout, packages: Sequence[Package]) -> Stamps:
    record, now, target = grounds.record, grounds.now, targets.target(packages)
    sequence = max(halted.sequence, record.sequence if record else 0) + 1
    bare = Rollout(
        sequence=sequence,
        version=target.version,
        kind="Rollback",
        from_version=halted.version,
        salt=grounds.plan.salt or grounds.new_salt,
        started_time=whole_seconds.down(now),
    )
    course = advance.begin(grounds.plan, all_open=True, now=whole_seconds.up(now))
    note = (
        f"Rollout {halted.sequence} to {halted.version} was halted: rollout {sequence} moves its instances back to "
        f"{target.version}."
    )
    return replace(
        present,
        target=target,
        rollout=courses.written(bare, course),
        history=history.added(present.history, halted, "RolledBack", grounds),
        notices=(*present.notices, Notice(Severity.WARNING, Reason.ROLLOUT_ROLLED_BACK, "RollBack", note)),
        wait=None,
        again_at=None,
    )


def _fallback(grounds: Grounds, present: Stamps, rollout: Rollout) -> Sequence[Package]:
    """The Packages of the version that was completed last, of those that are lower and can be handed out."""
    halted = versions.parse(rollout.version)
    for entry in history.promoted(present.history):
        version = versions.parse_or_none(entry.version)
        packages = grounds.older.get(entry.version, ())
        if (
            version is not None
            and version < halted
            and packages
            and not availability.withdrawn(entry.version, packages)
        ):
            return packages
    return ()


def _resumed(from_version: str, past: Sequence[PastRollout], resume: Resume | None) -> bool:
    halted = history.rolled_back(past, from_version)
    return (
        resume is not None and halted is not None and resume.sequence == halted.sequence and resume.epoch > halted.epoch
    )
