"""How is a change written in the log, and read back? As a JSON array, short, because the log is the table that grows fastest."""

import json
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from omaha_api.store import courses, judgings, rows
from update_core.fleet.progress import GroupProgress
from update_core.fleet.reading import (
    IDLE,
    Change,
    InstanceChange,
    InstanceRow,
    PlacementChange,
    ProgressChange,
    ProgressRow,
    Selectable,
)
from update_core.rollout.advance import WaveCounts


class Kind(StrEnum):
    """What an entry is about."""

    INSTANCE = "i"
    """An instance came or changed: the row after, and what selectors saw of it before."""
    TOUCHED = "t"
    """An instance was heard again: nothing but its id."""
    REMOVED = "r"
    """An instance went: the row as it was."""
    PROGRESS = "p"
    PLACEMENT = "m"


_SAME = 0
"""Stands for what selectors saw before where it was the same as after."""


def from_instance(row: InstanceRow, before: Selectable | None) -> str:
    """The content of INSTANCE and REMOVED."""
    grant = None if row.grant is None else rows.from_grant(row.grant)
    earlier: Any = None
    if before is not None:
        earlier = _SAME if before == row.selectable else _from_selectable(before)
    return _write([row.slug, rows.from_instance(row.record), grant, earlier])


def from_progress(change: ProgressChange) -> str:
    """The content of PROGRESS."""
    row = change.row
    return _write([from_counts(row.progress), rows.micros(row.first_published), change.new])


def from_placement(change: PlacementChange) -> str:
    """The content of PLACEMENT."""
    return _write(change.namespaces)


def to_change(revision: int, kind: Kind, content: str, stored: rows.Row) -> Change | None:
    """The change of an entry; None for a touch that a later entry has overtaken. `stored` is the touched instance's row, if it is
    still as the touch left it."""
    if kind is Kind.TOUCHED:
        return _to_touched(revision, stored)
    read = json.loads(content)
    if kind is Kind.PLACEMENT:
        return PlacementChange(revision, tuple(read))
    if kind is Kind.PROGRESS:
        counts, first_published, new = read
        return ProgressChange(revision, ProgressRow(to_counts(counts), revision, rows.instant(first_published)), new)
    return _to_instance(revision, read, removed=kind is Kind.REMOVED)


def from_counts(progress: GroupProgress) -> list[Any]:
    """Counts as an array."""
    rollout = None if progress.rollout is None else courses.from_record(progress.rollout)
    return [
        progress.app_id,
        progress.track,
        rollout,
        progress.total,
        progress.active,
        progress.on_target,
        progress.in_progress,
        progress.in_progress_current,
        progress.failed,
        progress.finished,
        [
            [wave, each.granted, each.succeeded, each.failed, each.waiting, each.ahead]
            for wave, each in progress.waves.items()
        ],
        judgings.from_latch(progress.latch),
        progress.settled,
    ]


def to_counts(read: list[Any]) -> GroupProgress:
    """Counts of such an array."""
    app_id, track, rollout, total, active, on_target, in_progress, current, failed, finished, waves, latch, settled = (
        read
    )
    return GroupProgress(
        app_id=app_id,
        track=track,
        rollout=None if rollout is None else courses.to_record(tuple(rollout)),
        total=total,
        active=active,
        on_target=on_target,
        in_progress=in_progress,
        in_progress_current=current,
        failed=failed,
        finished=finished,
        waves=MappingProxyType({wave: WaveCounts(*counts) for wave, *counts in waves}),
        latch=judgings.to_latch(latch),
        settled=settled,
    )


def _to_touched(revision: int, stored: rows.Row) -> InstanceChange | None:
    if stored[0] is None:
        return None
    row = rows.to_row(stored)
    return InstanceChange(revision, row, row.selectable)


def _to_instance(revision: int, read: list[Any], *, removed: bool) -> InstanceChange:
    slug, record, grant, earlier = read
    latest = None if grant is None else rows.to_grant(tuple(grant))
    state = IDLE if latest is None else latest.state.value
    row = InstanceRow(rows.to_instance(tuple(record)), slug, revision, state, latest)
    before = row.selectable if earlier == _SAME else None if earlier is None else _to_selectable(earlier)
    return InstanceChange(revision, row, before, deleted=removed)


def _from_selectable(selectable: Selectable) -> list[str]:
    return [selectable.track, selectable.version, selectable.state, rows.from_attributes(selectable.attributes)]


def _to_selectable(read: list[str]) -> Selectable:
    track, version, state, attributes = read
    return Selectable(track, version, state, rows.to_attributes(attributes))


def _write(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
