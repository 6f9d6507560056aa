"""What does the status of an object say that the operator can't read? That it can't; the stamps that instances are served by stay."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import pydantic

from update_core.resources.application import ApplicationStatus
from update_core.resources.channel import ChannelStatus
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import GroupStatus
from update_core.resources.package import PackageStatus
from update_operator.reconcile import conditions
from update_operator.reconcile.conditions import Finding
from update_operator.reconcile.outcome import Outcome, Problem

Status: TypeAlias = ApplicationStatus | ChannelStatus | GroupStatus | PackageStatus


def read_status(model: type[Status], status: Mapping[str, Any]) -> Status | None:
    """The status by itself, None where that can't be read either: then it is as good as lost."""
    try:
        return model.model_validate(status)
    except pydantic.ValidationError:
        return None


def reconcile(before: Status, generation: int, error: str, now: datetime) -> Outcome[Status]:
    """The status of an object whose spec doesn't satisfy the schema; other conditions than Ready are of no use any more."""
    findings = [*conditions.readiness(Problem(Reason.INVALID_SPEC, f"The object can't be read: {error}."))]
    if isinstance(before, ChannelStatus):
        findings.append(Finding(ConditionType.ROLLED_OUT, "False", Reason.INVALID_SPEC, "The Channel can't be read."))
    merged = conditions.merge(before.conditions, findings, generation=generation, now=now)
    status = before.model_copy(update={"observed_generation": generation, "conditions": merged})
    return Outcome(status, tuple(conditions.transitions(before.conditions, findings, [ConditionType.READY])))
