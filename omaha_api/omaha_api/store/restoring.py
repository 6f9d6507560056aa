"""What must be changed in a copy of a store before it is used in the store's place?

The copy doesn't know what happened after it was made. Its revisions will be given again, to other changes: a greater epoch tells watches
that they are others. And grants were given that it doesn't count: for a while it gives none.
"""

from datetime import datetime, timedelta

from omaha_api.store import epochs, rows
from omaha_api.store.database import Connection

_RAISE = """
    UPDATE store SET epoch = CASE WHEN epoch >= ? THEN epoch + 1 ELSE ? END
"""
_BIRTH = "UPDATE store SET created_at = ?"
_QUIET = "UPDATE groups SET quiet_until = ? WHERE quiet_until IS NULL OR quiet_until < ?"


def begin_anew(connection: Connection, now: datetime, quiet_seconds: int) -> None:
    """Make the copy a store of its own from now on."""
    epoch = epochs.epoch(now)
    connection.execute(_RAISE, (epoch, epoch))
    if quiet_seconds:
        # Of a group that came after the copy was made there is no row; its rollout began before this store did, and that tells.
        connection.execute(_BIRTH, (rows.micros(now),))
        until = rows.micros(now + timedelta(seconds=quiet_seconds))
        connection.execute(_QUIET, (until, until))
