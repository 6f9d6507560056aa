"""The values that a decision is made of: the group as resolved from resources, the instance that asks, what the fleet knows.

All are frozen and carry no reference to where they came from, so that the server, its store, `updatectl why` and a simulation
decide with the same ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from update_core import versions
from update_core.fleet import attributes as machine_attributes
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant, Timeouts
from update_core.rollout.plan import DEFAULT, UNGUARDED, Course, Latch, Plan
from update_core.rollout.schedule import ALWAYS, Schedule
from update_core.values import value
from update_core.versions import Version


class Reason(StrEnum):
    """Why an instance gets no update now. The words are kept on the instance and counted in a metric."""

    UPDATES_DISABLED_BY_CLIENT = "UpdatesDisabledByClient"
    VERSION_UNPARSABLE = "VersionUnparsable"
    UP_TO_DATE = "UpToDate"
    ROLLOUT_PENDING = "RolloutPending"
    NO_PATH = "NoPath"
    DEAD_END = "DeadEnd"
    PACKAGE_UNAVAILABLE = "PackageUnavailable"
    WITHDRAWN = "Withdrawn"
    VERSION_BLOCKED = "VersionBlocked"
    EXCLUDED = "Excluded"
    PAUSED = "Paused"
    HALTED = "Halted"
    FROZEN = "Frozen"
    OUTSIDE_WINDOW = "OutsideWindow"
    BACKING_OFF = "BackingOff"
    ATTEMPTS_EXHAUSTED = "AttemptsExhausted"
    DEPENDENCY_NOT_MET = "DependencyNotMet"
    AWAITING_APPROVAL = "AwaitingApproval"
    NOT_IN_COHORT = "NotInCohort"
    ENROLMENT_LIMITED = "EnrolmentLimited"
    ANONYMOUS_INSTANCE = "AnonymousInstance"
    STALE_CATALOG = "StaleCatalog"
    TOO_MANY_IN_FLIGHT = "TooManyInFlight"
    RATE_LIMITED = "RateLimited"
    STORE_UNAVAILABLE = "StoreUnavailable"


@dataclass(frozen=True, slots=True)
class ExtraFile:
    """A file that lies beside the payload, in the same codebases."""

    name: str
    size: int
    sha256: str
    sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What is started of the payload at an `event` ("preinstall", "install" or "update"), by clients that are told so."""

    event: Literal["preinstall", "install", "update"]
    run: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class PostInstall:
    """What clients of the CoreOS line are told beside the payload's digest; the protocol's own words."""

    needs_admin: bool = False
    deadline: str = ""
    prompt: bool = False
    more_info: str = ""
    display_version: str = ""
    max_failure_count_per_url: int | None = None
    disable_payload_backoff: bool = True


