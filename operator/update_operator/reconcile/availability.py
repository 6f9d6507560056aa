"""Are the packages there that a version needs: its own, and those of the floors on the way to it? In words that say what is missing."""

from collections.abc import Iterable, Sequence

from update_core import targets
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.package import Package
from update_operator.reconcile.conditions import Finding

_NAMED = 5
"""So many of what is wrong are named in a message."""


def package_available(version: str, packages: Sequence[Package], steps: Sequence[targets.Step], none: str) -> Finding:
    """PackageAvailable of a version with these Packages, by way of `steps`; `none` is what is said where it has no Package."""
    type_ = ConditionType.PACKAGE_AVAILABLE
    if not packages:
        return Finding(type_, "False", Reason.PACKAGE_NOT_FOUND, none)
    found = f"{_found(packages)} version {version}."
    missing = missing_floors(packages, steps)
    if missing:
        return Finding(type_, "False", Reason.PACKAGE_NOT_FOUND, f"{found} {missing}")
    gone = withdrawn(version, packages) or next(filter(None, map(withdrawn_floor, steps)), "")
    if gone:
        return Finding(type_, "False", Reason.WITHDRAWN, f"{found} {gone}")
    some = _withdrawn_among([*packages, *(package for step in steps for package in step.packages)])
    return Finding(type_, "True", Reason.PACKAGE_FOUND, f"{found} {some}".rstrip())


def missing_floors(packages: Sequence[Package], steps: Sequence[targets.Step]) -> str:
    """The floors past which nobody goes for want of a Package, in a sentence; empty where there are none."""
    missing = [step.floor.version for step in steps if not step.packages]
    left_out = targets.left_out(targets.target(packages, steps), steps) if packages else []
    told = []
    if missing:
        told.append(f"No Package of {_floors(missing)} exists: nobody goes past it before one does.")
    if left_out:
        told.append(
            f"There are more Packages than a status holds, and those of {_floors(left_out)} are left out: nobody goes past it. "
            "Take floors out of the Channel that nobody needs any more."
        )
    return " ".join(told)


def withdrawn(version: str, packages: Sequence[Package]) -> str:
    """That every one of a version's Packages is withdrawn, and why; empty where one isn't."""
    reasons = [package.spec.withdrawn.reason for package in packages if package.spec.withdrawn is not None]
    if not packages or len(reasons) < len(packages):
        return ""
    return f"Version {version} is withdrawn: {reasons[0].removesuffix('.')}. Nobody is given it."


def withdrawn_floor(step: targets.Step) -> str:
    """The same of a floor."""
    said = withdrawn(step.floor.version, step.packages)
    return f"{said} It is a floor, past which nobody goes." if said else ""


def _withdrawn_among(packages: Iterable[Package]) -> str:
    names = [_name(package) for package in packages if package.spec.withdrawn is not None]
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"Withdrawn: {', '.join(names[:_NAMED])}{rest}." if names else ""


def _found(packages: Sequence[Package]) -> str:
    names = [_name(package) for package in packages]
    return f"Package {names[0]} is" if len(names) == 1 else f"Packages {', '.join(names)} are"


def _name(package: Package) -> str:
    return f'"{package.metadata.name}"' + (f" ({package.spec.arch})" if package.spec.arch else "")


def _floors(versions: Sequence[str]) -> str:
    return f"floor {versions[0]}" if len(versions) == 1 else f"floors {', '.join(versions)}"
