"""Group: instances that move together, and how fast they may. Its status is the record of its rollout."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from update_core.architectures import Architecture
from update_core.resources.base import (
    ApplicationRef,
    ChannelRef,
    Condition,
    DisplayName,
    Model,
    PollIntervalSeconds,
    Resource,
    RetryAfterSeconds,
    Status,
)
from update_core.resources.channel import MAX_FLOORS
from update_core.resources.package import PackageVersion
from update_core.resources.rollout_policy import MAX_COUNT, YEAR_SECONDS, EvidencePolicy, RolloutPolicy
from update_core.resources.rollout_status import MAX_HISTORY, PastRollout, Rollout

WEEK_SECONDS = 7 * 86400
DEFAULT_UPDATE_TIMEOUT_SECONDS = 3600
DEFAULT_REBOOT_TIMEOUT_SECONDS = 7 * 86400
DEFAULT_ACTIVE_SECONDS = 86400
MAX_TARGET_PACKAGES = 48
"""So that a status with all its floors stays within 16 KiB: three architectures of 16 versions."""


class RateLimit(Model):
    """At most maxUpdates new grants in every interval of periodSeconds."""

    max_updates: int = Field(
        ge=1,
        le=MAX_COUNT,
        description="How many instances may be given an update in any interval of periodSeconds. A retry counts again; "
        "repeating an offer that an instance already holds doesn't.",
    )
    period_seconds: int = Field(
        ge=1,
        le=YEAR_SECONDS,
        description="Length of the interval in seconds. It slides: the limit holds between any two moments so far apart, "
        "not per minute of the clock.",
    )


class VersionPolicy(Model):
    """Which versions the group's instances may move to."""

    allow_downgrade: bool = Field(
        default=False,
        description="Whether an instance that runs a higher version than the channel's is moved down to it. Only one that asks for that "
        "itself is (rollback_allowed).",
    )
    prefix: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Only versions that begin with this are given out: 1.2 or 1.2. for every 1.2.x and no 1.20, 1.2.3$ for 1.2.3 "
        "alone. Another version of the channel is refused as Excluded; none is looked for in its place.",
    )
    blocked_versions: list[PackageVersion] = Field(
        default_factory=list,
        max_length=64,
        description="Versions that the group's instances aren't moved to, from the next answer on (VersionBlocked): none is looked for in "
        "their place, and a floor among them isn't gone past. Who runs one already is moved on as ever.",
    )


Day = Annotated[
    Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    Field(description="A day of the week, by its English name."),
]

Oem = Annotated[
    str,
    Field(min_length=1, max_length=128, description="An OEM as instances report it, byte for byte."),
]


class Exclude(Model):
    """Instances that get nothing."""

    oems: list[Oem] = Field(
        default_factory=list,
        max_length=64,
        description="Instances that report one of these OEMs are given no update, as Excluded.",
    )


class MaintenanceWindow(Model):
    """A stretch of the week in which updates are given out."""

    days: list[Day] = Field(
        min_length=1, max_length=7, description="The days on which the window opens, on the clock of timeZone."
    )
    start_time: str = Field(
        min_length=1,
        max_length=8,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$",
        description="When it opens on these days, such as 02:00 or 22:30:00, on the clock of timeZone. A time that the clock skips when it "
        "is put forward is the moment at which it is; of one that it shows twice it is the first.",
    )
    duration_seconds: int = Field(
        ge=1,
        le=WEEK_SECONDS,
        description="For how long it is open, in seconds that pass: also in the night in which the clock is put forward or back, and past "
        "midnight.",
    )
    time_zone: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
        description="Whose clock it is: an IANA time zone such as Europe/Berlin, America/New_York or UTC.",
    )


class Freeze(Model):
    """A stretch of time in which nothing is given out."""

    name: str | None = Field(
        default=None, min_length=1, max_length=63, description="A name for people, such as holidays."
    )
    start: AwareDatetime = Field(description="The first moment of the freeze, such as 2026-12-20T00:00:00Z.")
    end: AwareDatetime = Field(
        description="The first moment after it. A freeze that begins then follows without a gap."
    )
    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Why, for people: who asks why nothing moves is told so.",
    )


