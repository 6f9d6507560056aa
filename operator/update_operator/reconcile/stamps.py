"""What does a Group's status say that it moves to, and is that still what is wanted? Stamps are compared here, and written next door.

Stopping is immediate and nobody's decision here; *starting* is, and it needs the fleet store's word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from update_core import targets
from update_core.fleet.progress import RolloutRecord
from update_core.resources.group import Target, TargetPackage
from update_core.resources.package import Package
from update_core.resources.rollout_status import PastRollout, Rollout
from update_core.rollout.advance import Wait
from update_core.rollout.model import Stamp
from update_operator.reconcile.outcome import Contact, Fleet, Notice


@dataclass(frozen=True, slots=True)
class Stamps:
    """Target and rollout as they should be, the rollouts before, and what is to be said of them."""

    target: Target | None
    rollout: Rollout | None
    pending: str = ""
    """Why a wanted rollout hasn't begun, empty where none is wanted."""
    history: tuple[PastRollout, ...] = ()
    notices: tuple[Notice, ...] = ()
    wait: Wait | None = None
    """What the rollout waits for before it lets more instances in."""
    no_way_back: str = ""
    """Why a halted rollout that is to be moved back isn't; empty where it needn't be."""
    again_at: datetime | None = None
    """When time alone may change something of this."""


def of(rollout: Rollout) -> Stamp:
    """The stamp as the rules take it."""
    return Stamp(
        rollout.sequence,
        rollout.version,
        rollout.salt,
        rollout.started_time,
        rollout.kind,
        rollout.from_version or "",
    )


def gone(target: Target | None, packages: Sequence[Package], steps: Sequence[targets.Step] = ()) -> list[TargetPackage]:
    """What is stamped of the packages' version and its floors, and isn't among them any more."""
    if target is None or not packages or target.version != packages[0].spec.version:
        return []
    present = targets.target(packages, steps).packages
    return [stamp for stamp in target.packages if stamp not in present]


def holds(target: Target | None, wanted: Target) -> bool:
    """Whether every wanted package is stamped, and the way to them.

    One that is added, also for an architecture that had none, is a rollout of its own: its bytes have run nowhere yet, so they begin
    where every release begins, and not in the middle or at the end of a rollout that was judged by others. Extended in place, a rollout
    would stay complete with instances that have never been asked, and one for all would change its bytes under live grants. One that
    goes takes nothing along: that only stops, which is the Omaha service's to do, and starts nothing.

    Another way to the same packages is another rollout too: without a floor, instances would come from versions from which none has come
    yet.
    """
    return (
        target is not None
        and target.version == wanted.version
        and set(target.floor_versions) == set(wanted.floor_versions)
        and all(stamp in target.packages for stamp in wanted.packages)
    )


def outdated(rollout: Rollout, record: RolloutRecord | None) -> bool:
    """Whether the fleet store has seen a later rollout: the status was lost, or is an old one."""
    return record is not None and record.sequence > rollout.sequence


def waiting_for(fleet: Fleet) -> str:
    """Why no rollout can begin, empty where one can."""
    # A sequence may be used once only, so the store's highest has to be known. What was known before it went away isn't enough:
    # a Group may have been stamped, granted from, deleted and made again since.
    if fleet.contact is Contact.AWAY:
        return "the operator cannot read the fleet's progress; condition FleetReported says why."
    if not fleet.known:
        return "the fleet API has yet to say which rollouts the fleet store has seen."
    return ""
