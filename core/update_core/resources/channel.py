"""Channel: a named pointer to a version. Moving it promotes that version to every Group that follows it."""

from typing import ClassVar

from pydantic import Field

from update_core.resources.base import MAX_SAFE_INTEGER, ApplicationRef, Condition, Model, Resource
from update_core.resources.package import PackageVersion

MAX_FLOORS = 16
"""As many steps as one Channel may have below its version."""


class Floor(Model):
    """A version that no instance goes past."""

    version: PackageVersion = Field(
        description="The version, as its Package writes it. Its Package may be created later: until then nobody goes past it."
    )
    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Why, in a line for people; clients that are told of several versions at once are told it too.",
    )


class ChannelSpec(Model):
    """What people want of this Channel."""

    application_ref: ApplicationRef = Field(
        description="The Application that the channel belongs to, in the same namespace. It can't be changed."
    )
    name: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="The channel's name as people and instances write it, such as stable. Unique within the application: of "
        "two Channels with one name the older has it. It can't be changed.",
    )
    version: PackageVersion = Field(
        description="The version that the channel's Groups move to; changing it is a promotion. A semantic version, or one to "
        "four integers separated by dots. Its Package may be created later: until then the Groups stay where they are."
    )
    floors: list[Floor] = Field(
        default_factory=list,
        max_length=MAX_FLOORS,
        description="Versions on the way to version. An instance below one is moved to that first, then to the next one, and at last to "
        "version; one that is above it already isn't moved down. Those that aren't below version don't count. Changing what lies "
        "below version begins a rollout.",
    )


class ChannelGroups(Model):
    """How many Groups follow a channel."""

    following: int = Field(default=0, ge=0, le=1_000_000, description="Groups whose channelRef names this Channel.")
    complete: int = Field(
        default=0, ge=0, le=1_000_000, description="Those of them that have completed the channel's version."
    )
    halted: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Those of them whose rollout to it is halted, or was halted by its failures and is moved back.",
    )


class ChannelStatus(Model):
    """What the operator found; nobody else writes it."""

    observed_generation: int = Field(
        default=-1,
        ge=-1,
        le=MAX_SAFE_INTEGER,
        description="The metadata.generation that this status was computed from. It advances only together with RolledOut being "
        "reset, so that waiting for RolledOut right after a promotion never sees the one before.",
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready: the spec is accepted. PackageAvailable: the version has a Package. RolledOut: every Group that "
        "follows the channel has completed its version.",
    )
    groups: ChannelGroups | None = Field(default=None, description="The Groups that follow the channel.")


class Channel(Resource):
    """A named pointer to a version. Moving it promotes that version to every Group that follows it."""

    kind: ClassVar[str] = "Channel"
    plural: ClassVar[str] = "channels"

    spec: ChannelSpec
    status: ChannelStatus = ChannelStatus()
