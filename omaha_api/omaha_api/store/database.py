"""What do the rows' modules and the threads that run them need of a database?

Statements are written once, in the words that both databases know; where they must differ it is in SQLite's spelling, which SQLite then
reads as it stands and the other adapter translates. So a sqlite3.Connection is a Connection as it is, and costs nothing more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, None at the end."""
        ...

    def fetchall(self) -> list[Any]:
        """All that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """One conversation with a database. Parameters are question marks; times are whole microseconds since 1970."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        ...

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> Rows:
        """Run one statement for each row of values."""
        ...

    def close(self) -> None:
        """End it; what wasn't committed is undone."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """When does a transaction happen? `at` dates what it writes in the log.

    Where replicas share a database only its clock counts, and `ahead` says by how much it was ahead of this process's. None: there is one
    clock, and what the caller read from it holds.
    """

    at: datetime
    ahead: timedelta | None = None

    def now(self, callers: datetime) -> datetime:
        """The present, which the caller took for `callers`."""
        return callers if self.ahead is None else self.at

    def of(self, then: datetime) -> datetime:
        """An instant that the caller noted earlier; never later than the present."""
        return then if self.ahead is None else min(then + self.ahead, self.at)


class Database(Protocol):
    """A database with the fleet store's tables. Its methods raise what its driver raises, unless they say otherwise."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Everything that the driver raises."""
        ...

    def open(self) -> Connection:
        """Make the schema current; the writer's first connection.

        Raises:
            StoreUnavailable: it can't be opened; the message says why and what to do.
        """
        ...

    def close(self) -> None:
        """Nobody uses it any more."""
        ...

    def connect(self) -> Connection:
        """A connection that writes: a commit that has returned survives a crash of the process and of the machine."""
        ...

    def connect_reader(self) -> Connection:
        """A connection that sees what is committed, and can't write."""
        ...

    def begin(self, connection: Connection) -> Moment:
        """Begin a transaction that sees all that was committed before, and during which nobody else writes."""
        ...

    def commit(self, connection: Connection) -> int:
        """End it durably; the log's newest revision after it. An error leaves unknown whether it happened."""
        ...

    def begin_reading(self, connection: Connection) -> None:
        """Begin a transaction that sees one state of the database."""
        ...

    def is_outage(self, error: BaseException) -> bool:
        """Whether the database is to blame (away, full, failing, locked, damaged), and not the one statement."""
        ...

    def database_time(self, then: datetime) -> datetime:
        """An instant of this process's clock on the database's, as far as it is known."""
        ...
