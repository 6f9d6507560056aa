"""Group: instances that move together, and how fast they may. Its status is the record of its rollout."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

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
from update_core.resources.package import PackageVersion

MAX_COUNT = 2**31 - 1
YEAR_SECONDS = 366 * 86400
DEFAULT_UPDATE_TIMEOUT_SECONDS = 3600
DEFAULT_REBOOT_TIMEOUT_SECONDS = 7 * 86400
DEFAULT_ACTIVE_SECONDS = 86400


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
    version_policy: VersionPolicy | None = Field(
        default=None,
        description="Which versions the group's instances may move to. Absent: every version that is above their own.",
    )
    exclude: Exclude | None = Field(
        default=None, description="Instances of the group that are given no update. Absent: none are left out."
    )
    on_demand: Literal["Respect", "BypassLimits"] = Field(
        default="Respect",
        description="What a check that somebody waits for (ondemandupdate) may do. Respect: no more than any other. "
        "BypassLimits: it is let past rateLimit, and still counts for it; nothing else is skipped.",
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
        default=None, description="The architecture that it is for. Absent: for every one that has no other here."
    )


class Target(Model):
    """The version that the Group moves to, with its exact packages."""

    version: PackageVersion
    packages: list[TargetPackage] = Field(
        min_length=1,
        max_length=16,
        description="The packages that may be handed out for the version, one for each architecture; no other is, not even one with "
        "the same name.",
    )


class Rollout(Model):
    """One attempt to bring the Group to a version."""

    sequence: int = Field(
        ge=1, le=2**62, description="Number of the rollout. For a track of an application it only ever rises."
    )
    version: PackageVersion
    kind: Literal["Update", "Rollback"] = Field(
        default="Update", description="Update: instances move up to the channel's version. Rollback: they move back."
    )
    salt: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9A-Za-z._-]+$",
        description="Random text of this rollout; with it an instance's id decides its place in the order.",
    )
    started_time: datetime = Field(description="When the rollout was begun.")
    completed_time: datetime | None = Field(
        default=None,
        description="When every active instance was found on the target. It stays, whatever instances appear later.",
    )


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
        "are being moved. Paused. RolloutComplete: every active instance is on the target. FleetReported: the counts are fresh.",
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


class Group(Resource):
    """Instances that move together: they follow one channel, as fast as the group's limits allow."""

    kind: ClassVar[str] = "Group"
    plural: ClassVar[str] = "groups"

    spec: GroupSpec
    status: GroupStatus = GroupStatus()
