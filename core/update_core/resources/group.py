"""Group: instances that move together, and how fast they may. Its status is the record of its rollout."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from update_core.resources.base import ApplicationRef, ChannelRef, Condition, DisplayName, Model, Resource
from update_core.resources.package import PackageVersion

MAX_COUNT = 2**31 - 1
YEAR_SECONDS = 366 * 86400
DEFAULT_UPDATE_TIMEOUT_SECONDS = 3600
DEFAULT_REBOOT_TIMEOUT_SECONDS = 7 * 86400
DEFAULT_ACTIVE_SECONDS = 86400


class RateLimit(Model):
    """At most maxUpdates new grants in every interval of periodSeconds."""

    max_updates: int = Field(
        ge=1, le=MAX_COUNT, description="How many instances may be given an update in any interval of periodSeconds."
    )
    period_seconds: int = Field(ge=1, le=YEAR_SECONDS, description="Length of the sliding interval in seconds.")


class GroupSpec(Model):
    """What people want of a Group."""

    application_ref: ApplicationRef = Field(
        description="The Application whose instances these are. It can't be changed."
    )
    channel_ref: ChannelRef = Field(
        description="The Channel whose version the Group moves to; of the same Application."
    )
    track: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="The Omaha track that the Group's instances send. Unique within the application. It can't be changed.",
    )
    display_name: DisplayName | None = Field(default=None, description="A name for people, shown in lists.")
    paused: bool = Field(default=False, description="Give out no new updates; what is in flight may finish.")
    rate_limit: RateLimit | None = Field(
        default=None, description="How fast new updates are given out; absent means without limit."
    )
    max_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=MAX_COUNT,
        description="How many instances may be updating at once, from the offer until they report the new version; absent means without limit.",
    )
    update_timeout_seconds: int = Field(
        default=DEFAULT_UPDATE_TIMEOUT_SECONDS,
        ge=1,
        le=YEAR_SECONDS,
        description="An instance that makes no progress for so many seconds is no longer in flight.",
    )
    reboot_timeout_seconds: int = Field(
        default=DEFAULT_REBOOT_TIMEOUT_SECONDS,
        ge=1,
        le=YEAR_SECONDS,
        description="The same for an instance that has installed the update and has yet to restart into it.",
    )
    active_seconds: int = Field(
        default=DEFAULT_ACTIVE_SECONDS,
        ge=1,
        le=YEAR_SECONDS,
        description="An instance that hasn't checked for so many seconds isn't active and isn't waited for.",
    )


class TargetPackage(Model):
    """The exact payload that a rollout was begun with."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Package.")
    uid: str = Field(
        min_length=1, max_length=64, description="UID of the Package: one deleted and made again is another."
    )
    sha256: str = Field(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its payload.")


class Target(Model):
    """What the Group moves to."""

    version: PackageVersion
    packages: list[TargetPackage] = Field(
        min_length=1, max_length=16, description="The packages that may be handed out for the version."
    )


class Rollout(Model):
    """One attempt to bring the Group to a version."""

    sequence: int = Field(
        ge=1, le=2**62, description="Number of the rollout; it only rises for an application's track."
    )
    version: PackageVersion
    kind: Literal["Update", "Rollback"] = Field(
        default="Update", description="Update moves forward to the channel's version."
    )
    salt: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9A-Za-z._-]+$",
        description="Decides, with the instance's id, its place in the order of this rollout.",
    )
    started_time: datetime = Field(description="When the rollout was begun.")
    completed_time: datetime | None = Field(
        default=None, description="When every active instance was on the target; it stays."
    )


class InstanceCounts(Model):
    """The Group's instances, as the fleet store counts them."""

    total: int = Field(default=0, ge=0, le=MAX_COUNT, description="Instances that the store knows.")
    active: int = Field(default=0, ge=0, le=MAX_COUNT, description="Those that checked within activeSeconds.")
    on_target: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Active instances on the target version or above."
    )
    in_progress: int = Field(default=0, ge=0, le=MAX_COUNT, description="Instances with an update in flight.")
    failed: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Instances whose last attempt in this rollout failed."
    )


class GroupStatus(Model):
    """What the operator decided and found."""

    observed_generation: int = Field(
        default=-1, ge=-1, description="The metadata.generation that this status was computed from."
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready; PackageAvailable; Progressing; Paused; RolloutComplete; FleetReported.",
    )
    target: Target | None = Field(
        default=None, description="The version that the Group moves to, with its exact packages."
    )
    rollout: Rollout | None = Field(default=None, description="The rollout that is under way, or was last completed.")
    instances: InstanceCounts | None = Field(
        default=None, description="How far it is; refreshed every few seconds at most."
    )
    progress: str | None = Field(
        default=None, max_length=32, description="Active instances on the target, of all that are active; such as 3/10."
    )


class Group(Resource):
    """Instances that move together: they follow one channel, as fast as the group's limits allow."""

    kind: ClassVar[str] = "Group"
    plural: ClassVar[str] = "groups"

    spec: GroupSpec
    status: GroupStatus = GroupStatus()
