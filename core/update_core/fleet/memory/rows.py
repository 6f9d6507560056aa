"""What does a store in memory keep? The rows that a database would have, as objects that are changed in place."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from update_core.fleet import attributes as machine
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant
from update_core.fleet.progress import RolloutRecord
from update_core.fleet.store import OFFERED, GroupLedger, InstanceRecord, Sighting
from update_core.rollout import admission, limits
from update_core.rollout.model import Attempts, Limits
from update_core.rollout.plan import HaltOn, Latch


class Sample(NamedTuple):
    """The latest outcome of an established instance."""

    wave: str
    failed: bool
    error_code: int | None


@dataclass(slots=True, eq=False)
class Known:
    """An instance that was heard."""

    app_id: str
    instance_id: str
    first_seen: datetime
    last_seen: datetime
    track: str
    version: str
    last_refusal: str = ""
    attributes: Attributes = machine.NONE
    alias: str = ""
    boot_id: str = ""
    attempts: tuple[Attempts, ...] = ()
    grant: Grant | None = None
    """Its latest; None before the first, and after a reset."""
    let_in: tuple[int, str, tuple[str, ...]] | None = None
    """(sequence, track, waves) of the latest rollout in which it was granted through waves, for those it counts in."""

    @property
    def record(self) -> InstanceRecord:
        """What is told of it."""
        return InstanceRecord(
            app_id=self.app_id,
            instance_id=self.instance_id,
            track=self.track,
            version=self.version,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            last_refusal=self.last_refusal,
            attributes=self.attributes,
            alias=self.alias,
            boot_id=self.boot_id,
            attempts=self.attempts,
        )

    @property
    def live_grant(self) -> Grant | None:
        """Its grant in flight."""
        return self.grant if self.grant is not None and self.grant.state.live else None

    def waves(self, track: str, sequence: int) -> tuple[str, ...]:
        """The waves through which it was granted in a rollout."""
        held = self.let_in
        return held[2] if held is not None and held[:2] == (sequence, track) else ()

    def hear(self, sighting: Sighting) -> None:
        """Take what it says of itself. A sighting that is written late leaves a newer last-seen; one without an answer, the refusal."""
        self.track = sighting.track
        self.version = sighting.version
        self.attributes = sighting.attributes
        self.alias = sighting.alias
        self.boot_id = sighting.boot_id
        self.touch(sighting)

    def touch(self, sighting: Sighting) -> None:
        """Take only that it was heard, and what it was answered."""
        self.last_seen = max(self.last_seen, sighting.at)
        if sighting.refusal:
            self.last_refusal = "" if sighting.refusal == OFFERED else sighting.refusal


@dataclass(slots=True, eq=False)
class GroupRow:
    """A group's counters, its rollouts, and the outcomes that the latest of them is judged by."""

    app_id: str
    track: str
    highest_sequence: int = 0
    in_flight: int = 0
    newcomers_in_flight: int = 0
    granted_at: list[datetime] = field(default_factory=list)
    """Of grant n at place n - 1: what the rate limit looks up."""
    newcomers_at: list[datetime] = field(default_factory=list)
    """The same of the grants of instances that weren't established."""
    quiet_until: datetime | None = None
    rollouts: dict[int, RolloutRecord] = field(default_factory=dict)
    latch: Latch | None = None
    through: dict[str, int] = field(default_factory=dict)
    halt_on: HaltOn | None = None
    judged: tuple[int, int, int] = (0, 0, 0)
    """The sequence and the epoch whose outcomes are judged, and how many waves were open when that was heard of."""
    wave: str = ""
    """The wave that was opened last."""
    counting_waves: frozenset[str] = frozenset()
    """Open waves that let a number of instances in."""
    samples: dict[str, Sample] = field(default_factory=dict)
    """Of the epoch that is judged, by instance, in the order in which they came."""
    recent: list[bool] = field(default_factory=list)
    """Of the last of them, latest first, whether it failed: what each outcome is judged by."""
    tallies: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    """By epoch and wave of the latest rollout: how many instances succeeded, and how many failed."""
    _newcomers: tuple[Limits, Limits] | None = None
    """The group's limits as they were asked for last, and what newcomers have of them."""

    @property
    def epoch(self) -> int:
        """How often the rollout was resumed whose outcomes are judged."""
        return self.judged[1]

    def rate_slot(self, group_limits: Limits) -> datetime | None:
        """When the rate limit lets the next grant through, None if at once."""
        return _slot(self.granted_at, group_limits)

    def newcomer_slot(self, group_limits: Limits) -> datetime | None:
        """The same for the newcomers' share."""
        if group_limits.max_updates is None or not self.newcomers_at:
            return None
        if self._newcomers is None or self._newcomers[0] is not group_limits:
            self._newcomers = (group_limits, admission.limits_for_newcomers(group_limits))
        return _slot(self.newcomers_at, self._newcomers[1])

    def ledger(self, group_limits: Limits | None) -> GroupLedger:
        """What a replica is told of it; without limits the slots aren't known."""
        return GroupLedger(
            app_id=self.app_id,
            track=self.track,
            highest_sequence=self.highest_sequence,
            next_number=len(self.granted_at) + 1,
            in_flight=self.in_flight,
            rate_slot=None if group_limits is None else self.rate_slot(group_limits),
            quiet_until=self.quiet_until,
            latch=self.latch,
            through=dict(self.through),
            newcomers_in_flight=self.newcomers_in_flight,
            newcomer_slot=None if group_limits is None else self.newcomer_slot(group_limits),
        )


def _slot(granted_at: list[datetime], group_limits: Limits) -> datetime | None:
    number = limits.deciding_number(len(granted_at) + 1, group_limits)
    return None if number is None else limits.slot(granted_at[number - 1], group_limits)


GroupKey = tuple[str, str]
"""(app_id, track)."""


@dataclass(slots=True, eq=False)
class Memory:
    """Everything that the store has."""

    born_at: datetime
    instances: dict[tuple[str, str], Known] = field(default_factory=dict)
    groups: dict[GroupKey, GroupRow] = field(default_factory=dict)
    live: dict[tuple[str, str], Known] = field(default_factory=dict)
    """Instances with a grant in flight, in the order in which these were given."""
    deadlines: list[tuple[datetime, int, Known]] = field(default_factory=list)
    """A heap with at least one entry for each of them, not later than its deadline. The number keeps equal ones apart."""
    entries: int = 0
    """Those that were ever put in."""
    crowded: int = 1024
    """With how many entries it is looked through for those of grants that have ended."""

    def known(self, app_id: str, instance_id: str) -> Known | None:
        """An instance, None if it was never heard."""
        return self.instances.get((app_id, instance_id))

    def heard(self, sighting: Sighting) -> Known:
        """An instance after a sighting, the first one or not."""
        key = (sighting.app_id, sighting.instance_id)
        known = self.instances.get(key)
        if known is None:
            known = Known(*key, sighting.at, sighting.at, sighting.track, sighting.version)
            self.instances[key] = known
        known.hear(sighting)
        return known
