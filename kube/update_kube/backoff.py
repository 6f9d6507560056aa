"""How long to wait after the n-th failure in a row: exponential, capped, spread by jitter."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable


@dataclasses.dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses of base, 2·base, 4·base … up to `cap` seconds, each shortened by up to half.

    What ran for `settled` seconds before it failed counts as a first failure again: one lost connection a day is no
    reason to wait, one a second is. `jitter` gives numbers in [0, 1).
    """

    base: float = 0.5
    cap: float = 30.0
    settled: float = 30.0
    jitter: Callable[[], float] = random.random

    def pause(self, failures: int, asked: float | None = None) -> float:
        """Seconds to wait after the `failures`-th failure in a row (1 is the first), never less than `asked` for."""
        # 2**n of a process that failed all weekend would be a float overflow.
        grown = min(self.cap, self.base * 2.0 ** min(failures - 1, 32))
        return max(asked or 0.0, grown * (1.0 - self.jitter() / 2))
