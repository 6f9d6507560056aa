"""What speaks against a promotion? None of it forbids one: each warning says what comes of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from updatectl.fleet import moments
from updatectl.promotion import Follower, Offered, Promotion

_MOST_NAMED = 5


class Concern(StrEnum):
    """Why a promotion may not be what was meant; where conditions and refusals have a word for it, that word."""

    PACKAGE_NOT_FOUND = "PackageNotFound"
    WITHDRAWN = "Withdrawn"
    DEAD_END = "DeadEnd"
    DOWNGRADE = "Downgrade"
    VERSION_BLOCKED = "VersionBlocked"
    EXCLUDED = "Excluded"
    PAUSED = "Paused"
    HALTED = "Halted"
    FROZEN = "Frozen"
    NO_GROUPS = "NoGroups"


@dataclass(frozen=True)
class Warned:
    """A concern and what it means here, in a sentence."""

    reason: Concern
    message: str


def of(promotion: Promotion) -> tuple[Warned, ...]:
    """All that is to be said, what concerns every group first."""
    return (
        *_about_version(promotion),
        *_about_packages(promotion),
        *_about_floors(promotion),
        *_about_groups(promotion),
    )


def _about_version(promotion: Promotion) -> Iterator[Warned]:
    if promotion.is_downgrade:
        allowing = [follower for follower in promotion.followers if follower.allows_downgrade]
        but = f"; {_tracks(allowing)} may, where instances ask for it" if allowing else ""
        yield Warned(
            Concern.DOWNGRADE,
            f"{promotion.after} is lower than {promotion.before}: instances on a higher version stay on it{but}",
        )


def _about_packages(promotion: Promotion) -> Iterator[Warned]:
    version = promotion.after
    if all(offered.package is None for offered in promotion.offered):
        yield Warned(
            Concern.PACKAGE_NOT_FOUND, f"{version} has no Package: the groups stay where they are until it has one"
        )
        return
    for offered in promotion.offered:
        if offered.package is None:
            yield Warned(
                Concern.PACKAGE_NOT_FOUND,
                f"{version} has no Package for {_arch(offered)}, {promotion.before} has one: instances of it get nothing",
            )
        if offered.withdrawn:
            yield Warned(
                Concern.WITHDRAWN,
                f"the Package of {version} for {_arch(offered)} is withdrawn and given to nobody: {offered.withdrawn}",
            )
        if offered.dead_end:
            yield Warned(
                Concern.DEAD_END,
                f"who runs the Package of {version} for {_arch(offered)} is never updated again: {offered.dead_end}",
            )


def _about_floors(promotion: Promotion) -> Iterator[Warned]:
    for way in promotion.ways:
        if all(offered.package is None for offered in way.offered):
            yield Warned(
                Concern.PACKAGE_NOT_FOUND,
                f"the floor {way.version} has no Package: who is below it stays there until it has one",
            )
        for offered in way.offered:
            if offered.withdrawn:
                yield Warned(
                    Concern.WITHDRAWN,
                    f"the Package of the floor {way.version} for {_arch(offered)} is withdrawn, and nobody below goes past it: "
                    f"{offered.withdrawn}",
                )


def _about_groups(promotion: Promotion) -> Iterator[Warned]:
    if not promotion.followers:
        yield Warned(Concern.NO_GROUPS, "no group follows the channel: nothing will move")
    for version in dict.fromkeys(version for follower in promotion.followers for version in follower.blocked):
        blocking = [follower for follower in promotion.followers if version in follower.blocked]
        floor = "" if version == promotion.after else "the floor "
        yield Warned(
            Concern.VERSION_BLOCKED, f"{floor}{version} is blocked, so that nobody is moved to it: {_tracks(blocking)}"
        )
    if other := [follower for follower in promotion.followers if follower.prefix]:
        begins = _tracks(other, lambda follower: f"{follower.track} (only {follower.prefix})")
        yield Warned(Concern.EXCLUDED, f"{promotion.after} isn't among the versions that are given out: {begins}")
    if paused := [follower for follower in promotion.followers if follower.paused]:
        yield Warned(Concern.PAUSED, f"paused, so that nothing is given out: {_tracks(paused)}")
    if halted := [follower for follower in promotion.followers if follower.halted]:
        yield Warned(Concern.HALTED, f"{promotion.after} was halted, so that it isn't given out: {_tracks(halted)}")
    if frozen := [follower for follower in promotion.followers if follower.frozen_until is not None]:
        yield Warned(Concern.FROZEN, f"frozen, so that nothing is given out: {_tracks(frozen, _thaws)}")


def _arch(offered: Offered) -> str:
    return offered.arch or "all architectures"


def _thaws(follower: Follower) -> str:
    until = f" (until {moments.absolute(follower.frozen_until)})" if follower.frozen_until is not None else ""
    return f"{follower.track}{until}"


def _tracks(followers: Sequence[Follower], text: Callable[[Follower], str] = lambda follower: follower.track) -> str:
    """The groups by their ids, the first few of them."""
    named = [text(follower) for follower in followers[:_MOST_NAMED]]
    more = len(followers) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
