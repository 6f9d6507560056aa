"""How many would a group's next wave let in? Counted by the ids of those who wait, and then not again for a while.

Each takes a digest, which is why nothing else is counted so. The ids are read in chunks: between two of them the interpreter's lock is
given up, and the event loop goes on.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from omaha_api.store import machines, rows
from omaha_api.store.censuses import Wanted, asked
from omaha_api.store.database import Connection
from update_core.fleet import ahead
from update_core.fleet.ahead import Part, Parts, Sought
from update_core.fleet.attributes import NONE

KEPT_SECONDS = 30.0
REST_PER_COUNT = 100
"""Seconds for which a count is kept, at least: so many, and so many per second that it took."""

CHUNK = 1000
"""Ids that are looked at together: a millisecond or two."""

_WAITING = """
    SELECT instance_id, version, machine FROM instances INDEXED BY instances_by_identity
    WHERE app_id = ? AND instance_id > ? AND track = ? AND last_seen >= ? AND first_seen <= ?
        AND version IN (SELECT value ->> 0 FROM json_each(?))
"""
_NOT_COUNTED_IN = """
        AND NOT EXISTS (
            SELECT 1 FROM samples WHERE samples.app_id = instances.app_id AND samples.track = instances.track
                AND samples.instance_id = instances.instance_id AND samples.sequence = ?
                AND samples.through IN (SELECT value ->> 0 FROM json_each(?))
        )
"""
_TOGETHER = "SELECT json_group_array(json_array(instance_id, version, machine)) FROM ({} ORDER BY instance_id LIMIT ?) AS waiting"
_ALL = _TOGETHER.format(_WAITING)
_NUMBERED = _TOGETHER.format(_WAITING + _NOT_COUNTED_IN)


@dataclass(frozen=True, slots=True)
class _Kept:
    what: Sought
    count: int
    until: float


class CountsAhead:
    """What was counted for each group, for as long as it is kept. Threads may use it together."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def of(self, connection: Connection, wanted: Wanted, what: Sought, parts: Parts, through: Mapping[str, int]) -> int:
        """How many are ahead of the group; `parts` are by what its instances report where `wanted` tells machines apart."""
        group, began = (wanted.app_id, wanted.track), self._monotonic()
        with self._lock:
            kept = self._kept.get(group)
        if kept is not None and kept.what == what and began < kept.until:
            return kept.count
        count = ahead.total(what, _counted(connection, wanted, what, parts), through)
        now = self._monotonic()
        with self._lock:
            self._kept[group] = _Kept(what, count, now + max(KEPT_SECONDS, REST_PER_COUNT * (now - began)))
        return count


def _counted(connection: Connection, wanted: Wanted, what: Sought, parts: Parts) -> Counter[Part]:
    counted: Counter[Part] = Counter()
    by_number = {
        (version, 0 if machine == NONE else machines.number(rows.from_attributes(machine))): part
        for (version, machine), part in parts.items()
    }
    versions = json.dumps([[version] for version in {version for version, _ in by_number}])
    told = (wanted.track, rows.micros(wanted.active_since), rows.micros(wanted.known_until), versions)
    numbered = what.numbered
    statement = _NUMBERED if numbered else _ALL
    more = (what.sequence, json.dumps([[name] for name in sorted(numbered)])) if numbered else ()
    after, full = "", bool(by_number)
    while full:
        found = asked(connection, statement, wanted.app_id, after, *told, *more, CHUNK)
        for instance_id, version, machine in found:
            part = by_number.get((version, machine if wanted.by_machine else 0))
            if part is not None and part.has(what.salt, instance_id):
                counted[part] += 1
        full = len(found) == CHUNK
        after = max((instance_id for instance_id, *_ in found), default="")
    return counted
