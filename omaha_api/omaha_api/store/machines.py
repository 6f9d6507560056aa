"""Which number stands for an instance's attributes? One that is short enough for an index, so that a fleet is counted by them quickly."""

import functools
import hashlib
import itertools
import json
from collections.abc import Iterable

from omaha_api.store.database import Connection

_REMEMBERED = 4096
_CHUNK = 1000

_DIFFERENT = "SELECT DISTINCT attributes FROM instances WHERE attributes <> ''"
_NUMBER = """
    UPDATE instances SET machine = told.machine
    FROM (SELECT value ->> 0 AS attributes, CAST(value ->> 1 AS BIGINT) AS machine FROM json_each(?)) AS told
    WHERE instances.attributes = told.attributes
"""


@functools.lru_cache(_REMEMBERED)
def number(attributes: str) -> int:
    """The number of attributes as their column has them; 0 for none. Two that differ have the same once in 2^32 fleets of 2^16 kinds."""
    if not attributes:
        return 0
    digest = hashlib.sha256(attributes.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def number_all(connection: Connection) -> None:
    """Write the numbers of instances that came before there were any."""
    kinds = [attributes for (attributes,) in connection.execute(_DIFFERENT).fetchall()]
    for chunk in _chunks(kinds):
        connection.execute(_NUMBER, (json.dumps([(attributes, number(attributes)) for attributes in chunk]),))


def _chunks(kinds: Iterable[str]) -> Iterable[list[str]]:
    remaining = iter(kinds)
    return iter(lambda: list(itertools.islice(remaining, _CHUNK)), [])
