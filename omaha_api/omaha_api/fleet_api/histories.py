"""What became of an instance's updates, move by move?"""

from typing import Any

from omaha_api.fleet_api import objects
from update_core.fleet.reading import FleetReader, HistoryEntry, InstanceRow
from update_core.resources.fleet.history import MAX_MOVES


async def moves(reader: FleetReader, row: InstanceRow) -> list[dict[str, Any]]:
    """The latest moves, oldest first.

    Raises:
        StoreUnavailable: the store can't be read.
    """
    record = row.record
    return [_move(entry) for entry in await reader.history(record.app_id, record.instance_id, MAX_MOVES)]


def _move(entry: HistoryEntry) -> dict[str, Any]:
    move: dict[str, Any] = {
        "time": objects.time(entry.at),
        "track": entry.track,
        "version": entry.version,
        "sequence": entry.sequence,
        "number": entry.number,
        "fromState": entry.from_state,
        "toState": entry.to_state,
    }
    if entry.error_code is not None:
        move["errorCode"] = entry.error_code
    if entry.detail:
        move["detail"] = entry.detail
    return move
