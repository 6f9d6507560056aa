"""The Protocol that a fleet store implements: what must be durable, what may be coalesced, and what is asked of it.

One writer decides in commit order. A grant re-reads its rows and asks `decide` again inside its transaction. Methods raise
StoreUnavailable where nothing can be said; every other failure is a bug.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from update_core.fleet import attributes as machine
from update_core.fleet.attributes import Attributes
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.progress import GroupProgress
from update_core.rollout.model import Attempts, Decision, Instance, Refusal, ResolvedGroup, Stamp
from update_core.rollout.plan import Latch
from update_core.values import value


class StoreUnavailable(Exception):  # noqa: N818 - named after the refusal reason that it becomes
    """The database can't be reached, is full, or took too long; nothing was recorded, or it isn't known whether."""


@value
class InstanceRecord:
    """What the store keeps of an instance."""

    app_id: str
    instance_id: str
    track: str
    version: str
    first_seen: datetime
    last_seen: datetime
    last_refusal: str = ""
    attributes: Attributes = machine.NONE
    alias: str = ""
    """machinealias: what people call the machine."""
    boot_id: str = ""
    attempts: tuple[Attempts, ...] = ()
    """Its failures by version, of the versions that it failed on last."""


MAX_VERSIONS_FAILED = 8
"""Versions whose failures are kept of an instance."""

OFFERED = "Offer"
"""What stands for a refusal in a Sighting of an instance that was offered an update: the last refusal is over."""


@dataclass(frozen=True, slots=True)
class Source:
    """The network that an instance asks from, where what one network may do is bounded."""

    network: str
    most_in_flight: int = 0
    """Updates that it may have in flight in one application; 0: as many as come."""
    sample_percent: int = 100
    """Its share of the outcomes that a rollout is judged by."""


@value
class Sighting:
    """An instance was heard: which version it runs, in which group. `refusal` is what it was answered, a reason or OFFERED; empty if it
    didn't ask."""

    app_id: str
    instance_id: str
    track: str
    version: str
    at: datetime
    attributes: Attributes = machine.NONE
    alias: str = ""
    boot_id: str = ""
    refusal: str = ""
    source: Source | None = None
    """Of one that asks for a grant. None: wherever it asks from."""


@value
class GroupLedger:
    """A group's row: what a replica needs in memory to refuse without asking."""

    app_id: str
    track: str
    highest_sequence: int = 0
    next_number: int = 1
    in_flight: int = 0
    rate_slot: datetime | None = None
    quiet_until: datetime | None = None
    latch: Latch | None = None
    """What failures halted last."""
    through: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Distinct instances granted in the latest rollout through each wave that counts them."""
    newcomers_in_flight: int = 0
    newcomer_slot: datetime | None = None
    """As rate_slot: without a group's limits it isn't known."""


@value
class Moved:
    """What evidence, a sighting or the clock did."""

    grants: tuple[Grant, ...] = ()
    """Each grant after each move, in order."""
    halted: tuple[GroupLedger, ...] = ()
    """Of the groups that these outcomes halted; rate slots aren't known in them."""
    enrolment_until: datetime | None = None
    """Where the sighting of an instance that is new wasn't recorded: until when its application takes no more in, by the store's clock."""


NOTHING_MOVED = Moved()


@value
class Granted:
    """What a grant transaction decided, with the group's ledger after it. A new or repeated grant stands in decision.grant."""

    decision: Decision
    ledger: GroupLedger
    closed: Grant | None = None
    """The instance's earlier grant that this one closed (Superseded, Moved)."""
    crowded: bool = False
    """Whether it was refused for its network's updates in flight, and nothing else."""


class FleetStore(Protocol):
    """Instances, grants, rollouts and groups, on a database."""

    async def open(self) -> None:
        """Open the database and make its schema current.

        Raises:
            StoreUnavailable: it can't be opened; the message says why (in use by another process, newer schema, not writable).
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted and close."""
        ...

    async def live_grants(self) -> Sequence[Grant]:
        """Every grant in flight, of all groups."""
        ...

    async def ledgers(self) -> Sequence[GroupLedger]:
        """Every group's ledger."""
        ...

    async def instance(self, app_id: str, instance_id: str) -> InstanceRecord | None:
        """What is known of an instance, None if it was never seen."""
        ...

    async def observe(self, sighting: Sighting, timeouts: Timeouts | None) -> Moved:
        """Record a first sight, or a change of what the instance says of itself, at once.

        Returns the grants that it moved (Complete, Moved). A first sight isn't recorded where the application has no room for another
        instance (fleet.enrolment), and neither is a grant to one that was never seen: EnrolmentLimited.
        """
        ...

    async def touch(self, sightings: Sequence[Sighting]) -> None:
        """Record last-seen and last refusal of known instances, in a batch; a crash may lose seconds of these."""
        ...

    async def weigh(
        self, app_id: str, instance_id: str, evidence: Sequence[Evidence], timeouts: Timeouts, now: datetime
    ) -> Moved:
        """Apply evidence, in order, to the instance's live grant. Returns the grant after each move; durable on return.

        The transaction that records an outcome judges its rollout by what `record_rollout` was told last (haltOn, epoch, the current wave),
        and latches a halt in the group's row.
        """
        ...

    async def grant(self, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime) -> Granted:
        """Decide on the rows, and record the grant if the answer is a new offer; durable on return.

        Time never goes backwards within a group: where `now` lies before the group's last grant, that instant counts.
        """
        ...

    async def record_rollout(
        self, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
    ) -> GroupLedger | Refusal:
        """Mirror a stamped rollout, with its course, and what outcomes are judged by from now on.

        The first rollout of a group that the store never saw with sequence > 1, or an older one, is a store that was lost: the ledger then
        carries quiet_until (no grants until the longest limit of the group has passed). Called again whenever any of it changed.
        """
        ...

    async def sweep(self, now: datetime) -> Moved:
        """End the grants whose deadline has passed; never early. Returns them as they ended."""
        ...

    async def progress(self, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[tuple[str, str], GroupProgress]:
        """Counts of the given groups by (app_id, track), and of every group that the store knows a rollout of."""
        ...