class GroupSpec(Model):
    """What people want of this Group."""

    application_ref: ApplicationRef = Field(
        description="The Application whose instances these are, in the same namespace. It can't be changed."
    )
    channel_ref: ChannelRef = Field(
        description="The Channel whose version the group moves to. It must be of the same Application. Following another "
        "channel is a promotion like any other."
    )
    track: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="The Omaha track that the group's instances send. Unique within the application: of two Groups with one "
        "track the older has it. It can't be changed.",
    )
    display_name: DisplayName | None = Field(default=None, description="A name for people.")
    paused: bool = Field(
        default=False,
        description="While true no instance is given an update. Instances that are updating already may finish.",
    )
    rate_limit: RateLimit | None = Field(
        default=None,
        description="How fast updates are given out: at most maxUpdates instances in any periodSeconds. Absent: as fast as "
        "instances ask. Changing it takes effect at once; deleting and creating the Group doesn't reset it.",
    )
    max_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=MAX_COUNT,
        description="How many instances may be updating at once, each from its offer until it reports the new version, fails "
        "or times out. Absent: without limit.",
    )
    update_timeout_seconds: int = Field(
        default=DEFAULT_UPDATE_TIMEOUT_SECONDS,
        ge=1,
        le=YEAR_SECONDS,
        description="An instance whose update makes no progress for so many seconds no longer counts as in flight; if it had "
        "downloaded the payload, it counts as failed.",
    )
    reboot_timeout_seconds: int = Field(
        default=DEFAULT_REBOOT_TIMEOUT_SECONDS,
        ge=1,
        le=YEAR_SECONDS,
        description="Instead of updateTimeoutSeconds for an instance that has installed the update and has yet to restart "
        "into it.",
    )
    active_seconds: int = Field(
        default=DEFAULT_ACTIVE_SECONDS,
        ge=1,
        le=YEAR_SECONDS,
        description="An instance that hasn't asked for updates for so many seconds isn't active: the rollout doesn't wait "
        "for it. It should be longer than the interval at which instances ask.",
    )
    maintenance_windows: list[MaintenanceWindow] = Field(
        default_factory=list,
        max_length=32,
        description="When updates are given out: while one of these is open. What is in flight as the last one closes may finish. Empty: "
        "always.",
    )
    freezes: list[Freeze] = Field(
        default_factory=list,
        max_length=32,
        description="When no updates are given out, whatever the windows say. What is in flight may finish.",
    )
    version_policy: VersionPolicy | None = Field(
        default=None,
        description="Which versions the group's instances may move to. Absent: every version that is above their own.",
    )
    exclude: Exclude | None = Field(
        default=None, description="Instances of the group that are given no update. Absent: none are left out."
    )
    rollout: RolloutPolicy | None = Field(
        default=None, description="How rollouts go on. Absent: all instances at once, and failures halt nothing."
    )
    evidence: EvidencePolicy | None = Field(
        default=None, description="When an instance is believed. Absent: once it has been heard over ten minutes."
    )
    on_demand: Literal["Respect", "BypassLimits"] = Field(
        default="Respect",
        description="What a check that somebody waits for (ondemandupdate) may do. Respect: no more than any other. "
        "BypassLimits: it is let past rateLimit, for which it still counts, and past the waves that aren't open yet; nothing else "
        "is skipped.",
    )
    poll_interval_seconds: PollIntervalSeconds | None = Field(
        default=None,
        description="After how many seconds the group's instances are told to check again, as PollInterval. Clients of the CoreOS line "
        "follow it, and update_engine keeps to 2700 to 14400 whatever it is told. Absent: what the Application says.",
    )
    retry_after_seconds: RetryAfterSeconds | None = Field(
        default=None,
        description="For how many seconds the group's instances are told to leave the service alone, as X-Retry-After. Chromium "
        "follows it over https only, Fuchsia always. Absent: what the Application says.",
    )


class TargetPackage(Model):
    """The exact payload that a rollout was begun with."""

    name: str = Field(min_length=1, max_length=253, description="metadata.name of the Package.")
    uid: str = Field(
        min_length=1, max_length=64, description="metadata.uid of the Package: one deleted and made again is another."
    )
    sha256: str = Field(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its payload.")
    arch: Architecture | None = Field(
        default=None,
        description="The architecture that it is for. Absent: for every one that has no other here of the version.",
    )
    version: PackageVersion | None = Field(
        default=None, description="The floor's version that it is of. Absent: it is of the target's version."
    )


class Target(Model):
    """The version that the Group moves to, with its exact packages."""

    version: PackageVersion
    packages: list[TargetPackage] = Field(
        min_length=1,
        max_length=MAX_TARGET_PACKAGES,
        description="The packages that may be handed out, of the version and of its floors, one for each architecture; no other is, not "
        "even one with the same name.",
    )
    floor_versions: list[PackageVersion] = Field(
        default_factory=list,
        max_length=MAX_FLOORS,
        description="The Channel's floors below the version when the rollout was begun. None is gone past before the next one begins.",
    )


class Blocker(Model):
    """Something that keeps every instance of the Group from being given an update."""

    reason: str = Field(
        min_length=1,
        max_length=64,
        description="One CamelCase word, the same that instances are refused with where they are.",
    )
    message: str = Field(max_length=1024, description="What holds, until when, and what would change it.")


class InstanceCounts(Model):
    """The Group's instances, as the fleet store counts them."""

    total: int = Field(default=0, ge=0, le=MAX_COUNT, description="Instances that the service knows.")
    active: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Instances that asked for updates within activeSeconds."
    )
    on_target: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Active instances on the target version or above."
    )
    in_progress: int = Field(default=0, ge=0, le=MAX_COUNT, description="Instances with an update in flight.")
    failed: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Instances whose last attempt in this rollout failed."
    )


class GroupStatus(Status):
    """What the operator decided and found; nobody else writes it."""

    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready: the spec is accepted. PackageAvailable: the wanted version has a Package. Progressing: instances "
        "are being moved. Paused. Halted: the rollout is stopped. RolloutComplete: every active instance is on the target. "
        "FleetReported: the counts are fresh.",
    )
    target: Target | None = Field(
        default=None, description="The version that the Group moves to, with its exact packages."
    )
    rollout: Rollout | None = Field(default=None, description="The rollout that is under way, or was last completed.")
    instances: InstanceCounts | None = Field(
        default=None, description="How far it is; refreshed every few seconds at most."
    )
    progress: str | None = Field(
        default=None,
        max_length=32,
        description="Active instances on the target, of all that are active, such as 3/10.",
    )
    history: list[PastRollout] = Field(
        default_factory=list, max_length=MAX_HISTORY, description="The rollouts before, the latest first."
    )
    blockers: list[Blocker] = Field(
        default_factory=list,
        max_length=8,
        description="Why nothing moves: what keeps every instance from being given an update at this moment. Empty where nothing does, and "
        "where the rollout is complete.",
    )


class Group(Resource):
    """Instances that move together: they follow one channel, as fast as the group's limits allow."""

    kind: ClassVar[str] = "Group"
    plural: ClassVar[str] = "groups"

    spec: GroupSpec
    status: GroupStatus = GroupStatus()
