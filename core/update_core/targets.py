"""What is a rollout begun with? The packages of a Channel's version and of the floors below it, as they are stamped into a status."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from update_core import versions
from update_core.resources.base import oldest_first
from update_core.resources.channel import ChannelSpec, Floor
from update_core.resources.group import MAX_TARGET_PACKAGES, Target, TargetPackage
from update_core.resources.package import Package


@dataclass(frozen=True, slots=True)
class Step:
    """A floor with its Packages, one for each architecture that has one."""

    floor: Floor
    packages: tuple[Package, ...] = ()


def floors(spec: ChannelSpec) -> tuple[Floor, ...]:
    """The channel's floors that count, lowest first: those below its version, of several notations of one version the first."""
    target = versions.parse_or_none(spec.version)
    below: dict[versions.Version, Floor] = {}
    for floor in spec.floors:
        version = versions.parse_or_none(floor.version)
        if version is not None and target is not None and version < target:
            below.setdefault(version, floor)
    return tuple(below[version] for version in sorted(below))


def idle_floors(spec: ChannelSpec) -> tuple[Floor, ...]:
    """The channel's other floors, as they are written."""
    counting = floors(spec)
    return tuple(floor for floor in spec.floors if floor not in counting)


def by_architecture(packages: Iterable[Package]) -> tuple[Package, ...]:
    """Of one version's Packages those that aren't being deleted: of each architecture the oldest, the one for all first."""
    chosen: dict[str, Package] = {}
    for package in oldest_first(list(packages)):
        if package.metadata.deletion_timestamp is None:
            chosen.setdefault(package.spec.arch or "", package)
    # In the architectures' order, so that the stamp is the same whatever order they appeared in.
    return tuple(chosen[arch] for arch in sorted(chosen))


def target(packages: Sequence[Package], steps: Sequence[Step] = ()) -> Target:
    """What a rollout to the version of `packages`, at least one, is stamped with.

    Of a floor all packages or none: one for which there is no more room in a status is stamped as one that has none.
    """
    stamps = [_stamp(package) for package in packages]
    for step in steps:
        if len(stamps) + len(step.packages) <= MAX_TARGET_PACKAGES:
            stamps += [_stamp(package, of_floor=step.floor.version) for package in step.packages]
    return Target(
        version=packages[0].spec.version, packages=stamps, floor_versions=[step.floor.version for step in steps]
    )


def left_out(wanted: Target, steps: Iterable[Step]) -> list[str]:
    """Versions of the floors for whose packages there was no room."""
    stamped = {stamp.version for stamp in wanted.packages}
    return [step.floor.version for step in steps if step.packages and step.floor.version not in stamped]


def _stamp(package: Package, *, of_floor: str | None = None) -> TargetPackage:
    return TargetPackage(
        name=package.metadata.name,
        uid=package.metadata.uid,
        sha256=package.spec.sha256,
        arch=package.spec.arch,
        version=of_floor,
    )
