"""Which version should a Group be moving to, and is that a new rollout?

Stopping is immediate and nobody's decision here; *starting* is: a rollout begins when the wanted version differs from what is stamped or
has a package that isn't, or when the store has seen a higher sequence than the status holds (the status was lost or is an old one). A
status that was lost goes on where the store's row says: same salt and start, a new sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from update_core.fleet.progress import RolloutRecord
from update_core.resources.conditions import Reason
from update_core.resources.group import GroupStatus, Rollout, Target, TargetPackage
from update_core.resources.package import Package
from update_operator.reconcile.outcome import Contact, Fleet, Notice, Severity


@dataclass(frozen=True, slots=True)
class Stamps:
    """Target and rollout as they should be. `pending` says why a wanted rollout hasn't begun, empty where none is wanted."""

    target: Target | None
    rollout: Rollout | None
    pending: str = ""
    notices: tuple[Notice, ...] = ()


def decide(status: GroupStatus, packages: Sequence[Package], fleet: Fleet, now: datetime, new_salt: str) -> Stamps:
    """The stamps of a Group that is to move to `packages`, those of one version; none: there is nothing to move to, and they stay.

    A completed rollout is latched here too, from counts of that very rollout.
    """
    target, rollout = status.target, status.rollout
    if not packages:
        return _completed(Stamps(target, rollout), fleet, now)
    wanted = _target(packages)
    record = fleet.progress.rollout if fleet.progress else None
    if (
        _holds(target, wanted)
        and rollout is not None
        and rollout.version == wanted.version
        and not _outdated(rollout, record)
    ):
        return _completed(Stamps(target, rollout), fleet, now)
    waiting = _waiting_for(fleet)
    if waiting:
        return Stamps(target, rollout, f"{wanted.version} has not begun: {waiting}")
    return _begin(status, wanted, record, now, new_salt)


def gone(target: Target | None, packages: Sequence[Package]) -> list[TargetPackage]:
    """What is stamped of the packages' version and isn't among them any more."""
    if target is None or not packages or target.version != packages[0].spec.version:
        return []
    present = _target(packages).packages
    return [stamp for stamp in target.packages if stamp not in present]


def _target(packages: Sequence[Package]) -> Target:
    return Target(version=packages[0].spec.version, packages=[_stamp(package) for package in packages])


def _stamp(package: Package) -> TargetPackage:
    name, uid = package.metadata.name, package.metadata.uid
    return TargetPackage(name=name, uid=uid, sha256=package.spec.sha256, arch=package.spec.arch)


def _holds(target: Target | None, wanted: Target) -> bool:
    """Whether every wanted package is stamped.

    One that is added, also for an architecture that had none, is a rollout of its own: its bytes have run nowhere yet, so they begin
    where every release begins, and not in the middle or at the end of a rollout that was judged by others. Extended in place, a rollout
    would stay complete with instances that have never been asked, and one for all would change its bytes under live grants. One that
    goes takes nothing along: that only stops, which is the Omaha service's to do, and starts nothing.
    """
    return (
        target is not None
        and target.version == wanted.version
        and all(stamp in target.packages for stamp in wanted.packages)
    )


def _outdated(rollout: Rollout, record: RolloutRecord | None) -> bool:
    return record is not None and record.sequence > rollout.sequence


def _waiting_for(fleet: Fleet) -> str:
    # A sequence may be used once only, so the store's highest has to be known. What was known before it went away isn't enough:
    # a Group may have been stamped, granted from, deleted and made again since.
    if fleet.contact is Contact.AWAY:
        return "the operator cannot read the fleet's progress; condition FleetReported says why."
    if not fleet.known:
        return "the fleet API has yet to say which rollouts the fleet store has seen."
    return ""


def _begin(status: GroupStatus, wanted: Target, record: RolloutRecord | None, now: datetime, new_salt: str) -> Stamps:
    old = status.rollout
    sequence = max(old.sequence if old else 0, record.sequence if record else 0) + 1
    lost = status.observed_generation == -1 or old is None or _outdated(old, record)
    if lost and record is not None and record.version == wanted.version and record.kind == "Update":
        rollout = Rollout(
            sequence=sequence,
            version=wanted.version,
            salt=record.salt,
            started_time=record.started_at,
            completed_time=record.completed_at,
        )
        note = f"Rollout {sequence} to {wanted.version} goes on where rollout {record.sequence} was."
        return Stamps(
            wanted, rollout, notices=(Notice(Severity.NORMAL, Reason.ROLLOUT_STARTED, "ResumeRollout", note),)
        )
    rollout = Rollout(
        sequence=sequence,
        version=wanted.version,
        salt=new_salt,
        started_time=now.replace(microsecond=0),
        completed_time=None,
    )
    notices = [
        Notice(
            Severity.NORMAL,
            Reason.ROLLOUT_STARTED,
            "StartRollout",
            f"Rollout {sequence} to {wanted.version} has begun.",
        )
    ]
    if old is not None and old.completed_time is None:
        note = f"Rollout {old.sequence} to {old.version} ends: rollout {sequence} to {wanted.version} takes its place."
        notices.insert(0, Notice(Severity.NORMAL, Reason.ROLLOUT_SUPERSEDED, "SupersedeRollout", note))
    return Stamps(wanted, rollout, notices=tuple(notices))


def _completed(stamps: Stamps, fleet: Fleet, now: datetime) -> Stamps:
    rollout, progress = stamps.rollout, fleet.progress
    if (
        rollout is None
        or rollout.completed_time is not None
        or progress is None
        or fleet.contact is not Contact.ANSWERING
    ):
        return stamps
    counted = progress.rollout
    if counted is None or (counted.sequence, counted.version) != (rollout.sequence, rollout.version):
        return stamps
    if progress.in_progress_current or progress.on_target < max(progress.active, 1):
        return stamps
    done = rollout.model_copy(update={"completed_time": now.replace(microsecond=0)})
    note = f"Rollout {rollout.sequence} to {rollout.version} is complete: {progress.on_target} of {progress.active} active instances."
    return Stamps(
        stamps.target, done, notices=(Notice(Severity.NORMAL, Reason.ROLLOUT_COMPLETED, "CompleteRollout", note),)
    )
