"""Why does nothing move? What at this moment keeps every instance of a Group from being given an update, in words.

Only what holds for all of them, or for all below a floor, and what the operator knows: which instances are excluded, and when a limit lets
the next one through, the Omaha service says of each instance.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from update_core import targets, versions
from update_core.resources.group import Blocker, GroupSpec
from update_core.resources.package import Package
from update_core.rollout import schedule_texts
from update_core.rollout.model import Reason
from update_core.rollout.schedule import Schedule
from update_operator.reconcile import availability, stamps
from update_operator.reconcile.outcome import Problem

MAX_BLOCKERS = 8
_MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Situation:
    """What a Group's blockers follow from."""

    spec: GroupSpec
    schedule: Schedule
    problem: Problem | None
    decided: stamps.Stamps
    wanted: str | None
    """The channel's version, None where there is no channel."""
    packages: tuple[Package, ...]
    """Those of that version."""
    steps: tuple[targets.Step, ...]
    """The floors below that version."""
    now: datetime

    @property
    def packaged(self) -> bool:
        """Whether the channel's version has a Package."""
        return bool(self.packages)


def find(situation: Situation) -> list[Blocker]:
    """The blockers in the order of the rules that refuse, one for each reason; none where nothing is left to hold back."""
    if nothing_to_hold_back(situation):
        return []
    found: dict[str, list[str]] = {}
    for tell in _ALL:
        for reason, message in tell(situation):
            found.setdefault(reason, []).append(message)
    return [Blocker(reason=reason, message=_cut(" ".join(told))) for reason, told in found.items()][:MAX_BLOCKERS]


def nothing_to_hold_back(situation: Situation) -> bool:
    """Whether the rollout to what the channel says is complete."""
    rollout = situation.decided.rollout
    settled = situation.problem is None and situation.packaged and not situation.decided.pending
    return settled and rollout is not None and rollout.completed_time is not None


Told = Iterator[tuple[str, str]]


def _not_ready(situation: Situation) -> Told:
    if situation.problem is not None:
        yield situation.problem.reason, situation.problem.message


def _no_rollout(situation: Situation) -> Told:
    """Nothing is offered before the operator has stamped what the channel says."""
    wanted, target = situation.wanted, situation.decided.target
    if situation.problem is not None or wanted is None:
        return
    if situation.decided.pending:
        yield Reason.ROLLOUT_PENDING, situation.decided.pending
    elif not situation.packaged and target is not None and versions.same(target.version, wanted):
        yield (
            Reason.PACKAGE_UNAVAILABLE,
            f"Every Package of version {wanted}, with which the rollout was begun, is gone. Apply one: a rollout begins with it.",
        )
    elif not situation.packaged:
        yield Reason.ROLLOUT_PENDING, f"No Package of version {wanted} exists. Apply one: the rollout begins with it."


def _floors(situation: Situation) -> Told:
    """A floor keeps only those back that are below it, but all of them."""
    missing = availability.missing_floors(situation.packages, situation.steps)
    if situation.packaged and missing:
        yield Reason.PACKAGE_UNAVAILABLE, missing


def _withdrawn(situation: Situation) -> Told:
    if situation.wanted is not None:
        said = availability.withdrawn(situation.wanted, situation.packages)
        if said:
            yield Reason.WITHDRAWN, said
    for said in map(availability.withdrawn_floor, situation.steps):
        if said:
            yield Reason.WITHDRAWN, said


def _version_blocked(situation: Situation) -> Told:
    policy, wanted = situation.spec.version_policy, situation.wanted
    blocked = policy.blocked_versions if policy is not None else []
    for version in [wanted, *(step.floor.version for step in situation.steps)]:
        if version is not None and any(versions.same(version, each) for each in blocked):
            floor = "" if version == wanted else ", a floor past which nobody goes"
            yield (
                Reason.VERSION_BLOCKED,
                f"The group blocks {version}{floor}. Take it out of spec.versionPolicy.blockedVersions.",
            )


def _excluded(situation: Situation) -> Told:
    policy, wanted, target = situation.spec.version_policy, situation.wanted, situation.decided.target
    prefix = policy.prefix if policy is not None else None
    if not prefix or wanted is None:
        return
    offered = [wanted, *(target.floor_versions if target is not None else ())]
    if not any(versions.has_prefix(version, prefix) for version in offered):
        outside = f"The group takes only versions that begin with {prefix!r}, and {wanted} doesn't."
        yield Reason.EXCLUDED, f"{outside} Change spec.versionPolicy.prefix, or the channel's version."


def _paused(situation: Situation) -> Told:
    if situation.spec.paused:
        yield Reason.PAUSED, "The group is paused. Set spec.paused to false to go on."


def _frozen(situation: Situation) -> Told:
    if situation.schedule.at(situation.now).thaws_at is not None:
        yield Reason.FROZEN, f"The group is {schedule_texts.frozen(situation.schedule, situation.now)}."


def _outside_window(situation: Situation) -> Told:
    if situation.schedule.at(situation.now).opens_at is not None:
        text = schedule_texts.outside(situation.schedule, situation.now)
        yield Reason.OUTSIDE_WINDOW, f"The group is outside its maintenance windows: {text}."


_ALL: tuple[Callable[[Situation], Told], ...] = (
    _not_ready,
    _no_rollout,
    _floors,
    _withdrawn,
    _version_blocked,
    _excluded,
    _paused,
    _frozen,
    _outside_window,
)


def _cut(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 1] + "…"
