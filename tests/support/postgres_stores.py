"""PostgreSQL stores for tests: on a time of the test's own, made an hour before NOW as the SQLite ones are."""

from omaha_api.store.postgres import connections
from omaha_api.store.postgres.connections import SCHEMA
from omaha_api.store.postgres.database import PostgresDatabase
from omaha_api.store.postgres.store import PostgresStore
from omaha_api.store.postgres.timekeeping import OwnClock
from support.postgres_server import Server
from support.sqlite_stores import StoreClock
from update_core.fleet.enrolment import UNBOUNDED, Growth


def made(
    url: str,
    clock: StoreClock | None = None,
    connect: connections.Connect = connections.connect,
    growth: Growth = UNBOUNDED,
) -> PostgresStore:
    """A store on the database, not yet open."""
    return PostgresStore(url, time_keeping=OwnClock(clock or StoreClock()), connect=connect, growth=growth)


class Databases:
    """Databases of one server with the fleet store's empty tables. Each is used again, because emptying one is faster than making one."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._template: str | None = None
        self._free: list[str] = []

    def take(self) -> str:
        """The name of a database that nobody else has."""
        return self._free.pop() if self._free else self._make()

    def give_back(self, name: str) -> None:
        """Empty a database, and end whatever is still connected to it."""
        self.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.server.execute(_EMPTY, name)
        self._free.append(name)

    def _make(self) -> str:
        if self._template is None:
            self._template = self.server.create()
            made = PostgresDatabase(self.server.url(self._template), OwnClock(StoreClock()))
            made.open().close()
        return self.server.create(self._template)


_TABLES = (
    "groups",
    "rollouts",
    "instances",
    "grants",
    "history",
    "changes",
    "placements",
    "placement_groups",
    "progress",
    "samples",
    "tallies",
    "applications",
)
_EMPTY = f"""
    SET search_path = {SCHEMA}; {"".join(f"DELETE FROM {table};" for table in _TABLES)}
    UPDATE store SET revision = 0, pruned = 0, beat_at = NULL, outages = ''
"""
