"""Where is every application's fleet shown? Names stay when their Application or Group goes, until another takes them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from omaha_api.store import log
from omaha_api.store.database import Connection
from update_core.fleet.reading import Placement, PlacementChange

Placements = Mapping[str, Placement]
"""By app_id."""

_SELECT = "SELECT app_id, namespace, application FROM placements ORDER BY app_id"
_SELECT_GROUPS = "SELECT app_id, track, name FROM placement_groups"
_UPSERT = """
    INSERT INTO placements (app_id, namespace, application) VALUES (?, ?, ?)
    ON CONFLICT (app_id) DO UPDATE SET namespace = excluded.namespace, application = excluded.application
"""
_DELETE_GROUPS = "DELETE FROM placement_groups WHERE app_id = ?"
_INSERT_GROUP = "INSERT INTO placement_groups (app_id, track, name) VALUES (?, ?, ?)"
_SHOWN = """
    SELECT EXISTS (SELECT 1 FROM instances WHERE app_id = ?) OR EXISTS (SELECT 1 FROM progress WHERE app_id = ?)
"""
_TRACK_SHOWN = """
    SELECT EXISTS (SELECT 1 FROM instances INDEXED BY instances_by_track WHERE app_id = ? AND track = ?)
        OR EXISTS (SELECT 1 FROM progress WHERE app_id = ? AND track = ?)
"""


def placements(connection: Connection) -> list[Placement]:
    """Where every application's fleet is shown."""
    names: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for app_id, track, name in connection.execute(_SELECT_GROUPS):
        names[app_id][track] = name
    return [
        Placement(app_id, namespace, application, names.get(app_id, {}))
        for app_id, namespace, application in connection.execute(_SELECT)
    ]


def placed(held: Placements, news: Sequence[Placement]) -> dict[str, Placement]:
    """Where everything is shown after some are placed: the last of two that want one name of a namespace has it."""
    spaces = {app_id: (placement.namespace, placement.application) for app_id, placement in held.items()}
    groups = {app_id: dict(placement.groups) for app_id, placement in held.items()}
    owners = {
        (placement.namespace, name): (app_id, track)
        for app_id, placement in held.items()
        for track, name in placement.groups.items()
    }
    for placement in news:
        app_id, namespace = placement.app_id, placement.namespace
        own = groups.get(app_id, {})
        for name in own.values():
            owners.pop((spaces[app_id][0], name), None)
        wanted = set(placement.groups.values())
        kept = {
            track: name
            for track, name in own.items()
            if track not in placement.groups and name not in wanted and (namespace, name) not in owners
        }
        for name in wanted:
            if (namespace, name) in owners:
                other, track = owners[namespace, name]
                del groups[other][track]
        spaces[app_id], groups[app_id] = (namespace, placement.application), kept | dict(placement.groups)
        owners |= {(namespace, name): (app_id, track) for track, name in groups[app_id].items()}
    return {app_id: Placement(app_id, *spaces[app_id], groups[app_id]) for app_id in spaces}


def place(connection: Connection, news: Sequence[Placement], at: datetime) -> None:
    """Write what changed, and log it where something moves that is shown already."""
    held = {placement.app_id: placement for placement in placements(connection)}
    after = placed(held, news)
    moved: set[str] = set()
    for app_id, placement in after.items():
        before = held.get(app_id)
        if placement == before:
            continue
        if _moves(connection, before, placement):
            moved |= {placement.namespace} if before is None else {placement.namespace, before.namespace}
        connection.execute(_UPSERT, (app_id, placement.namespace, placement.application))
        connection.execute(_DELETE_GROUPS, (app_id,))
        connection.executemany(_INSERT_GROUP, [(app_id, track, name) for track, name in placement.groups.items()])
    if moved:
        change = PlacementChange(log.next_revision(connection), tuple(sorted(moved)))
        log.placement_changed(connection, change, at)


def _moves(connection: Connection, before: Placement | None, after: Placement) -> bool:
    """Whether anything is shown already that has another place or name from now on."""
    if before is None or (before.namespace, before.application) != (after.namespace, after.application):
        return _exists(connection, _SHOWN, after.app_id)
    tracks = {*before.groups, *after.groups}
    return any(
        before.groups.get(track) != after.groups.get(track) and _exists(connection, _TRACK_SHOWN, after.app_id, track)
        for track in tracks
    )


def _exists(connection: Connection, question: str, *key: str) -> bool:
    """The answer to a question that asks of two tables by the same key."""
    (found,) = connection.execute(question, key + key).fetchone()
    return bool(found)
