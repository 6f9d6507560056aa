"""Are the groups that go first far enough? What dependsOn comes to, from the others' statuses; and whether it leads in a circle."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from update_core import versions
from update_core.resources.conditions import ConditionType
from update_core.resources.group import Group
from update_core.rollout.advance import DependencyFacts
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Dependency, Plan
from update_operator.reconcile import conditions


@dataclass(frozen=True, slots=True)
class Depended:
    """A group of dependsOn as it is; `wanted` is its channel's version, None where it has no channel."""

    group: Group
    wanted: str | None


def facts(plan: Plan, group: Group, version: str | None, others: Mapping[str, Depended]) -> dict[str, DependencyFacts]:
    """How each group of dependsOn stands, for a rollout of `group` to `version`."""
    found = {}
    for dependency in plan.depends_on:
        other = others.get(dependency.group)
        text = "it doesn't exist" if other is None else _lacking(dependency, group, version, other)
        found[dependency.group] = DependencyFacts(far_enough=not text, text=text)
    return found


def circle(start: str, goes_after: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """The shortest way by dependsOn from a group back to itself, with it at both ends; empty where there is none."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        for following in goes_after(name):
            if following == start:
                return (start, *_way(came_from, start, name), start)
            if following not in came_from:
                came_from[following] = name
                waiting.append(following)
    return ()


def _way(came_from: Mapping[str, str], start: str, end: str) -> Sequence[str]:
    way: list[str] = []
    while end != start:
        way.insert(0, end)
        end = came_from[end]
    return way


def _lacking(dependency: Dependency, group: Group, version: str | None, other: Depended) -> str:
    """Why a group isn't far enough, empty where it is. Without counts, which would change all the time."""
    status = other.group.status
    rollout, counts = status.rollout, status.instances
    if not _true(other.group, ConditionType.READY):
        return "it isn't ready"
    if rollout is None or status.target is None:
        return "it has no rollout"
    if _true(other.group, ConditionType.HALTED):
        return f"its rollout to {rollout.version} is halted"
    if rollout.kind == "Rollback":
        return f"it is moved back from {rollout.from_version}"
    behind = _behind(group, version, other, status.target.version)
    if behind:
        return behind
    if not _true(other.group, ConditionType.FLEET_REPORTED):
        return "its counts are old"
    if counts is None or not counts.active:
        return "it has no active instances"
    if counts.on_target * PPM_OF_ALL < dependency.min_ppm * counts.active:
        return (
            f"less than {dependency.min_ppm / 10_000:g} percent of its active instances are on {status.target.version}"
        )
    return ""


def _behind(group: Group, version: str | None, other: Depended, target: str) -> str:
    if other.group.spec.application_ref.name != group.spec.application_ref.name:
        begun = other.wanted is not None and versions.same(other.wanted, target)
        return "" if begun else f"it has yet to begin {other.wanted}"
    at_least, there = versions.parse_or_none(version or ""), versions.parse_or_none(target)
    if at_least is None or there is None or there < at_least:
        return f"it moves to {target}, not to {version} yet"
    return ""


def _true(group: Group, type_: ConditionType) -> bool:
    condition = conditions.find(group.status.conditions, type_)
    return condition is not None and condition.status == "True"
