"""Which versions lie on a Group's way, and what may be handed out of each? Stamps and Packages → the hops that decisions are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from update_core import payloads, versions
from update_core.resources.channel import ChannelSpec
from update_core.resources.group import Target
from update_core.resources.package import Package
from update_core.rollout.model import Hop, LostPackage, Payload
from update_core.versions import Version

DeadEnds = Mapping[Version, Mapping[str, str]]
_Bytes = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Available:
    """An Application's Packages that aren't being deleted."""

    present: Mapping[_Bytes, Package]
    """By name, uid and digest: what a stamp says of them."""
    dead_ends: DeadEnds
    """As `ResolvedGroup.dead_ends`."""

    @classmethod
    def of(cls, packages: Iterable[Package]) -> Self:
        """Those among `packages`, of which each version and architecture has one."""
        there = [package for package in packages if package.metadata.deletion_timestamp is None]
        present = {(package.metadata.name, package.metadata.uid, package.spec.sha256): package for package in there}
        return cls(present, _dead_ends(there))


def stamped(
    available: Available, target: Target, floor: str | None, base_url: str
) -> tuple[tuple[Payload, ...], tuple[LostPackage, ...]]:
    """Of what was stamped of a floor's version, None for the target's: what is there as it was stamped, and what isn't."""
    stamps = [stamp for stamp in target.packages if stamp.version == floor]
    found = [(stamp, available.present.get((stamp.name, stamp.uid, stamp.sha256))) for stamp in stamps]
    return (
        tuple(payloads.locate(package.spec, base_url) for _, package in found if package is not None),
        tuple(LostPackage(stamp.arch or "", stamp.name) for stamp, package in found if package is None),
    )


def floors(available: Available, target: Target, channel: ChannelSpec, base_url: str) -> tuple[Hop, ...]:
    """The floors below the target, lowest first: those that were stamped, and those that the channel names now.

    One that was taken out of the channel stays until the operator begins a rollout without it: starting needs a stamp. One that is new
    there has none yet, and stops whoever is below it.
    """
    goal = versions.parse_or_none(target.version)
    named = {floor.version: floor.reason or "" for floor in channel.floors}
    below: dict[Version, Hop] = {}
    for text in (*target.floor_versions, *named):
        version = versions.parse_or_none(text)
        if version is not None and goal is not None and version < goal and version not in below:
            there, lost = stamped(available, target, text, base_url)
            begun = text in target.floor_versions
            below[version] = Hop(version, there, lost, reason=named.get(text, ""), stamped=begun)
    return tuple(below[version] for version in sorted(below))


def package(target: Target) -> str:
    """metadata.name of the first Package of the target's version."""
    return next((stamp.name for stamp in target.packages if stamp.version is None), "")


def blocked(texts: Sequence[str]) -> frozenset[Version]:
    """The versions that are written there."""
    return frozenset(version for text in texts if (version := versions.parse_or_none(text)) is not None)


def _dead_ends(packages: Iterable[Package]) -> DeadEnds:
    reasons: dict[Version, dict[str, str]] = {}
    for package in packages:
        version = versions.parse_or_none(package.spec.version)
        if version is not None:
            reason = package.spec.dead_end.reason if package.spec.dead_end is not None else ""
            reasons.setdefault(version, {}).setdefault(package.spec.arch or "", reason)
    return MappingProxyType(
        {version: _for_all(by_arch) for version, by_arch in reasons.items() if any(by_arch.values())}
    )


def _for_all(by_arch: dict[str, str]) -> Mapping[str, str]:
    """With an entry for whoever has no package here: where every one is a dead end, so is his."""
    if "" not in by_arch and all(by_arch.values()):
        by_arch = {**by_arch, "": next(iter(by_arch.values()))}
    return MappingProxyType(by_arch)
