"""When may counts be written? At most once per object in five seconds, and twenty a second over all; transitions don't ask.

Counts change all the time and nobody waits for them, but each write goes to etcd and to every watcher.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two writes of one object's counts, and how many objects' counts are written per second."""

    object_seconds: float = 5.0
    per_second: float = 20.0


class Pacer:
    """Remembers what was written when. `clock` gives monotonic seconds."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._written: dict[Hashable, float] = {}
        self._slots: dict[Hashable, float] = {}
        self._next_slot = clock()

    def delay(self, key: Hashable) -> float:
        """Seconds until counts of `key` may be written; 0: now. A slot is kept for the key, so that waiting keys needn't compete."""
        now = self._clock()
        slot = self._slots.get(key)
        if slot is None:
            free = max(self._next_slot, now)
            self._next_slot = free + 1.0 / self._pace.per_second
            slot = max(free, self._written.get(key, float("-inf")) + self._pace.object_seconds)
            self._slots[key] = slot
        return max(0.0, slot - now)

    def wrote(self, key: Hashable) -> None:
        """Counts went out, with a transition or alone."""
        self._written[key] = self._clock()
        self._slots.pop(key, None)

    def restart(self) -> None:
        """Everything will be looked at again: who waits may have nothing to write any more, and mustn't keep others waiting."""
        self._slots.clear()
        self._next_slot = self._clock()

    def forget(self, key: Hashable) -> None:
        """The object is gone."""
        self._written.pop(key, None)
        self._slots.pop(key, None)
