"""What do a group's instances, counted by version and machine, say of its rollout: how many are there, can't get there, or wait in a wave?

Stores count; what the counts mean is the same for all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from update_core import architectures, versions
from update_core.fleet.attributes import Attributes
from update_core.fleet.progress import RolloutRecord
from update_core.rollout import hops, waves
from update_core.rollout.model import Reason, ResolvedGroup
from update_core.rollout.waves import Asking, Match

OUT_OF_REACH = frozenset({Reason.ATTEMPTS_EXHAUSTED, Reason.DEAD_END, Reason.EXCLUDED})
"""Refusals that only another version, or a person, changes: who was refused so isn't waited for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Instances of one group that report one version, and one machine where these are told apart."""

    version: str
    machine: Attributes
    total: int
    active: int
    established: int
    """Those of the active that were known before the rollout began, and for long enough."""


@dataclass(frozen=True, slots=True)
class Census:
    """The instances of a group."""

    kinds: Sequence[Kind] = ()
    out_of_reach: Sequence[Kind] = ()
    """Those of them that were refused last for a reason of OUT_OF_REACH; machines needn't be told apart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the group's instances are."""

    total: int = 0
    active: int = 0
    on_target: int = 0
    finished: int = 0
    waiting: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """By wave that is planned or open: established instances that match it and aren't on the target."""


def known_until(rollout: RolloutRecord | None, group: ResolvedGroup | None, now: datetime) -> datetime:
    """The last instant at which an instance may have been seen first that is established now."""
    if rollout is None or group is None:
        return now
    return min(rollout.started_at - _MOMENT, now - timedelta(seconds=group.plan.min_age_seconds))


def by_machine(group: ResolvedGroup | None, rollout: RolloutRecord | None) -> bool:
    """Whether machines have to be told apart: it costs more where there are many kinds."""
    if group is None or rollout is None:
        return False
    return bool(group.excluded_oems or group.dead_ends) or any(_matches(group, rollout).values())


def read(census: Census, group: ResolvedGroup | None, rollout: RolloutRecord | None) -> Standing:
    """What the census says. In a guarded rollout only the established count, as long as one of them is active.

    `group` is None where the resource is gone: there is no plan then, and nobody waits.
    """
    guarded = group is not None and rollout is not None and group.plan.guarded
    chosen = guarded and any(kind.established for kind in census.kinds)
    return Standing(
        total=sum(kind.total for kind in census.kinds),
        active=_count(census.kinds, chosen=chosen),
        on_target=_count((kind for kind in census.kinds if _reached(kind.version, rollout)), chosen=chosen),
        finished=_count((kind for kind in census.out_of_reach if not _reached(kind.version, rollout)), chosen=chosen),
        waiting=MappingProxyType({} if group is None or rollout is None else _waiting(census.kinds, group, rollout)),
    )


def asking(kind: Kind, group: ResolvedGroup, rollout: RolloutRecord) -> Asking | None:
    """What the established instances of a kind ask of waves; None where there are none, or they wait for nothing."""
    if not kind.established or _reached(kind.version, rollout) or not _can_move(kind, group):
        return None
    return Asking(None, kind.machine, _arch(kind.machine), kind.version)


def _count(kinds: Iterable[Kind], *, chosen: bool) -> int:
    return sum(kind.established if chosen else kind.active for kind in kinds)


def _reached(version: str, rollout: RolloutRecord | None) -> bool:
    """Whether an instance of this version needs nothing of the rollout: it is on or above the target, or not where a rollback begins."""
    if rollout is None:
        return False
    if rollout.kind == "Rollback":
        return not versions.same(version, rollout.from_version)
    current, wanted = versions.parse_or_none(version), versions.parse_or_none(rollout.version)
    return current is not None and wanted is not None and current >= wanted


def _waiting(kinds: Sequence[Kind], group: ResolvedGroup, rollout: RolloutRecord) -> dict[str, int]:
    matches = _matches(group, rollout)
    waiting = dict.fromkeys(matches, 0)
    for kind in kinds:
        asks = asking(kind, group, rollout)
        if asks is None:
            continue
        for name, match in matches.items():
            if waves.matches(match, asks):
                waiting[name] += kind.established
    return waiting


def _can_move(kind: Kind, group: ResolvedGroup) -> bool:
    """Whether such an instance is ever offered anything: a wave that expected the others would never settle."""
    current = versions.parse_or_none(kind.version)
    if current is None or kind.machine.oem in group.excluded_oems:
        return False
    return hops.dead_end(group, current, _arch(kind.machine)) is None


def _arch(machine: Attributes) -> str:
    return architectures.of(machine.board, machine.arch, machine.sp)


def _matches(group: ResolvedGroup, rollout: RolloutRecord) -> dict[str, Match]:
    """By name: whom each wave is for. What is open stays as it was opened."""
    planned = {wave.name: wave.match for wave in group.plan.waves}
    return planned | {opened.name: opened.match for opened in rollout.course.opened or ()}


_MOMENT = timedelta(microseconds=1)
"""As exact as times are in stores: who was seen at the instant when the rollout began wasn't known before."""
