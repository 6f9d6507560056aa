"""GroupProgress: how far a group is, as the fleet store counts it; the operator reads it."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from update_core.resources.base import Model
from update_core.resources.fleet.base import FleetResource, Text
from update_core.resources.group import MAX_COUNT, InstanceCounts
from update_core.resources.package import PackageVersion


class GroupProgressSpec(Model):
    """Which group it is about."""

    app_id: str = Field(max_length=128, description="The Omaha appid, canonical.")
    application: str = Field(max_length=253, description="metadata.name of the Application.")
    track: Text = Field(description="The group's track.")


class ProgressRollout(Model):
    """The latest rollout that the fleet store has seen of the group: what a lost status is made again from."""

    sequence: int = Field(ge=1, le=2**62, description="Number of the rollout.")
    version: PackageVersion
    kind: Literal["Update", "Rollback"] = Field(default="Update", description="Which way its instances move.")
    salt: str = Field(max_length=64, description="The rollout's salt.")
    started_time: datetime = Field(description="When it was begun.")
    completed_time: datetime | None = Field(default=None, description="When it was found complete.")


class ProgressCounts(InstanceCounts):
    """The group's instances."""

    in_progress_current: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Those of inProgress whose update belongs to this rollout."
    )


class GroupProgressStatus(Model):
    """What was counted."""

    rollout: ProgressRollout | None = Field(default=None, description="Absent before the group's first rollout.")
    instances: ProgressCounts = Field(description="The group's instances.")


class GroupProgress(FleetResource):
    """How far a Group is. It has the Group's name, and stays when the Group is deleted."""

    kind: ClassVar[str] = "GroupProgress"
    plural: ClassVar[str] = "groupprogresses"

    spec: GroupProgressSpec
    status: GroupProgressStatus
