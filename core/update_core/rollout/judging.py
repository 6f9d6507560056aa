"""Do the failures halt a rollout? Judged with each outcome, from counts that the transaction which records it has at hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from update_core.rollout.plan import HaltOn, HaltReason

RECENT = 100
"""The last outcomes that are looked at, whatever wave they are of."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Distinct established instances by their latest outcome."""

    succeeded: int = 0
    failed: int = 0

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """Too many failed: which bound was reached, and the numbers for people."""

    reason: HaltReason
    message: str


def share(percent: int, samples: int, halt_on: HaltOn) -> int:
    """How many of so many outcomes may come from one network that may have a percentage of them: of the first ones, as many as if there
    were enough to judge by, and at least one."""
    return max(1, percent * max(samples, halt_on.min_samples) // 100)


def judge(halt_on: HaltOn, wave: str, tally: Tally, recent: Sequence[bool]) -> Verdict | None:
    """Whether the rollout halts now; None where it goes on.

    `tally` is the current wave's, `recent` the last outcomes in the order of commits, latest first, True for a failure: at least
    `RECENT` of them, or all there are. Each is of another instance.
    """
    run = halt_on.consecutive_failures
    if run is not None and len(recent) >= run and all(recent[:run]):
        return Verdict(HaltReason.CONSECUTIVE_FAILURES, f"The last {run} instances failed, one after the other.")
    if halt_on.failure_percent is None:
        return None
    last = recent[:RECENT]
    failed = sum(last)
    named = f"in wave {wave}" if wave else "in this rollout"
    for what, counted in ((named, tally), (f"of the last {len(last)}", Tally(len(last) - failed, failed))):
        if _too_many(halt_on, counted):
            return Verdict(
                HaltReason.FAILURE_PERCENT,
                f"{counted.failed} of {counted.samples} instances failed {what}; {halt_on.failure_percent} percent halt it.",
            )
    return None


def _too_many(halt_on: HaltOn, counted: Tally) -> bool:
    if halt_on.failure_percent is None or counted.samples < halt_on.min_samples:
        return False
    return counted.failed * 100 >= halt_on.failure_percent * counted.samples
