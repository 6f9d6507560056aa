"""How is what an answer speaks of called in a sentence? Names in quotes are those of Kubernetes objects."""

from update_core.rollout.model import Hop, ResolvedGroup


def group(of: ResolvedGroup) -> str:
    """The group."""
    return f'Group "{of.name}"'


def channel(of: ResolvedGroup) -> str:
    """The channel that it follows."""
    return f'Channel "{of.channel}"'


def rollout(of: ResolvedGroup) -> str:
    """The rollout that it is stamped with."""
    return f"rollout {of.stamp.sequence}" if of.stamp else "no rollout"


def hop(of: ResolvedGroup, version: Hop) -> str:
    """A version on the way to the target, or the target itself."""
    if of.target is None or version is of.target:
        return version.version.text
    return f"{version.version}, a floor on the way to {of.target.version},"


def count(number: int, noun: str) -> str:
    """So many of a thing."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
