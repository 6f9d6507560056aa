"""Pages of instances in the order of their names, whether there are many, and the moves of one.

Every filter has an index that keeps this order, so that a page is read from where it begins, however large the fleet is.
"""

from collections.abc import Sequence
from typing import Any

from omaha_api.store import rows
from omaha_api.store.database import Connection
from update_core.fleet.reading import IDLE, HistoryEntry, InstanceQuery, InstanceRow

_COMMON_STATES = frozenset({IDLE, "Complete"})
"""States that most of a fleet may be in: another filter narrows more."""

# The index has all that is asked, so no row is read.
_COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM instances INDEXED BY instances_by_slug WHERE app_id = ? LIMIT ?) AS counted"
)

_HISTORY = """
    SELECT at, track, number, sequence, version, from_state, to_state, error_code, detail FROM history INDEXED BY history_by_instance
    WHERE app_id = ? AND instance_id = ? ORDER BY id DESC LIMIT ?
"""


def instances(connection: Connection, query: InstanceQuery) -> list[InstanceRow]:
    """A page."""
    conditions = ["instances.app_id = ?", "instances.slug > ?"]
    values: list[Any] = [query.app_id, query.after]
    for column in ("track", "version", "state", "instance_id", "slug"):
        value = getattr(query, column)
        if value is not None:
            conditions.append(f"instances.{column} = ?")
            values.append(value)
    select = f"""
        SELECT {rows.STORED_COLUMNS} FROM instances INDEXED BY {_index(query)} {rows.JOIN_GRANT}
        WHERE {" AND ".join(conditions)} ORDER BY instances.slug LIMIT ?
    """  # noqa: S608 - columns and conditions are constants
    return [rows.to_row(row) for row in connection.execute(select, (*values, query.limit))]


def count(connection: Connection, app_ids: Sequence[str], up_to: int) -> int:
    """How many instances these applications have, at most `up_to`."""
    counted = 0
    for app_id in app_ids:
        (found,) = connection.execute(_COUNT, (app_id, up_to - counted)).fetchone()
        counted += found
        if counted == up_to:
            break
    return counted


def history(connection: Connection, app_id: str, instance_id: str, limit: int) -> list[HistoryEntry]:
    """The latest moves of an instance's grants, oldest first."""
    latest = connection.execute(_HISTORY, (app_id, instance_id, limit)).fetchall()
    return [
        HistoryEntry(
            at=rows.instant(at),
            track=track,
            number=number,
            sequence=sequence,
            version=version,
            from_state=from_state,
            to_state=to_state,
            error_code=error_code,
            detail=detail,
        )
        for at, track, number, sequence, version, from_state, to_state, error_code, detail in reversed(latest)
    ]


def _index(query: InstanceQuery) -> str:
    """The index by which the query reads fewest rows that it leaves out. Without statistics the planner doesn't know better."""
    if query.slug is not None:
        return "instances_by_slug"
    if query.instance_id is not None:
        return "instances_by_identity"
    if query.state is not None and query.state not in _COMMON_STATES:
        return "instances_by_state"
    if query.version is not None:
        return "instances_by_version"
    if query.track is not None:
        return "instances_by_track"
    return "instances_by_state" if query.state is not None else "instances_by_slug"
