"""GroupProgress: how far a group is, as the fleet store counts it; the operator reads it."""

from typing import ClassVar

from pydantic import Field

from update_core.resources.base import Model
from update_core.resources.fleet.base import FleetResource, Text
from update_core.resources.group import InstanceCounts
from update_core.resources.rollout_policy import MAX_COUNT, MAX_WAVES, WaveName
from update_core.resources.rollout_status import Halted, Rollout


class GroupProgressSpec(Model):
    """Which group it is about."""

    app_id: str = Field(max_length=128, description="The Omaha appid, canonical.")
    application: str = Field(max_length=253, description="metadata.name of the Application.")
    track: Text = Field(description="The group's track.")


class ProgressLatch(Halted):
    """What failures halted last: it holds for its own rollout, until that is resumed."""

    sequence: int = Field(ge=1, le=2**62, description="Number of the rollout.")
    epoch: int = Field(default=0, ge=0, le=MAX_COUNT, description="How often it had been resumed.")


class ProgressWave(Model):
    """The instances of one wave that were known before the rollout began."""

    name: WaveName
    granted: int = Field(default=0, ge=0, le=MAX_COUNT, description="Instances that were let in through it.")
    succeeded: int = Field(default=0, ge=0, le=MAX_COUNT, description="Those that reached its version.")
    failed: int = Field(default=0, ge=0, le=MAX_COUNT, description="Those whose last attempt failed.")
    waiting: int = Field(
        default=0,
        ge=0,
        le=MAX_COUNT,
        description="Active instances below the version that match it, whatever its share.",
    )
    ahead: int | None = Field(
        default=None,
        ge=0,
        le=MAX_COUNT,
        description="Those of waiting whom it would let in and no open wave does, counted one by one. Only of the next wave, while it "
        "may open soon.",
    )


class ProgressCounts(InstanceCounts):
    """The group's instances."""

    in_progress_current: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="Those of inProgress whose update belongs to this rollout."
    )
    finished: int = Field(
        default=0,
        ge=0,
        le=MAX_COUNT,
        description="Active instances that aren't on the version and can't be brought there: AttemptsExhausted, DeadEnd or Excluded.",
    )


class GroupProgressStatus(Model):
    """What was counted."""

    rollout: Rollout | None = Field(
        default=None,
        description="The latest rollout that the fleet store has seen of the group, as it was stamped: what a lost status is made "
        "again from. Absent before the first.",
    )
    instances: ProgressCounts = Field(description="The group's instances.")
    waves: list[ProgressWave] = Field(
        default_factory=list, max_length=2 * MAX_WAVES, description="By wave, those that are open and those to come."
    )
    latch: ProgressLatch | None = Field(default=None, description="Absent before anything was halted by failures.")
    settled: bool = Field(
        default=True,
        description="False for a while after an outage of the service itself: nobody knows then who is active, and nothing is concluded.",
    )


class GroupProgress(FleetResource):
    """How far a Group is. It has the Group's name, and stays when the Group is deleted."""

    kind: ClassVar[str] = "GroupProgress"
    plural: ClassVar[str] = "groupprogresses"

    spec: GroupProgressSpec
    status: GroupProgressStatus
