"""What did others commit? The changes of instances that matter to who keeps grants in memory, with the ledgers of their groups."""

from collections.abc import Iterable

from omaha_api.store import grants, groups, log, log_entries
from omaha_api.store.database import Connection
from omaha_api.store.log_entries import Kind
from update_core.fleet.following import Followed, InFlight
from update_core.fleet.reading import InstanceChange
from update_core.fleet.store import GroupLedger

_READ = f"""
    SELECT revision, kind, content FROM changes
    WHERE revision > ? AND kind IN ('{Kind.INSTANCE}', '{Kind.REMOVED}') ORDER BY revision LIMIT ?
"""  # noqa: S608 - two constants


def in_flight(connection: Connection) -> InFlight:
    """Everything in flight, and where the log stands."""
    ledgers = [row.ledger(None) for row in groups.load_all(connection)]
    return InFlight(log.position(connection), grants.all_live(connection), ledgers)


def followed(connection: Connection, after: int, limit: int) -> Followed:
    """At most `limit` changes after a revision.

    Raises:
        LogExpired: entries after it were pruned, or it lies in the future.
    """
    there = log.position_for(connection, after)
    changes = [
        change
        for revision, kind, content in connection.execute(_READ, (after, limit)).fetchall()
        if isinstance(change := log_entries.to_change(revision, Kind(kind), content, ()), InstanceChange)
    ]
    # Less than a page: nothing but touches and counts is left, and those are passed over.
    revision = changes[-1].revision if len(changes) == limit else there.latest
    return Followed(revision, changes, _ledgers(connection, changes))


def _ledgers(connection: Connection, changes: Iterable[InstanceChange]) -> list[GroupLedger]:
    touched: dict[tuple[str, str], None] = {}
    for change in changes:
        record, grant, before = change.row.record, change.row.grant, change.before
        tracks = [record.track, *([grant.track] if grant else []), *([before.track] if before else [])]
        touched |= dict.fromkeys((record.app_id, track) for track in tracks)
    rows = [groups.load(connection, app_id, track) for app_id, track in touched]
    return [row.ledger(None) for row in rows if row is not None]
