"""How a set of conditions is written: fixed order, lastTransitionTime only where a status changed, Events for transitions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from update_core.resources.base import Condition
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.package import Package
from update_operator.reconcile.outcome import Notice, Problem, Severity

Status = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition as it should be, before it is compared with what is there."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str = ""


def merge(
    previous: Sequence[Condition], findings: Iterable[Finding], *, generation: int, now: datetime
) -> list[Condition]:
    """The findings as conditions, in their order; those that aren't found any more go.

    `generation` is the metadata.generation that they speak of. Kubernetes keeps whole seconds, so `now` loses its fraction.
    """
    before = {condition.type: condition for condition in previous}
    merged = []
    for finding in findings:
        old = before.get(finding.type)
        unchanged = old is not None and old.status == finding.status
        merged.append(
            Condition(
                type=finding.type.value,
                status=finding.status,
                observed_generation=max(generation, 0),
                last_transition_time=old.last_transition_time if old and unchanged else now.replace(microsecond=0),
                reason=finding.reason.value,
                message=finding.message,
            )
        )
    return merged


def find(conditions: Sequence[Condition], type_: ConditionType) -> Condition | None:
    """The condition of a type, None where it isn't set."""
    return next((condition for condition in conditions if condition.type == type_), None)


def readiness(problem: Problem | None) -> list[Finding]:
    """Ready, and Stalled where only a person can help."""
    if problem is None:
        return [Finding(ConditionType.READY, "True", Reason.RECONCILED, "Nothing in the spec is wrong.")]
    ready = Finding(ConditionType.READY, "False", problem.reason, problem.message)
    if not problem.stalled:
        return [ready]
    return [ready, Finding(ConditionType.STALLED, "True", problem.reason, problem.message)]


def package_found(packages: Sequence[Package], version: str) -> Finding:
    """PackageAvailable of a version that has these Packages, at least one."""
    names = [
        f'"{package.metadata.name}"' + (f" ({package.spec.arch})" if package.spec.arch else "") for package in packages
    ]
    told = f"Package {names[0]} is" if len(names) == 1 else f"Packages {', '.join(names)} are"
    return Finding(ConditionType.PACKAGE_AVAILABLE, "True", Reason.PACKAGE_FOUND, f"{told} version {version}.")


def transitions(
    previous: Sequence[Condition], findings: Iterable[Finding], spoken_of: Iterable[ConditionType]
) -> list[Notice]:
    """An Event for each of `spoken_of` whose status or reason changed; good news only where there was bad news before."""
    types = set(spoken_of)
    notices = []
    for finding in findings:
        old = find(previous, finding.type)
        if finding.type not in types or (old and (old.status, old.reason) == (finding.status, finding.reason.value)):
            continue
        bad = finding.status == "False"
        if not bad and (old is None or old.status != "False"):
            continue
        severity = Severity.WARNING if bad else Severity.NORMAL
        notices.append(Notice(severity, finding.reason, "Reconcile", finding.message))
    return notices
