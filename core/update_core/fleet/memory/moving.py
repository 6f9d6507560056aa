"""What moves a grant in memory, and what moves with it: the group's counters, the deadlines, the outcomes."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from update_core.fleet import evidence
from update_core.fleet.evidence import Evidence, Reported
from update_core.fleet.grants import Grant, GrantState, Timeouts
from update_core.fleet.memory import outcomes
from update_core.fleet.memory.rows import GroupRow, Known, Memory
from update_core.fleet.store import Sighting

Halted = list[GroupRow]
"""The groups that an outcome halted are put there."""


def give(memory: Memory, row: GroupRow, known: Known, grant: Grant) -> None:
    """Write a new grant, with which its instance has no other in flight."""
    row.in_flight += 1
    row.granted_at.append(grant.granted_at)
    if not grant.established:
        row.newcomers_in_flight += 1
        row.newcomers_at.append(grant.granted_at)
    known.grant = grant
    memory.live[known.app_id, known.instance_id] = known
    _await(memory, known, grant)


def move(memory: Memory, known: Known, after: Grant, halted: Halted) -> Grant:
    """Write a grant that was moved; returns it."""
    before = known.grant
    known.grant = after
    if after.state.live:
        if before is None or after.deadline < before.deadline:
            _await(memory, known, after)
        return after
    row = memory.groups[after.app_id, after.track]
    if before is not None and before.state.live:
        del memory.live[known.app_id, known.instance_id]
        row.in_flight -= 1
        row.newcomers_in_flight -= not after.established
    if outcomes.ended(row, known, after):
        halted.append(row)
    return after


def close(memory: Memory, known: Known, grant: Grant, track: str, now: datetime) -> Grant:
    """End a live grant whose instance goes on in `track`: superseded there, or moved away from its own."""
    state = GrantState.SUPERSEDED if grant.track == track else GrantState.MOVED
    return move(memory, known, replace(grant, state=state, moved_at=now), [])


def weigh(
    memory: Memory, known: Known, items: Sequence[Evidence], timeouts: Timeouts, now: datetime, halted: Halted
) -> list[Grant]:
    """Apply evidence, in order, to an instance's latest grant. Returns the grant after each move."""
    moved: list[Grant] = []
    for item in items:
        after = evidence.weigh(known.grant, item, timeouts, now) if known.grant is not None else None
        if after is not None:
            moved.append(move(memory, known, after, halted))
    return moved


def observe(memory: Memory, sighting: Sighting, timeouts: Timeouts, halted: Halted) -> list[Grant]:
    """Record a sighting; a grant whose version it reports is complete, one of another group that is left is moved."""
    known = memory.heard(sighting)
    report = Reported(version=sighting.version, boot_id=sighting.boot_id)
    moved = weigh(memory, known, (report,), timeouts, sighting.at, halted)
    latest = known.live_grant
    if latest is not None and latest.track != sighting.track:
        moved.append(close(memory, known, latest, sighting.track, sighting.at))
    return moved


def expire(memory: Memory, now: datetime, halted: Halted) -> list[Grant]:
    """End the grants whose deadline has passed, the first first; returns them as they ended."""
    ended: list[Grant] = []
    for known in _due(memory, now):
        after = evidence.expire(known.grant, now) if known.grant is not None else None
        if after is not None:
            ended.append(move(memory, known, after, halted))
    return ended


def first_deadline(memory: Memory, row: GroupRow) -> datetime | None:
    """When the first of the group's live grants times out."""
    if not row.in_flight:
        return None
    if len(memory.groups) == 1:
        known = _next(memory)
        return known.grant.deadline if known is not None and known.grant is not None else None
    grants = (known.grant for known in memory.live.values())
    return min(
        grant.deadline
        for grant in grants
        if grant is not None and (grant.app_id, grant.track) == (row.app_id, row.track)
    )


def _await(memory: Memory, known: Known, grant: Grant) -> None:
    memory.entries += 1
    heapq.heappush(memory.deadlines, (grant.deadline, memory.entries, known))
    if len(memory.deadlines) > memory.crowded:
        memory.deadlines = [entry for entry in memory.deadlines if entry[2].live_grant is not None]
        heapq.heapify(memory.deadlines)
        memory.crowded = 1024 + 2 * len(memory.deadlines)


def _due(memory: Memory, now: datetime) -> Iterator[Known]:
    while (known := _next(memory)) is not None and memory.deadlines[0][0] <= now:
        heapq.heappop(memory.deadlines)
        yield known


def _next(memory: Memory) -> Known | None:
    """The instance whose deadline is the first; what has ended or has more time by now is put right on the way."""
    heap = memory.deadlines
    while heap:
        at, number, known = heap[0]
        grant = known.live_grant
        if grant is None:
            heapq.heappop(heap)
        elif grant.deadline > at:
            heapq.heapreplace(heap, (grant.deadline, number, known))
        else:
            return known
    return None
