"""InstanceDecision: what would this instance be answered now, and which rule says so? Worked out when asked, kept nowhere."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from update_core.resources.base import Model
from update_core.resources.fleet.base import FleetResource, Text

MAX_MESSAGE = 2048
"""A message names the Group, its Channel and its Package, each of which may have 253 characters."""


class RuleVerdict(Model):
    """What one rule says."""

    rule: str = Field(max_length=64, description="The rule, named after the reason with which it refuses.")
    verdict: Literal["Passes", "Refuses", "Skipped"] = Field(
        description="Skipped: not asked, because an update that was offered already is offered again without using up a limit."
    )
    until: datetime | None = Field(
        default=None, description="For one that refuses: when that can change by itself, absent where nobody knows."
    )
    message: str = Field(
        default="",
        max_length=MAX_MESSAGE,
        description="Of one that refuses, for people: what holds, and what would change it.",
    )


class InstanceDecisionStatus(Model):
    """The answer, and how it came about."""

    answer: Literal["Offer", "Refusal", "NoGroup"] = Field(
        description="Whether the instance would be offered an update. NoGroup: no Group answers it, so that it is told "
        "error-unknownApplication."
    )
    reason: str = Field(default="", max_length=64, description="Of a refusal: the first rule that refuses.")
    message: str = Field(
        default="", max_length=MAX_MESSAGE, description="The answer for people: what holds, and what would change it."
    )
    until: datetime | None = Field(
        default=None,
        description="When a refusal can end by itself: the latest among all rules that refuse; absent where one of them doesn't know.",
    )
    offered_version: Text = Field(default="", description="The version that would be offered.")
    next_version: Text = Field(
        default="",
        description="The version that the instance is moved to next, now or later: a floor of its Channel, or the target. Empty where no "
        "path leads on.",
    )
    target_version: Text = Field(
        default="", description="The version to which the Group's rollout is; empty where none has begun."
    )
    repeated: bool = Field(
        default=False, description="Whether the offer is one that the instance holds already, and uses up no limit."
    )
    current_version: Text = Field(description="The version that the decision took the instance to run.")
    group: str = Field(
        default="", max_length=253, description="metadata.name of the Group that decides; empty where none does."
    )
    evaluated_time: datetime = Field(description="When this was worked out.")
    rules: list[RuleVerdict] = Field(
        default_factory=list, max_length=64, description="Every rule in the order in which they are asked."
    )


class InstanceDecision(FleetResource):
    """What an instance would be answered if it asked now. `?version=` asks for another version than the one that it runs."""

    kind: ClassVar[str] = "InstanceDecision"
    plural: ClassVar[str] = "instances"

    status: InstanceDecisionStatus
