"""InstanceReset and InstanceForget: what a person may do to an instance. Created on it, done at once, and kept as an Event."""

from typing import ClassVar

from pydantic import Field

from update_core.resources.base import Model
from update_core.resources.fleet.base import FleetResource

MAX_USER = 256
"""Of a longer user name the beginning is kept."""


class ActionSpec(Model):
    """What the person wants said about it."""

    reason: str = Field(default="", max_length=256, description="Why, for whoever reads the Event.")


class ActionStatus(Model):
    """What was done."""

    user: str = Field(default="", max_length=MAX_USER, description="Who did it.")
    ended_version: str = Field(
        default="", max_length=128, description="The version of the update in flight that was ended, empty if none was."
    )


class InstanceReset(FleetResource):
    """Ends the instance's update in flight and forgets what came of its latest: at its next check it is decided about anew."""

    kind: ClassVar[str] = "InstanceReset"
    plural: ClassVar[str] = "instances"

    spec: ActionSpec = ActionSpec()
    status: ActionStatus = ActionStatus()


class InstanceForget(FleetResource):
    """Ends the instance's update in flight and removes the instance with its history; if it is heard again, it is a new one."""

    kind: ClassVar[str] = "InstanceForget"
    plural: ClassVar[str] = "instances"

    spec: ActionSpec = ActionSpec()
    status: ActionStatus = ActionStatus()
