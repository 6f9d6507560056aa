"""Which object is next? A de-duplicating queue: one key waits once, is worked on by one worker at a time, and is retried later and later.

A key that is added while it is being worked on comes again afterwards. Two lanes: what people or the cluster changed goes before what
is only counted or looked at again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """A queue of keys for several workers on one event loop.

    Retries wait base · 2^(failures-1) seconds, at most `max_delay_seconds`, times a random factor between a half and one.
    """

    def __init__(
        self, jitter: Callable[[], float], *, base_delay_seconds: float = 0.05, max_delay_seconds: float = 60.0
    ) -> None:
        self._jitter = jitter
        self._base = base_delay_seconds
        self._max = max_delay_seconds
        self._lanes: tuple[deque[K], deque[K]] = (deque(), deque())
        self._waiting: dict[K, bool] = {}
        """Key → whether it waits in the front lane."""
        self._working: set[K] = set()
        self._again: dict[K, bool] = {}
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: K, *, background: bool = False) -> None:
        """Let a key be worked on as soon as a worker is free."""
        if key in self._working:
            self._again[key] = self._again.get(key, False) or not background
            return
        front = self._waiting.get(key)
        if front or (front is not None and background):
            return
        # A key that moves to the front lane leaves a stale entry in the other one, which `get` skips.
        self._waiting[key] = not background
        self._lanes[1 if background else 0].append(key)
        self._wakeup.set()

    def add_after(self, key: K, seconds: float, *, background: bool = True) -> None:
        """Let a key be looked at again in a while; an earlier such wish for the same key stands."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + seconds:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key, background)

    def retry(self, key: K, *, at_least_seconds: float = 0.0) -> float:
        """Let a key that failed be worked on again after a back-off. Returns the seconds until then."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(self._max, self._base * 2.0 ** min(failures - 1, 30)) * (0.5 + self._jitter() / 2)
        delay = max(delay, at_least_seconds)
        self.add_after(key, delay, background=False)
        return delay

    def succeeded(self, key: K) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; it is this worker's until `done`."""
        while True:
            for lane, keys in enumerate(self._lanes):
                while keys:
                    key = keys.popleft()
                    if self._waiting.get(key) is (lane == 0):
                        del self._waiting[key]
                        self._working.add(key)
                        return key
            self._wakeup.clear()
            await self._wakeup.wait()

    def done(self, key: K) -> None:
        """Hand a key back."""
        self._working.discard(key)
        front = self._again.pop(key, None)
        if front is not None:
            self.add(key, background=not front)

    def close(self) -> None:
        """Drop what waits for a time."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _due(self, key: K, background: bool) -> None:
        self._timers.pop(key, None)
        self.add(key, background=background)
