"""Instance: one machine (or program) that asks for updates of one application, as it was last heard."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from update_core.resources.base import MAX_SAFE_INTEGER, Model
from update_core.resources.fleet.base import FleetResource, Text
from update_core.resources.rollout_policy import MAX_COUNT


class InstanceAttributes(Model):
    """What the instance says of its machine, as it wrote it. Each is a label too: fleet.updateservice.dev/<name>."""

    oem: Text = Field(default="", description="The OEM or cloud that the image was made for.")
    oemversion: Text = Field(default="", description="Version of the OEM's part.")
    alephversion: Text = Field(default="", description="The version that the machine was first installed with.")
    board: Text = Field(default="", description="The kind of board, such as amd64-usr.")
    lang: Text = Field(default="", description="The language of its user, as a BCP 47 tag.")
    platform: Text = Field(default="", description="Its operating system.")
    osversion: Text = Field(default="", description="Version of its operating system.")
    sp: Text = Field(default="", description="Service pack of its operating system, or what the client puts there.")
    arch: Text = Field(default="", description="Its processor's architecture.")


class InstanceSpec(Model):
    """Who the instance is and where it belongs."""

    instance_id: str = Field(
        max_length=128, description="The id that the instance sends (machineid or userid), byte for byte."
    )
    app_id: str = Field(max_length=128, description="The Omaha appid, canonical.")
    application: str = Field(max_length=253, description="metadata.name of the Application.")
    track: Text = Field(description="The track of the group that answers it.")
    group: str = Field(
        default="",
        max_length=253,
        description="metadata.name of the Group that has this track, or had it last; empty if there never was one.",
    )
    alias: Text = Field(default="", description="A name for people that the instance sends (machinealias).")
    attributes: InstanceAttributes = Field(
        default=InstanceAttributes(), description="What the instance says of its machine."
    )


class InstanceUpdate(Model):
    """The latest update that the instance was given."""

    version: Text = Field(description="The version that it was offered.")
    sequence: int = Field(ge=1, le=2**62, description="The rollout that the update belongs to.")
    state: str = Field(
        max_length=32,
        description="Granted, Downloading, Downloaded, Installed and OnHold are in flight. Complete, Failed, TimedOut, Lapsed, "
        "Released, Superseded, Moved and Forgotten are how it ended.",
    )
    granted_time: datetime = Field(description="When it was offered first.")
    moved_time: datetime = Field(description="When its state changed last.")
    deadline: datetime | None = Field(
        default=None, description="While in flight: without progress until then, it times out."
    )
    error_code: int | None = Field(
        default=None, ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER, description="The error code that the instance sent."
    )
    detail: str = Field(default="", max_length=128, description="More about how it ended, such as RolledBack.")
    wave: str = Field(
        default="",
        max_length=63,
        description="The wave of the rollout that let the instance in; empty where none had to.",
    )
    failures: int = Field(
        default=0,
        ge=0,
        le=MAX_COUNT,
        description="How often the instance has failed on its way to this version. After each failure it waits twice as long before it "
        "may try again: see spec.rollout.retry of its Group, and instances/decision for when that is.",
    )


class InstanceStatus(Model):
    """What the instance runs and how its update goes."""

    version: Text = Field(description="The version that it reported last.")
    state: str = Field(max_length=32, description="Idle before the first update, else the state of the latest.")
    last_seen_time: datetime = Field(
        description="When it was heard last. It may lag behind by a minute: not every check is written down."
    )
    last_refusal: str = Field(
        default="",
        max_length=64,
        description="Why its last check got no update, as one word; empty after an offer. instances/decision explains it.",
    )
    update: InstanceUpdate | None = Field(default=None, description="The latest update, absent before the first.")


class Instance(FleetResource):
    """An instance that asks for updates. It is made by its first check, and can't be written; see instances/reset and /forget."""

    kind: ClassVar[str] = "Instance"
    plural: ClassVar[str] = "instances"

    spec: InstanceSpec
    status: InstanceStatus
