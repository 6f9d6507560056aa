"""What is taken for granted of a fleet that is made up? Whatever a simulation doesn't know, it says here.

Shares are parts per million, so that nothing depends on how a machine rounds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from update_core.fleet import attributes
from update_core.fleet.attributes import Attributes

PPM = 1_000_000
MICROSECONDS = 1_000_000
"""Of a second: the clock counts in them."""

MAX_FLEET = 10_000_000


@dataclass(frozen=True, slots=True)
class Machines:
    """A part of the fleet that reports the same of its machines. Parts are to each other as their shares."""

    attributes: Attributes = attributes.NONE
    share: int = 1


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How the fleet and the people around it behave.

    Raises:
        ValueError: a number is out of its range.
    """

    fleet: int = 10_000
    """Instances that were known long before the rollout began."""
    from_version: str = "1.0.0"
    """What they run, and those that join."""
    started_at: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    until_seconds: int = 30 * 86400
    """For how long is looked at the rollout."""
    interval_seconds: int = 2700
    """How often an instance checks."""
    jitter_percent: int = 10
    """By how much of that it comes earlier or later, at most."""
    failure_ppm: int = 10_000
    """Of the updates that are given: those that the instance reports as failed, after the download."""
    silence_ppm: int = 0
    """Of the updates that are given: those whose instance is never heard again after the download."""
    download_seconds: int = 300
    """How long one takes; half to one and a half of it, all alike likely."""
    reboot_seconds: int = 600
    """How long after that an instance checks with the new version; as above."""
    leave_ppm: int = 0
    """Of the fleet in a day: instances that are never heard again."""
    join_ppm: int = 0
    """Of the fleet in a day: instances that appear for the first time."""
    reaction_seconds: int = 5
    """How often the operator looks at a rollout of which something has changed."""
    approval_seconds: int | None = 3600
    """How long a wave that has to be approved waits for it; None: for ever."""
    machines: tuple[Machines, ...] = (Machines(),)
    seed: int = 1
    """Decides everything that is left to chance."""

    def __post_init__(self) -> None:
        bounds: tuple[tuple[str, int, int, int], ...] = (
            ("fleet", self.fleet, 1, MAX_FLEET),
            ("time looked at", self.until_seconds, 1, 366 * 86400),
            ("interval", self.interval_seconds, 1, 30 * 86400),
            ("jitter", self.jitter_percent, 0, 50),
            ("failure rate", self.failure_ppm, 0, PPM),
            ("silence rate", self.silence_ppm, 0, PPM),
            ("download time", self.download_seconds, 0, 30 * 86400),
            ("reboot delay", self.reboot_seconds, 0, 30 * 86400),
            ("share that leaves in a day", self.leave_ppm, 0, PPM),
            ("share that joins in a day", self.join_ppm, 0, PPM),
            ("operator's reaction", self.reaction_seconds, 1, 86400),
            ("seed", self.seed, -(2**62), 2**62),
        )
        for name, value, least, most in bounds:
            if not least <= value <= most:
                raise ValueError(f"the {name} is {least} to {most}, not {value}")
        if not self.machines or any(part.share < 1 for part in self.machines):
            raise ValueError("the machines need parts, each with a share")

    @property
    def longest_gap_seconds(self) -> int:
        """Between two checks of one instance, at most."""
        return self.interval_seconds + -(-self.interval_seconds * self.jitter_percent // 100)
