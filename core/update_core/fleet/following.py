"""How does a replica keep up with what the others commit? In the order of commits, grants and all.

Who follows begins with everything in flight, and goes on from the revision that this was read at. Changes say how an instance stands, not
what was done to it: heard twice, or heard again after one's own write, they change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from update_core.fleet.grants import Grant
from update_core.fleet.reading import InstanceChange, Position
from update_core.fleet.store import GroupLedger


@dataclass(frozen=True, slots=True)
class InFlight:
    """Everything that limits count, of one state of the database."""

    position: Position
    grants: Sequence[Grant]
    """In flight, of all groups."""
    ledgers: Sequence[GroupLedger]
    """Of all groups. Without a group's limits its rate slot isn't known; it is None."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What came after a revision. The ledgers are at least as new as the changes."""

    revision: int
    """Everything up to here has been told: what to follow from next."""
    changes: Sequence[InstanceChange]
    """Instances that came, went or changed, each with its latest grant as it was then; not those that were merely heard again."""
    ledgers: Sequence[GroupLedger]
    """Of the groups that these instances or their grants belong to or came from."""


class FleetFollower(Protocol):
    """What a replica asks of a store that others write to as well. Every method but database_time may raise StoreUnavailable.

    What in_flight and followed tell comes after the answers to this replica's own calls whose commits are in it. So an answer is always
    newer than all that was told before.
    """

    def database_time(self, then: datetime) -> datetime:
        """An instant of the caller's clock on the one that grants and ledgers are dated by, as far as that is known."""
        ...

    async def in_flight(self) -> InFlight:
        """What to begin with."""
        ...

    async def wait_beyond(self, revision: int) -> None:
        """Return as soon as a later revision is committed, by whomever; the caller brings its own time-out."""
        ...

    async def followed(self, after: int, limit: int) -> Followed:
        """What came after a revision: at most `limit` changes.

        Raises:
            LogExpired: some of it was pruned, or `after` lies in the future (a store that was restored): begin anew.
        """
        ...
