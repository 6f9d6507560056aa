"""What is kept of an instance that was heard? What it said, what it was answered, and what the store knows of its past."""

import sys
from dataclasses import dataclass
from datetime import datetime

from update_core.fleet.attributes import Attributes
from update_core.fleet.store import InstanceRecord, Sighting
from update_core.rollout.model import Attempts

InstanceKey = tuple[str, str]
"""(app_id, instance_id)."""


@dataclass(slots=True)
class Known:
    """An instance as it was last heard and as the store has it."""

    track: str
    version: str
    attributes: Attributes
    alias: str
    boot_id: str
    last_seen: datetime
    refusal: str = ""
    """What it was answered last: a reason, OFFERED, or empty while it hasn't asked."""
    boots_at_random: bool = False
    """Whether its boot id changes without a boot, and says nothing therefore."""
    first_seen: datetime | None = None
    """By the store's clock; None where the store has yet to say whether it was seen before."""
    attempts: tuple[Attempts, ...] = ()
    """Its failures. The one empty tuple for all that had none, and those are nearly all."""

    def __post_init__(self) -> None:
        # Thousands of instances have the same: one object for all is less memory, and equal at a glance.
        self.version, self.alias = sys.intern(self.version), sys.intern(self.alias)
        self.track = sys.intern(self.track)


def sighting(key: InstanceKey, known: Known) -> Sighting:
    """The record in the form that the store takes."""
    app_id, instance_id = key
    return Sighting(
        app_id=app_id,
        instance_id=instance_id,
        track=known.track,
        version=known.version,
        at=known.last_seen,
        attributes=known.attributes,
        alias=known.alias,
        boot_id=known.boot_id,
        refusal=known.refusal,
    )


def from_record(record: InstanceRecord) -> Known:
    """The record that the store has."""
    return Known(
        record.track,
        record.version,
        record.attributes,
        record.alias,
        record.boot_id,
        record.last_seen,
        sys.intern(str(record.last_refusal)),
        first_seen=record.first_seen,
        attempts=record.attempts,
    )