@dataclass(frozen=True, slots=True)
class Payload:
    """What an instance is told to fetch: codebase + name is the URL."""

    codebase: str
    name: str
    size: int
    sha256: str
    """64 lower-case hexadecimal digits."""
    sha1: str | None = None
    signature: str | None = None
    metadata_size: int | None = None
    arch: str = ""
    """The only architecture that it runs on; empty for one that runs on all."""
    mirrors: tuple[str, ...] = ()
    """More codebases that have the same files, in the order to try them after `codebase`."""
    extra_files: tuple[ExtraFile, ...] = ()
    programs: tuple[Program, ...] = ()
    postinstall: PostInstall = PostInstall()
    withdrawn: str = ""
    """Why nobody is given it any more; empty while it isn't withdrawn."""
    min_from: Version | None = None
    """The lowest version that is moved up to it; None for any."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast a group may move; None means without limit."""

    max_updates: int | None = None
    period_seconds: int = 0
    max_in_flight: int | None = None

    @property
    def none(self) -> bool:
        """Whether no limit stands."""
        return self.max_updates is None and self.max_in_flight is None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A rollout as the operator stamped it into Group.status."""

    sequence: int
    version: str
    salt: str
    started_at: datetime
    kind: Literal["Update", "Rollback"] = "Update"
    from_version: str = ""
    """Of a Rollback: the version that was halted, whose instances are moved back."""


@dataclass(frozen=True, slots=True)
class LostPackage:
    """A stamped package that isn't there any more, or not as it was stamped: what it was for gets nothing else in its place."""

    arch: str
    """As `Payload.arch`."""
    name: str
    """metadata.name of the Package."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A version that instances are moved to: a rollout's target, or a floor on the way there."""

    version: Version
    payloads: tuple[Payload, ...] = ()
    """The stamped packages, one per architecture, only those that still exist with the same uid and bytes."""
    lost: tuple[LostPackage, ...] = ()
    """The stamped packages that aren't among the payloads any more."""
    reason: str = ""
    """Of a floor: why nobody goes past it."""
    stamped: bool = True
    """False for a floor that the Channel has named since the rollout began."""
    problem: str = ""
    """Why its package can't be handed out though it is there; empty where that isn't why there is no payload."""

    def payload_for(self, arch: str) -> Payload | None:
        """The payload for an architecture ("" where the instance doesn't say): its own, else the one for all.

        Where its own was stamped and is lost there is none: the one for all would be other bytes in the same rollout.
        """
        # A plain loop: each denied check comes through here several times.
        for_all = None
        for payload in self.payloads:
            if payload.arch == arch:
                return payload
            if not payload.arch:
                for_all = payload
        return None if self.lost and any(lost.arch == arch for lost in self.lost) else for_all

    def lost_for(self, arch: str) -> LostPackage | None:
        """The lost package that an instance of an architecture would have got, None where it has a payload or never had one."""
        if not self.lost or self.payload_for(arch) is not None:
            return None
        lost = {package.arch: package for package in self.lost}
        return lost.get(arch) or lost.get("")


