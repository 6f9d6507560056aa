"""Channel: a named pointer to a version. Moving it promotes that version to every Group that follows it."""

from typing import ClassVar

from pydantic import Field

from update_core.resources.base import ApplicationRef, Condition, Model, Resource
from update_core.resources.package import PackageVersion


class ChannelSpec(Model):
    """What people want of a Channel."""

    application_ref: ApplicationRef = Field(
        description="The Application that the channel belongs to. It can't be changed."
    )
    name: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="The channel's name as people and instances write it, such as stable. Unique within the application. It can't be changed.",
    )
    version: PackageVersion = Field(
        description="The version that Groups on this channel move to. It may name a Package that isn't there yet."
    )


class ChannelGroups(Model):
    """How many Groups follow a channel."""

    following: int = Field(default=0, ge=0, le=1_000_000, description="Groups whose channelRef names this Channel.")
    complete: int = Field(
        default=0, ge=0, le=1_000_000, description="Those of them that have completed the channel's version."
    )


class ChannelStatus(Model):
    """What the operator found."""

    observed_generation: int = Field(
        default=-1,
        ge=-1,
        description="The metadata.generation that this status was computed from; it advances only in a write in which RolledOut isn't True.",
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=16,
        description="Ready; PackageAvailable; RolledOut: every Group that follows the channel has completed its version.",
    )
    groups: ChannelGroups | None = Field(default=None, description="The Groups that follow the channel.")


class Channel(Resource):
    """A named pointer to a version. Moving it promotes that version to every Group that follows it."""

    kind: ClassVar[str] = "Channel"
    plural: ClassVar[str] = "channels"

    spec: ChannelSpec
    status: ChannelStatus = ChannelStatus()
