"""What is a Group's rollout decided on? Everything that the steps from one stamp to the next look at, gathered once for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from update_core.fleet.progress import RolloutRecord
from update_core.resources.group import GroupStatus, Target
from update_core.resources.package import Package
from update_core.rollout.advance import DependencyFacts
from update_core.rollout.plan import DEFAULT, Plan
from update_operator.reconcile.outcome import Fleet


@dataclass(frozen=True, slots=True)
class Grounds:
    """A Group as far as its rollout goes."""

    status: GroupStatus
    fleet: Fleet
    now: datetime
    new_salt: str
    """Random; a rollout that begins has it unless the plan has one."""
    wanted: Target | None = None
    """What a rollout to the channel's version is begun with; None where there is nothing to move to, or nothing may begin."""
    plan: Plan = DEFAULT
    ready: bool = True
    """False where something is wrong with the spec: nothing begins, advances or completes."""
    served: bool = True
    """Whether the channel still names what is stamped: else nobody is offered it, and nothing of it is judged."""
    stopped: bool = False
    """Whether the group is paused or frozen."""
    dependencies: Mapping[str, DependencyFacts] = field(default_factory=lambda: MappingProxyType({}))
    """How the groups of dependsOn stand, by name."""
    older: Mapping[str, Sequence[Package]] = field(default_factory=lambda: MappingProxyType({}))
    """The Packages of versions to which a halted rollout may be moved back, by version."""
    allow_downgrade: bool = False
    changed_by: str | None = None
    """The field manager that owns the channel's version."""

    @property
    def record(self) -> RolloutRecord | None:
        """The latest rollout that the fleet store has seen of the group, None where it never saw one."""
        return self.fleet.progress.rollout if self.fleet.progress else None
