"""What is told of a Group when its conditions change? The Events of its rollout itself are told where that is decided."""

from collections.abc import Iterable, Sequence

from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import Group
from update_operator.reconcile import conditions
from update_operator.reconcile.conditions import Finding
from update_operator.reconcile.outcome import Notice, Severity

_SPOKEN_OF = (ConditionType.READY, ConditionType.PACKAGE_AVAILABLE, ConditionType.RECONCILING)


def of_conditions(group: Group, findings: Sequence[Finding]) -> list[Notice]:
    """The Events for the conditions that differ from those of the Group's status."""
    return [
        *conditions.transitions(group.status.conditions, findings, _SPOKEN_OF),
        *_pausing(group, findings),
        *_halting(group, findings),
        *_held_back(group, findings),
    ]


def _pausing(group: Group, findings: Iterable[Finding]) -> list[Notice]:
    """Pausing is news both ways; a Group that never was paused is none."""
    old = conditions.find(group.status.conditions, ConditionType.PAUSED)
    paused = _of_type(findings, ConditionType.PAUSED)
    if (old.status if old else "False") == paused.status:
        return []
    text = paused.message or "Updates are given out again."
    return [Notice(Severity.NORMAL, paused.reason, "Pause" if group.spec.paused else "Unpause", text)]


def _halting(group: Group, findings: Iterable[Finding]) -> list[Notice]:
    """A person's halt is news both ways; that failures halted a rollout is told where it is found."""
    old = conditions.find(group.status.conditions, ConditionType.HALTED)
    halted = _of_type(findings, ConditionType.HALTED)
    before = old.reason if old else Reason.NOT_HALTED
    if before == halted.reason:
        return []
    if halted.reason is Reason.HALT_REQUESTED:
        return [Notice(Severity.WARNING, halted.reason, "HaltRollout", halted.message)]
    if before == Reason.HALT_REQUESTED and halted.status == "False":
        return [Notice(Severity.NORMAL, halted.reason, "ResumeRollout", "The halt of spec.rollout.halt is over.")]
    return []


def _held_back(group: Group, findings: Iterable[Finding]) -> list[Notice]:
    """That the fleet API is away is news of those Groups only that can't begin what they should; for all it is a condition."""
    old = conditions.find(group.status.conditions, ConditionType.PROGRESSING)
    found = _of_type(findings, ConditionType.PROGRESSING)
    if found.reason is not Reason.FLEET_UNAVAILABLE or (old and old.reason == found.reason):
        return []
    return [Notice(Severity.WARNING, found.reason, "StartRollout", found.message)]


def _of_type(findings: Iterable[Finding], type_: ConditionType) -> Finding:
    return next(finding for finding in findings if finding.type is type_)
