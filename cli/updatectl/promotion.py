"""What would a promotion change? A channel's version and floors before and after, the packages that there are, and who follows it.

Facts only: `promotion_warnings` says what speaks against it, `promotion_texts` how it reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from update_core import schedules, targets, versions
from update_core.resources.channel import Channel, Floor
from update_core.resources.group import Group
from update_core.resources.package import Package


@dataclass(frozen=True)
class Wanted:
    """The version that the channel is to have; `source` is the channel that has it, None where the version was given itself."""

    version: str
    source: Channel | None = None
    with_floors: bool = False
    """Whether the channel gets the source's floors too, in place of its own."""


@dataclass(frozen=True)
class FloorDifference:
    """A floor that one of the channels has otherwise than the other: None where it has none of the version."""

    version: str
    before: Floor | None
    after: Floor | None


@dataclass(frozen=True)
class Offered:
    """What there is of a version for an architecture, "" for all that have no other."""

    arch: str
    package: str | None
    """metadata.name of the Package, None where there is none."""
    withdrawn: str = ""
    dead_end: str = ""


@dataclass(frozen=True)
class Way:
    """A floor that counts after the promotion, and what there is of its version."""

    version: str
    offered: tuple[Offered, ...]


@dataclass(frozen=True)
class Follower:
    """A Group that follows the channel. Counts are the operator's latest, None before the first."""

    name: str
    track: str
    label: str
    target: str | None
    active: int | None
    on_target: int | None
    paused: bool
    frozen_until: datetime | None
    """While frozen, when that ends."""
    halted: bool
    """Whether a halt of this very version stands in the spec."""
    blocked: tuple[str, ...]
    """The version, and floors on the way to it, that the group blocks."""
    prefix: str
    """With what the group's versions begin, where the version doesn't; else empty."""
    allows_downgrade: bool


@dataclass(frozen=True)
class Promotion:
    """A channel before and after, and all that it concerns."""

    app_id: str
    channel: str
    source: str | None
    before: str
    after: str
    floors: tuple[FloorDifference, ...]
    """How the source's floors differ from the channel's, lowest first."""
    floors_after: tuple[Floor, ...]
    """The channel's floors once it is done."""
    with_floors: bool
    offered: tuple[Offered, ...]
    """For each architecture for which there is, or was, a package."""
    ways: tuple[Way, ...]
    followers: tuple[Follower, ...]

    @property
    def moves(self) -> bool:
        """Whether the channel's version changes."""
        return self.before != self.after

    @property
    def changes(self) -> bool:
        """Whether anything does."""
        return self.moves or (self.with_floors and bool(self.floors))

    @property
    def is_downgrade(self) -> bool:
        """Whether the version is lower than the one before."""
        before, after = versions.parse_or_none(self.before), versions.parse_or_none(self.after)
        return before is not None and after is not None and after < before


def of(
    app_id: str,
    channel: Channel,
    wanted: Wanted,
    groups: Iterable[Group],
    packages: Iterable[Package],
    now: datetime,
) -> Promotion:
    """What it would be to promote a version to the channel at this moment, given the application's groups and packages."""
    known = list(packages)
    floors_after = wanted.source.spec.floors if wanted.source and wanted.with_floors else channel.spec.floors
    spec = channel.spec.model_copy(update={"version": wanted.version, "floors": floors_after})
    ways = tuple(Way(floor.version, _all_offered(known, floor.version)) for floor in targets.floors(spec))
    named = [way.version for way in ways] + [wanted.version]
    return Promotion(
        app_id=app_id,
        channel=channel.spec.name,
        source=wanted.source.spec.name if wanted.source else None,
        before=channel.spec.version,
        after=wanted.version,
        floors=_differences(channel.spec.floors, wanted.source.spec.floors) if wanted.source else (),
        floors_after=tuple(floors_after),
        with_floors=wanted.with_floors,
        offered=_all_offered(known, wanted.version, before=channel.spec.version),
        ways=ways,
        followers=tuple(
            _follower(group, named, now)
            for group in sorted(groups, key=lambda group: group.spec.track)
            if group.spec.channel_ref.name == channel.metadata.name and group.metadata.deletion_timestamp is None
        ),
    )


def _differences(before: Iterable[Floor], after: Iterable[Floor]) -> tuple[FloorDifference, ...]:
    # By text: a package is found by its version as it is written.
    there, wanted = ({floor.version: floor for floor in floors} for floors in (before, after))
    differing = [version for version in there | wanted if there.get(version) != wanted.get(version)]
    ordered = sorted(differing, key=lambda version: (versions.parse_or_none(version) or versions.parse("0"), version))
    return tuple(FloorDifference(version, there.get(version), wanted.get(version)) for version in ordered)


def _all_offered(packages: Sequence[Package], version: str, *, before: str | None = None) -> tuple[Offered, ...]:
    """What there is of a version, and what there isn't of it for an architecture that the version before is for."""
    found = _by_architecture(packages, version)
    missed: set[str] = set()
    if "" not in found:
        missed = _by_architecture(packages, before).keys() - found.keys() if before is not None else set()
        missed = missed or ({""} if not found else set())
    return tuple(_offered(arch, found.get(arch)) for arch in sorted(found.keys() | missed))


def _by_architecture(packages: Iterable[Package], version: str | None) -> dict[str, Package]:
    of_version = targets.by_architecture(package for package in packages if package.spec.version == version)
    return {package.spec.arch or "": package for package in of_version}


def _offered(arch: str, package: Package | None) -> Offered:
    if package is None:
        return Offered(arch, None)
    spec = package.spec
    return Offered(
        arch,
        package.metadata.name,
        withdrawn=spec.withdrawn.reason if spec.withdrawn else "",
        dead_end=spec.dead_end.reason if spec.dead_end else "",
    )


def _follower(group: Group, named: Sequence[str], now: datetime) -> Follower:
    """`named` are the floors on the way and, last, the version."""
    spec, status = group.spec, group.status
    policy = spec.version_policy
    prefix = (policy.prefix if policy else None) or ""
    blocked = policy.blocked_versions if policy else []
    halt = spec.rollout.halt if spec.rollout else None
    return Follower(
        name=group.metadata.name,
        track=spec.track,
        label=spec.display_name or "",
        target=status.target.version if status.target else None,
        active=status.instances.active if status.instances else None,
        on_target=status.instances.on_target if status.instances else None,
        paused=spec.paused,
        frozen_until=schedules.read(spec).at(now).thaws_at,
        halted=halt is not None and versions.same(halt.version, named[-1]),
        blocked=tuple(version for version in named if any(versions.same(version, other) for other in blocked)),
        prefix="" if not prefix or versions.has_prefix(named[-1], prefix) else prefix,
        allows_downgrade=bool(policy and policy.allow_downgrade),
    )
