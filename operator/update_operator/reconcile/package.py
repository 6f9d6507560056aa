"""Does a Package belong to an Application, and is its version its own, for its architecture?"""

from dataclasses import dataclass
from datetime import datetime

from update_core.resources.application import Application
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.package import Package, PackageStatus
from update_operator.reconcile import conditions, references
from update_operator.reconcile.outcome import Outcome, Problem


@dataclass(frozen=True, slots=True)
class View:
    """A Package with what its status depends on."""

    package: Package
    application: Application | None
    rivals: tuple[Package, ...] = ()
    """Packages of the same Application with the same version and architecture."""


def reconcile(view: View, now: datetime) -> Outcome[PackageStatus]:
    """The Package's status."""
    if references.awaited(view.application):
        return Outcome(None)
    package = view.package
    findings = conditions.readiness(_problem(view))
    generation = package.metadata.generation
    return Outcome(
        PackageStatus(
            observed_generation=generation,
            conditions=conditions.merge(package.status.conditions, findings, generation=generation, now=now),
        ),
        tuple(conditions.transitions(package.status.conditions, findings, [ConditionType.READY])),
    )


def _problem(view: View) -> Problem | None:
    spec = view.package.spec
    problem = references.version_problem(spec.version)
    problem = problem or references.application_problem(spec.application_ref.name, view.application)
    if problem is not None:
        return problem
    older = references.older_rival(view.package, view.rivals)
    if older is not None:
        only = f" for {spec.arch}" if spec.arch else ""
        return Problem(
            Reason.CONFLICT,
            f'The older Package "{older.metadata.name}" has version {spec.version} of Application "{spec.application_ref.name}"{only}.',
        )
    return None
