"""Does an Application own its appId, and does its default group exist?"""

from dataclasses import dataclass
from datetime import datetime

from update_core.resources.application import Application, ApplicationStatus
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import Group
from update_operator.reconcile import conditions, references
from update_operator.reconcile.outcome import Outcome, Problem


@dataclass(frozen=True, slots=True)
class View:
    """An Application with what its status depends on."""

    application: Application
    owner_namespace: str | None
    """The namespace that the appId's claim names; None while that isn't known."""
    rivals: tuple[Application, ...] = ()
    """Applications of the same namespace with the same appId."""
    default_group: Group | None = None


def reconcile(view: View, now: datetime) -> Outcome[ApplicationStatus]:
    """The Application's status."""
    if view.owner_namespace is None:
        return Outcome(None)
    application = view.application
    findings = conditions.readiness(_problem(view, view.owner_namespace))
    generation = application.metadata.generation
    return Outcome(
        ApplicationStatus(
            observed_generation=generation,
            conditions=conditions.merge(application.status.conditions, findings, generation=generation, now=now),
        ),
        tuple(conditions.transitions(application.status.conditions, findings, [ConditionType.READY])),
    )


def _problem(view: View, owner_namespace: str) -> Problem | None:
    application = view.application
    app_id = application.spec.app_id
    if owner_namespace != application.metadata.namespace:
        return Problem(
            Reason.APP_ID_CONFLICT,
            f'The appId {app_id} belongs to namespace "{owner_namespace}". Use another appId, or ask an administrator to move it.',
        )
    older = references.older_rival(application, view.rivals)
    if older is not None:
        return Problem(
            Reason.APP_ID_CONFLICT,
            f'The appId {app_id} is already that of Application "{older.metadata.name}" in this namespace.',
        )
    default = application.spec.default_group_ref
    if default is None:
        return None
    if view.default_group is None:
        return Problem(
            Reason.REFERENCE_NOT_FOUND, f'Group "{default.name}" (defaultGroupRef) does not exist in this namespace.'
        )
    group_application = view.default_group.spec.application_ref.name
    if group_application != application.metadata.name:
        return Problem(
            Reason.REFERENCE_NOT_FOUND,
            f'Group "{default.name}" (defaultGroupRef) belongs to Application "{group_application}".',
        )
    return None
