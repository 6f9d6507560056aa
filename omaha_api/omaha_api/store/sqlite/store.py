"""The fleet store on one SQLite file."""

from pathlib import Path

from omaha_api.clock import Clock, utc_now
from omaha_api.store.fleet_store import DatabaseStore
from omaha_api.store.sqlite import connections
from omaha_api.store.sqlite.database import SqliteDatabase
from omaha_api.store.writer import CAPACITY
from update_core.fleet.enrolment import UNBOUNDED, Growth


class SqliteStore(DatabaseStore):
    """A FleetStore, FleetReader and FleetFollower on the file `path`; its folder is made if need be.

    `clock` dates the file's birth and the log.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock = utc_now,
        connect: connections.Connect = connections.connect,
        growth: Growth = UNBOUNDED,
        capacity: int = CAPACITY,
    ) -> None:
        super().__init__(SqliteDatabase(path, clock, connect), growth=growth, capacity=capacity)
