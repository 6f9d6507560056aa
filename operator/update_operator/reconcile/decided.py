"""What was decided of a Group, with all that its conditions and blockers say of it."""

from dataclasses import dataclass
from datetime import datetime

from update_core import targets, versions
from update_core.resources.channel import Channel
from update_core.resources.group import Group, InstanceCounts
from update_core.resources.package import Package
from update_core.resources.rollout_status import Rollout
from update_core.rollout import admission
from update_core.rollout.plan import Plan
from update_core.rollout.schedule import Schedule
from update_operator.reconcile import advancing
from update_operator.reconcile.outcome import Fleet, Problem
from update_operator.reconcile.stamps import Stamps


@dataclass(frozen=True, slots=True)
class Decided:
    """A Group with what was decided of it."""

    group: Group
    channel: Channel | None
    packages: tuple[Package, ...]
    """Those of the channel's version."""
    steps: tuple[targets.Step, ...]
    """The floors below that version."""
    fleet: Fleet
    plan: Plan
    schedule: Schedule
    problem: Problem | None
    stamps: Stamps
    counts: InstanceCounts | None
    now: datetime

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.group.metadata.name

    @property
    def wanted(self) -> str | None:
        """The channel's version, None where there is no channel."""
        return self.channel.spec.version if self.channel is not None else None

    @property
    def rollout(self) -> Rollout | None:
        """The rollout that is stamped."""
        return self.stamps.rollout

    @property
    def halted_by_a_person(self) -> str:
        """Why a person stopped the rollout, empty where nobody did."""
        return advancing.halted_by_a_person(self.plan, self.rollout)

    @property
    def waves_left(self) -> bool:
        """Whether a wave has yet to open."""
        rollout = self.rollout
        if rollout is None or rollout.open is None or rollout.linear is not None:
            return False
        return admission.following(self.plan.waves, tuple(wave.name for wave in rollout.open)) is not None

    @property
    def moved_back(self) -> bool:
        """Whether a move back stands in the place of the channel's version, which was halted, or comes before it."""
        rollout, wanted = self.rollout, self.wanted
        if rollout is None or rollout.kind != "Rollback" or wanted is None:
            return False
        return any(versions.same(wanted, each) for each in (rollout.version, rollout.from_version or ""))
