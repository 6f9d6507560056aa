"""By which versions does an instance get to the target? Upwards from floor to floor, one hop at a time; downwards at once.

Which version comes next follows from the versions alone: where its package is missing, withdrawn or blocked, nothing else takes its
place, so that no floor is ever gone past.
"""

import bisect
import operator
from collections.abc import Iterable

from update_core.rollout.model import Hop, ResolvedGroup
from update_core.versions import Version

_VERSION = operator.attrgetter("version")


def next_hop(group: ResolvedGroup, current: Version, arch: str) -> Hop | None:
    """What an instance of an architecture at `current` is moved to next; None where nothing can be reached, or nothing is stamped.

    The lowest floor above it, else the target. Where that one's package doesn't take instances of so low a version (minFromVersion),
    the lowest floor whose package does.
    """
    first = nearest(group, current)
    if first is None or takes(first, current, arch):
        return first
    return next((floor for floor in _floors_above(group, current) if takes(floor, current, arch)), None)


def nearest(group: ResolvedGroup, current: Version) -> Hop | None:
    """The lowest floor above `current`, else the target, whoever that takes; None where nothing is stamped."""
    target = group.target
    if target is None or target.version <= current:
        return target
    above = _floors_above(group, current)
    return above[0] if above else target


def _floors_above(group: ResolvedGroup, current: Version) -> tuple[Hop, ...]:
    return group.floors[bisect.bisect_right(group.floors, current, key=_VERSION) :] if group.floors else ()


def takes(hop: Hop, current: Version, arch: str) -> bool:
    """Whether the hop's package may be installed over `current`. Where there is no package nobody has said otherwise.

    Down it always may: minFromVersion is about instances that move up.
    """
    payload = hop.payload_for(arch)
    return payload is None or payload.min_from is None or payload.min_from <= current or hop.version <= current


def dead_end(group: ResolvedGroup, current: Version, arch: str) -> str | None:
    """Why no instance of an architecture leaves `current`; None where it does."""
    if not group.dead_ends:
        return None
    reasons = group.dead_ends.get(current)
    if reasons is None:
        return None
    # "" for a package that is no dead end, which then speaks for its architecture.
    return reasons.get(arch, reasons.get("", "")) or None


def way(group: ResolvedGroup, current: Version, arch: str, *, at_once: bool) -> tuple[Hop, ...]:
    """The hops of one answer, the last of which is granted; empty where there is none.

    One, unless the instance takes several `at_once`, and all of them up to the target can be fetched from the same places: an answer
    names these once.
    """
    first = next_hop(group, current, arch)
    if first is None:
        return ()
    if not at_once or first is group.target:
        return (first,)
    every = tuple(_walk(group, current, arch))
    complete = bool(every) and every[-1] is group.target
    return every if complete and _in_the_same_places(every, arch) else (first,)


def _walk(group: ResolvedGroup, current: Version, arch: str) -> Iterable[Hop]:
    """Hop after hop, up to the target or as far as it goes."""
    at = current
    while dead_end(group, at, arch) is None and (hop := next_hop(group, at, arch)) is not None:
        yield hop
        if hop is group.target:
            return
        at = hop.version


def _in_the_same_places(hops: Iterable[Hop], arch: str) -> bool:
    payloads = [hop.payload_for(arch) for hop in hops]
    return len({(payload.codebase, *payload.mirrors) if payload is not None else None for payload in payloads}) == 1
