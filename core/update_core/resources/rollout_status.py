"""How far is a rollout? What the operator keeps of it in Group.status: which waves are open, whether it is halted, what came before."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from update_core.resources.base import Model
from update_core.resources.package import PackageVersion
from update_core.resources.rollout_policy import (
    MAX_COUNT,
    MAX_DEPENDENCIES,
    MAX_REQUIREMENTS,
    MAX_WAVES,
    Requirement,
    Salt,
    WaveName,
)

MAX_HISTORY = 20
PPM = 1_000_000


class OpenWave(Model):
    """A wave that has been opened, as it was then: what becomes of it in spec doesn't narrow it."""

    name: WaveName
    threshold: int | None = Field(
        default=None, ge=0, le=PPM, description="Its percent in parts per million. Absent: it has a cap."
    )
    cap: int | None = Field(default=None, ge=1, le=MAX_COUNT, description="Its instances. Absent: it has a threshold.")
    match: list[Requirement] = Field(
        default_factory=list, max_length=MAX_REQUIREMENTS, description="Which instances it is for. Empty: all."
    )
    opened_time: datetime = Field(description="When it was opened.")
    expected: int = Field(
        default=0,
        ge=0,
        le=MAX_COUNT,
        description="How many active instances were to be moved by it when it was opened.",
    )
    settled_time: datetime | None = Field(
        default=None, description="When enough of them had succeeded or failed; its bake began then."
    )
    settled_after_stopped_seconds: int = Field(
        default=0, ge=0, le=2**53 - 1, description="status.rollout.stoppedSeconds at that moment."
    )


class LinearState(Model):
    """A rollout whose share grows all the time."""

    start_threshold: int = Field(ge=0, le=PPM, description="The share that it began with, in parts per million.")
    duration_seconds: int = Field(ge=1, le=2**31 - 1, description="In how many seconds everybody may move.")
    percent: str | None = Field(
        default=None, max_length=16, description="The share of the instances that may move by now, for people."
    )


class ErrorCount(Model):
    """How often an error was reported."""

    code: int = Field(ge=-(2**53) + 1, le=2**53 - 1, description="The errorcode as the instances sent it.")
    count: int = Field(ge=1, le=MAX_COUNT, description="How many instances sent it.")


class Halted(Model):
    """The rollout was halted by its failures."""

    time: datetime = Field(description="When the failure that decided it was recorded.")
    reason: Literal["FailurePercent", "ConsecutiveFailures"] = Field(description="Which bound of haltOn was reached.")
    message: str = Field(max_length=1024, description="The numbers that decided it.")
    wave: str = Field(default="", max_length=63, description="The wave that was looked at.")
    errors: list[ErrorCount] = Field(
        default_factory=list, max_length=5, description="The errors that were reported most, with their counts."
    )


class SoakingDependency(Model):
    """A Group of dependsOn that is far enough."""

    group: str = Field(min_length=1, max_length=253, description="metadata.name of the Group.")
    since: datetime = Field(description="Since when it has been without a break.")


class Rollout(Model):
    """One attempt to bring the Group to a version."""

    sequence: int = Field(
        ge=1, le=2**62, description="Number of the rollout. For a track of an application it only ever rises."
    )
    version: PackageVersion
    kind: Literal["Update", "Rollback"] = Field(
        default="Update", description="Update: instances move up to the channel's version. Rollback: they move back."
    )
    from_version: PackageVersion | None = Field(
        default=None, description="Of a Rollback: the version that was halted, whose instances are moved back."
    )
    salt: Salt = Field(
        description="Random text of this rollout; with it an instance's id decides its place in the order."
    )
    changed_by: str | None = Field(
        default=None, max_length=128, description="The field manager that made the channel name its version."
    )
    started_time: datetime = Field(description="When the rollout was begun.")
    completed_time: datetime | None = Field(
        default=None,
        description="When the active instances were found on the target. It stays, whatever instances appear later.",
    )
    open: list[OpenWave] | None = Field(
        default=None,
        max_length=MAX_WAVES + 1,
        description="The waves that are open, in the order in which they were opened. An empty list lets nobody move; without "
        "any list everybody may.",
    )
    linear: LinearState | None = Field(default=None, description="Of a rollout whose share grows all the time.")
    epoch: int = Field(
        default=0, ge=0, le=MAX_COUNT, description="How often it was resumed. Outcomes count since the last time."
    )
    halted: Halted | None = Field(default=None, description="Absent while it isn't halted by its failures.")
    stopped_seconds: int = Field(
        default=0,
        ge=0,
        le=2**53 - 1,
        description="For how many seconds it has stood still (paused, halted or frozen), up to stoppedSince.",
    )
    stopped_since: datetime | None = Field(
        default=None, description="Since when it stands still. Absent while it doesn't."
    )
    dependencies_met_time: datetime | None = Field(
        default=None, description="When the groups of dependsOn were all far enough. It stays."
    )
    soaking: list[SoakingDependency] = Field(
        default_factory=list, max_length=MAX_DEPENDENCIES, description="Those that are far enough, before all are."
    )


class PastRollout(Model):
    """A rollout that has ended."""

    sequence: int = Field(ge=1, le=2**62, description="Its number.")
    version: PackageVersion
    kind: Literal["Update", "Rollback"] = Field(default="Update", description="Which way its instances moved.")
    outcome: Literal["Promoted", "Superseded", "Halted", "RolledBack"] = Field(
        description="Promoted: it was completed. Superseded: another took its place before. Halted: it was halted then. RolledBack: "
        "its failures halted it, and its instances were moved back."
    )
    epoch: int = Field(default=0, ge=0, le=MAX_COUNT, description="How often it had been resumed.")
    started_time: datetime = Field(description="When it was begun.")
    ended_time: datetime = Field(description="When it was completed, or another took its place.")
    on_target: int = Field(default=0, ge=0, le=MAX_COUNT, description="Active instances on its version at that time.")
    failed: int = Field(default=0, ge=0, le=MAX_COUNT, description="Instances whose last attempt had failed.")
    changed_by: str | None = Field(
        default=None, max_length=128, description="The field manager that made the channel name its version."
    )
