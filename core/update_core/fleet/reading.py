"""The fleet as it is read by people and programs: pages of instances, what became of one, and a log of all that changes.

The log has one order, that of commits. What a reader lists at revision R, together with the changes after R, is what is there: so lists
may be read page by page, and watches may end and go on. `FleetStore` has what checks need; a store implements both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant
from update_core.fleet.progress import GroupProgress
from update_core.fleet.store import InstanceRecord
from update_core.rollout.model import Fleet, ResolvedGroup
from update_core.values import value

IDLE = "Idle"
"""The state of an instance that holds no grant and whose latest, if any, was forgotten."""

REVISION_BITS = 40


@dataclass(frozen=True, slots=True)
class Position:
    """Where the log stands. Changes after `oldest` can be replayed; `latest` is the newest."""

    epoch: int
    """Of the store's life: greater in one that was made or restored later."""
    oldest: int
    latest: int

    def resource_version(self, revision: int) -> int:
        """A revision as Kubernetes' resourceVersion: it rises for ever, also when a restored store counts anew."""
        return resource_version(self.epoch, revision)


def resource_version(epoch: int, revision: int) -> int:
    """epoch · 2^40 + revision."""
    return (epoch << REVISION_BITS) + revision


class Selectable(NamedTuple):
    """What selectors look at of an instance and what can change."""

    track: str
    version: str
    state: str
    attributes: Attributes


@value
class InstanceRow:
    """An instance as the fleet API shows it.

    `record.last_seen` is coarse: it is moved at most once in a while (LAST_SEEN_SECONDS), because each move is a change that every watch
    hears of.
    """

    record: InstanceRecord
    slug: str
    """Its part of metadata.name, unique within the application (names.instance_slug)."""
    revision: int
    state: str = IDLE
    """IDLE or the GrantState of its latest grant."""
    grant: Grant | None = None
    """Its latest grant, None where it never had one or was reset since."""

    @property
    def selectable(self) -> Selectable:
        """What selectors look at."""
        return Selectable(self.record.track, self.record.version, self.state, self.record.attributes)


LAST_SEEN_SECONDS = 60
"""How old the shown last-seen time may be while the instance checks in more often."""


@dataclass(frozen=True, slots=True)
class InstanceQuery:
    """Instances of one application, in the order of their slugs. None means any."""

    app_id: str
    after: str = ""
    """Only slugs greater than this."""
    limit: int = 500
    track: str | None = None
    version: str | None = None
    state: str | None = None
    instance_id: str | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an application's fleet is shown: by the last Application that had the appId, and the last Group that had each track.

    It outlives them: a fleet doesn't vanish from view because its Group is deleted and applied again.
    """

    app_id: str
    namespace: str
    application: str
    """metadata.name of the Application."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """metadata.name of the Group by track. No two tracks have the same name."""


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """A group's counts as they were last published."""

    progress: GroupProgress
    revision: int
    first_published: datetime


@value
class InstanceChange:
    """An instance came, changed or went. `row` is how it was after (before it went); `before` is None for one that came."""

    revision: int
    row: InstanceRow
    before: Selectable | None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class ProgressChange:
    """A group's counts changed; `new` for the first ones."""

    revision: int
    row: ProgressRow
    new: bool = False


@dataclass(frozen=True, slots=True)
class PlacementChange:
    """Instances or progresses are shown elsewhere or under other names now: whoever follows one of these namespaces lists again."""

    revision: int
    namespaces: tuple[str, ...]


Change = InstanceChange | ProgressChange | PlacementChange


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One move of one grant. `from_state` is empty for a new grant."""

    at: datetime
    track: str
    number: int
    sequence: int
    version: str
    from_state: str
    to_state: str
    error_code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """What resetting or forgetting an instance ended: its grant in flight, None if there was none."""

    record: InstanceRecord
    closed: Grant | None


class LogExpired(Exception):  # noqa: N818 - names the state, which becomes the answer 410 Expired
    """The changes asked for aren't in the log any more, or never were."""


class FleetReader(Protocol):
    """What the fleet API asks of a store. Every method may raise StoreUnavailable."""

    async def position(self) -> Position:
        """Where the log stands."""
        ...

    async def wait_beyond(self, revision: int) -> None:
        """Return as soon as a later revision is committed; the caller brings its own time-out."""
        ...

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        """At most `limit` changes after a revision, in order.

        Raises:
            LogExpired: some of them were pruned, or `after` lies in the future.
        """
        ...

    async def instances(self, query: InstanceQuery) -> Sequence[InstanceRow]:
        """A page of instances."""
        ...

    async def count(self, app_ids: Sequence[str], up_to: int) -> int:
        """How many instances these applications have together, at most `up_to`: no more are looked at, however many there are."""
        ...

    async def history(self, app_id: str, instance_id: str, limit: int) -> Sequence[HistoryEntry]:
        """The latest moves of an instance's grants, oldest first."""
        ...

    async def fleet(self, group: ResolvedGroup, instance_id: str, now: datetime) -> Fleet:
        """What the rows know that bears on a decision for this instance of the group, without changing any."""
        ...

    async def placements(self) -> Sequence[Placement]:
        """Where every application's fleet is shown."""
        ...

    async def progresses(self) -> Sequence[ProgressRow]:
        """Every group's published counts."""
        ...

    async def place(self, placements: Sequence[Placement]) -> None:
        """Show these applications there from now on. Tracks that a placement doesn't name keep their Group's name, unless another has it
        now. Logged only where something is already shown that moves."""
        ...

    async def publish(self, counts: Sequence[GroupProgress], now: datetime) -> None:
        """Log and keep the counts that differ from those published before."""
        ...

    async def reset(self, app_id: str, instance_id: str, now: datetime) -> Ended | None:
        """End the instance's grant in flight (Forgotten) and forget what came of its latest; None if it isn't known."""
        ...

    async def forget(self, app_id: str, instance_id: str, now: datetime) -> Ended | None:
        """The same, and remove the instance; its history goes with it. It is new when it is heard again."""
        ...

    async def prune(self, before: datetime) -> int:
        """Drop the log's changes from before; returns how many."""
        ...