@dataclass(frozen=True, slots=True)
class ResolvedGroup:
    """A Group with everything that it refers to, from one snapshot."""

    namespace: str
    name: str
    app_id: str
    track: str
    paused: bool
    limits: Limits
    timeouts: Timeouts
    active_seconds: int
    wanted: Version | None
    """The channel's version; None where the channel is missing or of another application."""
    stamp: Stamp | None
    """The rollout that may be offered: only where target, rollout and channel say the same version. Else offers wait."""
    payloads: tuple[Payload, ...]
    """The stamped packages, one per architecture, only those that still exist with the same uid and bytes."""
    target_version: str | None = None
    """Group.status.target.version, stamped or not: what onTarget is counted against."""
    completed: bool = False
    """Whether the operator has latched the stamped rollout as complete."""
    channel: str = ""
    """metadata.name of the Channel that it follows, whether or not that exists: for people, no rule looks at it."""
    package: str = ""
    """metadata.name of the Package that the target was stamped with: for people too."""
    lost: tuple[LostPackage, ...] = ()
    """The stamped packages that aren't among the payloads any more."""
    payload_problem: str = ""
    """Why the stamped package can't be handed out though it is there; empty where that isn't why there is no payload."""
    allow_downgrade: bool = False
    """Whether a client that says rollback_allowed may be moved down."""
    version_prefix: str = ""
    """The group's own limit on versions, as a client's targetversionprefix; empty for none."""
    excluded_oems: frozenset[str] = frozenset()
    schedule: Schedule = ALWAYS
    """When it gives anything out at all: its maintenance windows and freezes."""
    floors: tuple[Hop, ...] = ()
    """The Channel's floors below the stamped version, and those with which the rollout was begun; lowest first."""
    dead_ends: Mapping[Version, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """By version, for those of which a package is a dead end: the reason by architecture, empty for one that isn't, and "" for every
    architecture that isn't there."""
    blocked_versions: frozenset[Version] = frozenset()
    """Versions that the group's spec refuses, floors among them."""
    plan: Plan = DEFAULT
    """What its spec says of rollouts."""
    course: Course = UNGUARDED
    """How far the stamped rollout is, as the operator stamped it."""
    on_demand_bypasses: bool = False
    """Whether a check that somebody waits for is let past the rate limit."""
    poll_interval_seconds: int | None = None
    """When instances are told to check next; None leaves it to them."""
    retry_after_seconds: int | None = None
    """For how long instances are told to leave the service alone; None: not at all."""
    _target: Hop | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        version = versions.parse_or_none(self.stamp.version) if self.stamp is not None else None
        target = Hop(version, self.payloads, self.lost, problem=self.payload_problem) if version is not None else None
        object.__setattr__(self, "_target", target)

    @property
    def target(self) -> Hop | None:
        """The stamped version with what may be handed out of it; None without a stamp."""
        return self._target


@value
class Instance:
    """The instance that asks, as it describes itself."""

    instance_id: str | None
    version: str
    updates_disabled: bool = False
    same_version: bool = False
    rollback_allowed: bool = False
    version_prefix: str = ""
    """Versions that the client would take (targetversionprefix); empty for any."""
    arch: str = ""
    """The machine's architecture by its Debian name, as `architectures` tells it; empty where it doesn't say."""
    oem: str = ""
    on_demand: bool = False
    """Whether somebody waits for the answer."""
    several_versions: bool = False
    """Whether it takes the floors and the target with one answer (multi_manifest_ok)."""
    machine: Attributes = machine_attributes.NONE
    """What it reports of its machine: waves are matched by it."""


@value
class Attempts:
    """How often an instance failed on its way to one version."""

    version: str
    failures: int
    failed_at: datetime
    """When it did last."""
    sequence: int
    epoch: int
    """Of the rollout in which it did: a resume starts the count of its own sequence anew."""


@value
class Fleet:
    """What the store, or a replica's memory of it, knows that bears on one decision."""

    live_grant: Grant | None = None
    """The asking instance's."""
    highest_sequence: int = 0
    """Of this (app_id, track), over all rollouts ever."""
    in_flight: int = 0
    in_flight_until: datetime | None = None
    """The first deadline among the live grants: when in_flight falls at the latest."""
    rate_slot: datetime | None = None
    """When the rate limit lets the next grant through; None: now."""
    quiet_until: datetime | None = None
    """No grants before: after a lost store its limits can't be known for so long."""
    latch: Latch | None = None
    """What failures halted last in this group; it holds for its own sequence and epoch."""
    through: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """By wave that lets a number of instances in: how many were granted through it in the latest rollout."""
    counted_in: str = ""
    """The wave through which the asking instance was granted before in the latest rollout: it isn't counted again."""
    attempts: tuple[Attempts, ...] = ()
    """The asking instance's failures."""
    first_seen: datetime | None = None
    """When the asking instance was; None before its first check."""
    newcomers_in_flight: int = 0
    """Those of in_flight whose instances weren't established when they were granted."""
    newcomer_slot: datetime | None = None
    """When the newcomers' share of the rate lets the next one through; None: now."""
    enrolment_until: datetime | None = None
    """Until when no more new instances of the application are taken in; None: they are."""
    available: bool = True


@value
class Step:
    """A floor that is offered together with what comes after it."""

    version: str
    payload: Payload
    reason: str = ""


@value
class Offer:
    """Yes: this payload of this version, the hop's. `grant` is the live grant that is offered again, None for a new one."""

    version: str
    sequence: int
    payload: Payload
    grant: Grant | None = None
    floors: tuple[Step, ...] = ()
    """What is to be installed before it, lowest first: for an instance that takes several versions at once."""
    wave: str = ""
    """The open wave that lets the instance in; empty where none had to."""
    established: bool = False
    """Whether the outcome counts where the rollout is judged by outcomes: the instance was known before it began, and for long enough."""


@value
class Refusal:
    """No, and why; `until` is when it can change by itself, None where that isn't known."""

    reason: Reason
    until: datetime | None = None


Decision = Offer | Refusal
