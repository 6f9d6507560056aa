"""Which store does a database setting stand for?"""

from omaha_api import settings
from omaha_api.clock import Clock, utc_now
from omaha_api.store.fleet_store import DatabaseStore
from omaha_api.store.postgres.store import PostgresStore
from omaha_api.store.postgres.timekeeping import DatabaseClock
from omaha_api.store.sqlite.store import SqliteStore
from update_core.fleet.enrolment import UNBOUNDED, Growth


def on(database: settings.Database, clock: Clock = utc_now, *, growth: Growth = UNBOUNDED) -> DatabaseStore:
    """The store on a database, not yet open; `clock` is this process's, `growth` what applications may grow to.

    Raises:
        StoreUnavailable: the URL can't be read.
    """
    if isinstance(database, settings.PostgresUrl):
        return PostgresStore(database.url, time_keeping=DatabaseClock(clock), growth=growth)
    return SqliteStore(database, clock=clock, growth=growth)
