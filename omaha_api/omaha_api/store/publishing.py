"""The groups' counts as they were last published, each with its revision."""

import json
from collections.abc import Sequence
from datetime import datetime

from omaha_api.store import log, log_entries, rows
from omaha_api.store.database import Connection
from update_core.fleet.progress import GroupProgress
from update_core.fleet.reading import ProgressChange, ProgressRow

_SELECT = "SELECT revision, first_published, counts FROM progress"
_SELECT_ONE = f"{_SELECT} WHERE app_id = ? AND track = ?"
_UPSERT = """
    INSERT INTO progress (app_id, track, revision, first_published, counts) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (app_id, track) DO UPDATE SET revision = excluded.revision, counts = excluded.counts
"""


def progresses(connection: Connection) -> list[ProgressRow]:
    """Every group's published counts."""
    return [_to_row(row) for row in connection.execute(_SELECT)]


def differing(connection: Connection, counts: Sequence[GroupProgress]) -> list[GroupProgress]:
    """Those that aren't published as they are."""
    held = [(each, _published(connection, each)) for each in counts]
    return [each for each, published in held if published is None or published.progress != each]


def publish(connection: Connection, counts: Sequence[GroupProgress], now: datetime, at: datetime) -> None:
    """Keep and log the counts that differ from those published before."""
    for progress in counts:
        published = _published(connection, progress)
        if published is not None and published.progress == progress:
            continue
        row = ProgressRow(progress, log.next_revision(connection), published.first_published if published else now)
        connection.execute(
            _UPSERT,
            (
                progress.app_id,
                progress.track,
                row.revision,
                rows.micros(row.first_published),
                json.dumps(log_entries.from_counts(progress), ensure_ascii=False, separators=(",", ":")),
            ),
        )
        log.progress_changed(connection, ProgressChange(row.revision, row, new=published is None), at)


def _published(connection: Connection, progress: GroupProgress) -> ProgressRow | None:
    row = connection.execute(_SELECT_ONE, (progress.app_id, progress.track)).fetchone()
    return _to_row(row) if row else None


def _to_row(row: rows.Row) -> ProgressRow:
    revision, first_published, counts = row
    return ProgressRow(log_entries.to_counts(json.loads(counts)), revision, rows.instant(first_published))
