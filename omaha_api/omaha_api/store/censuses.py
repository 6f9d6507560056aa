"""Who is in each group? Its instances by version and machine, counted in the order of an index, without looking at one of them.

A million instances of few kinds are a few lines; what these lines mean for a rollout is found out afterwards.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omaha_api.store import rows
from omaha_api.store.database import Connection
from update_core.fleet.census import Census, Kind

# Each of these gives one row, a JSON document: asked row by row, the interpreter's lock would change hands for each of thousands, and the
# event loop would wait for it as often.
# Materialized, or the times would be read from the document again for each instance.
_WANTED = """
    WITH wanted AS MATERIALIZED (
        SELECT value ->> 0 AS app_id, value ->> 1 AS track, CAST(value ->> 2 AS BIGINT) AS since, CAST(value ->> 3 AS BIGINT) AS known_until
        FROM json_each(?)
    )
"""
_COUNTED = """
    count(*) FILTER (WHERE last_seen >= wanted.since) AS active,
    count(*) FILTER (WHERE last_seen >= wanted.since AND first_seen <= wanted.known_until) AS established
"""
_BY_VERSION = f"""
    {_WANTED} SELECT json_group_array(json((
        SELECT json_group_array(json_array(version, '', total, active, established)) FROM (
            SELECT version, count(*) AS total, {_COUNTED}
            FROM instances INDEXED BY instances_by_group WHERE app_id = wanted.app_id AND track = wanted.track GROUP BY version
        ) AS heard
    )))
    FROM wanted
"""  # noqa: S608 - put together from constants
# One of those who have the same number tells what it stands for.
_BY_MACHINE = f"""
    {_WANTED} SELECT json_group_array(json((
        SELECT json_group_array(json_array(
            version, (SELECT attributes FROM instances AS one WHERE one.id = heard.id), total, active, established
        )) FROM (
            SELECT version, min(id) AS id, count(*) AS total, {_COUNTED}
            FROM instances INDEXED BY instances_by_group WHERE app_id = wanted.app_id AND track = wanted.track GROUP BY version, machine
        ) AS heard
    )))
    FROM wanted
"""  # noqa: S608 - put together from constants
_OUT_OF_REACH = f"""
    {_WANTED} SELECT json_group_array(json((
        SELECT json_group_array(json_array(version, '', total, active, established)) FROM (
            SELECT version, count(*) AS total, {_COUNTED}
            FROM instances INDEXED BY instances_out_of_reach WHERE app_id = wanted.app_id AND track = wanted.track
                AND last_refusal IN ('AttemptsExhausted', 'DeadEnd', 'Excluded') GROUP BY version
        ) AS refused
    )))
    FROM wanted
"""  # noqa: S608 - put together from constants

_UNHEARD = """
    SELECT 1 FROM instances INDEXED BY instances_by_group
    WHERE app_id = ? AND track = ? AND last_seen >= ? AND last_seen < ? LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A group that is to be counted."""

    app_id: str
    track: str
    active_since: datetime
    """Who was heard before isn't active."""
    known_until: datetime
    """Who was heard first later isn't established."""
    by_machine: bool = False
    """Whether machines are told apart."""


def take(connection: Connection, groups: Sequence[Wanted]) -> list[Census]:
    """The instances of each of these groups."""
    kinds: dict[int, Sequence[Kind]] = {}
    for by_machine, statement in ((False, _BY_VERSION), (True, _BY_MACHINE)):
        places = [place for place, wanted in enumerate(groups) if wanted.by_machine is by_machine]
        kinds |= zip(places, _ask(connection, statement, [groups[place] for place in places]), strict=True)
    refused = _ask(connection, _OUT_OF_REACH, groups)
    return [Census(kinds[place], out_of_reach) for place, out_of_reach in enumerate(refused)]


def unheard(connection: Connection, app_id: str, track: str, since: datetime, until: datetime) -> bool:
    """Whether anybody in a group was heard last at or after `since`, and before `until`."""
    found = connection.execute(_UNHEARD, (app_id, track, rows.micros(since), rows.micros(until))).fetchone()
    return found is not None


def asked(connection: Connection, statement: str, *parameters: str | int) -> list[list[Any]]:
    """The answer of a statement that gives one JSON array."""
    ((answer,),) = connection.execute(statement, parameters).fetchall()
    found: list[list[Any]] = json.loads(answer)
    return found


def _ask(connection: Connection, statement: str, groups: Sequence[Wanted]) -> list[list[Kind]]:
    if not groups:
        return []
    wanted = [
        (each.app_id, each.track, rows.micros(each.active_since), rows.micros(each.known_until)) for each in groups
    ]
    return [
        [Kind(version, rows.to_attributes(attributes), *counts) for version, attributes, *counts in of_group]
        for of_group in asked(connection, statement, json.dumps(wanted))
    ]
