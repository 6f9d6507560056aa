"""InstanceHistory: what became of an instance's updates, move by move."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from update_core.resources.base import MAX_SAFE_INTEGER, Model
from update_core.resources.fleet.base import FleetResource, Text

MAX_MOVES = 500


class Move(Model):
    """One change of state of one update."""

    time: datetime = Field(description="When.")
    track: Text = Field(description="The group's track at that time.")
    version: Text = Field(description="The version that was offered.")
    sequence: int = Field(ge=1, le=2**62, description="The rollout.")
    number: int = Field(
        ge=1, le=2**62, description="The update's number among those of the track: moves of one have the same."
    )
    from_state: str = Field(
        default="", max_length=32, description="The state before; empty where the update was given."
    )
    to_state: str = Field(max_length=32, description="The state after.")
    error_code: int | None = Field(
        default=None, ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER, description="The error code that the instance sent."
    )
    detail: str = Field(default="", max_length=128, description="More about it.")


class InstanceHistory(FleetResource):
    """What became of an instance's updates, oldest first; the latest few hundred moves."""

    kind: ClassVar[str] = "InstanceHistory"
    plural: ClassVar[str] = "instances"

    moves: list[Move] = Field(default_factory=list, max_length=MAX_MOVES, description="The moves, oldest first.")
