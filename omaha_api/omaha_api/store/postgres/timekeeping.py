"""Whose time holds where several machines write to one database? The database's, and never the clock of one of them."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from omaha_api.clock import Clock
from omaha_api.store.database import Moment

logger = logging.getLogger(__name__)

JUMP = timedelta(seconds=60)
"""By so much two clocks may drift apart between two transactions without a word."""


class Timekeeping(Protocol):
    """What becomes of the time that the database tells at the beginning of each transaction."""

    def moment(self, told: datetime) -> Moment:
        """When the transaction happens."""
        ...

    def database_time(self, then: datetime) -> datetime:
        """An instant of this process's clock on the database's, as far as it is known."""
        ...


class DatabaseClock:
    """The database's time holds. How far it is ahead of this process's `clock` is measured each time it is told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: timedelta | None = None

    def moment(self, told: datetime) -> Moment:
        """See Timekeeping.moment."""
        ahead = told - self._clock()
        before = timedelta(0) if self._ahead is None else self._ahead
        if abs(ahead - before) > JUMP:
            logger.warning(
                "the database's clock is %.0f s ahead of this machine's, %.0f s more than before; the database's holds",
                ahead.total_seconds(),
                (ahead - before).total_seconds(),
            )
        self._ahead = ahead
        return Moment(told, ahead)

    def database_time(self, then: datetime) -> datetime:
        """See Timekeeping.database_time."""
        return then if self._ahead is None else then + self._ahead


class OwnClock:
    """This process's `clock` holds, for one process alone: tests, and simulations on a time of their own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def moment(self, _told: datetime) -> Moment:
        """See Timekeeping.moment."""
        return Moment(self._clock())

    def database_time(self, then: datetime) -> datetime:
        """See Timekeeping.database_time."""
        return then
