"""What happened to an object, for `kubectl get events` and `kubectl describe`: events.k8s.io/v1, aggregated.

`record` only puts a note into a bounded queue; `run` writes. Something that repeats becomes one Event with a series
(count, last time), not a new Event each time. Events are for people and best effort: when the queue overflows or the
API server refuses, they are dropped and counted, and nothing waits for them.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any

from update_kube import backoff, client, errors, event_bodies
from update_kube.event_bodies import NOTE_BYTES, EventType, Series, Story
from update_kube.resources import EVENTS

__all__ = ["NOTE_BYTES", "Counters", "EventType", "Recorder"]

logger = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class Counters:
    """`recorded` calls; Events `written` (created or counted up); occurrences `dropped` by overflow or refusal."""

    recorded: int = 0
    written: int = 0
    dropped: int = 0


class Recorder:
    """Records Events about objects on behalf of one controller.

    `controller` is the reporting component (`updateservice.dev/operator`), `instance` the process (a pod's name).
    Equal occurrences within `window` seconds of each other are one series, written at most once per `series_interval`
    seconds. At most `capacity` stories are remembered; `clock` gives monotonic seconds, `now` wall time.
    """

    def __init__(
        self,
        kube: client.Client,
        *,
        controller: str,
        instance: str,
        capacity: int = 1000,
        window: float = 360.0,
        series_interval: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        pauses: backoff.Backoff | None = None,
    ) -> None:
        self.counters = Counters()
        self._kube = kube
        self._controller = controller
        self._instance = instance
        self._capacity = capacity
        self._window = window
        self._series_interval = series_interval
        self._clock = clock
        self._now = now
        self._pauses = pauses if pauses is not None else backoff.Backoff()
        self._series: collections.OrderedDict[Story, Series] = collections.OrderedDict()
        # What is to be written, with how many occurrences each adds; the oldest goes first in both senses.
        self._pending: collections.OrderedDict[Story, int] = collections.OrderedDict()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def record(
        self,
        regarding: dict[str, Any],
        type_: EventType | str,
        reason: str,
        action: str,
        note: str,
    ) -> None:
        """Note that something happened to the object `regarding`. Returns at once and never raises for what the API
        server may say later; call it on the event loop.

        `reason` and `action` are CamelCase words (why, and what was done); a `note` beyond NOTE_BYTES is cut.
        """
        self.counters.recorded += 1
        key = event_bodies.story(regarding, type_, reason, action, note)
        self._pending[key] = self._pending.get(key, 0) + 1
        self._count(key)
        while len(self._pending) > self._capacity:
            _, lost = self._pending.popitem(last=False)
            self.counters.dropped += lost
        self._idle.clear()
        self._wake.set()

    def _count(self, key: Story) -> None:
        moment, clock = self._now(), self._clock()
        series = self._series.get(key)
        if series is None or clock - series.touched > self._window:
            series = self._series[key] = Series(0, moment, moment, clock)
        series.count += 1
        series.last_at, series.touched = moment, clock
        self._series.move_to_end(key)
        while len(self._series) > self._capacity:
            self._series.popitem(last=False)

    async def drain(self, within: float) -> bool:
        """Wait until everything recorded was written or dropped; False if that took longer than `within` seconds."""
        try:
            await asyncio.wait_for(self._idle.wait(), within)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write what is recorded until cancelled; errors of the API server never end it."""
        failures = 0
        while True:
            key, wait = self._next()
            if key is None:
                await self._sleep(wait)
                continue
            occurrences = self._pending.pop(key)
            try:
                await self._write(key)
            except (errors.Unreachable, errors.ServerError, errors.TooManyRequests) as error:
                failures += 1
                self._keep(key, occurrences)
                await asyncio.sleep(self._pauses.pause(failures, getattr(error, "retry_after", None)))
            except errors.KubeError as error:
                # Refused for good: a namespace that is going away, a missing right.
                self.counters.dropped += occurrences
                logger.warning("event %s about %s is lost: %s", key.reason, key.subject, error)
            else:
                failures = 0

    def _next(self) -> tuple[Story | None, float | None]:
        """The oldest that may be written now; else how long until one may be (None: nothing is pending)."""
        wait: float | None = None
        for key in self._pending:
            series = self._series.get(key)
            due = 0.0 if series is None else series.written_at + self._series_interval - self._clock()
            if due <= 0:
                return key, None
            wait = due if wait is None else min(wait, due)
        return None, wait

    async def _sleep(self, seconds: float | None) -> None:
        if seconds is None:
            self._idle.set()
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _keep(self, key: Story, occurrences: int) -> None:
        """Put back what couldn't be written, in its old place: before all that came later."""
        self._pending[key] = self._pending.get(key, 0) + occurrences
        self._pending.move_to_end(key, last=False)

    async def _write(self, key: Story) -> None:
        series = self._series.get(key)
        if series is None:
            moment = self._now()
            series = Series(1, moment, moment, self._clock())
        if series.name is not None:
            try:
                await self._kube.merge_patch(EVENTS, series.name, {"series": series.field()}, key.namespace)
            except errors.NotFound:
                # Events expire (an hour by default): tell the story again.
                series.name = None
        if series.name is None:
            event = event_bodies.body(key, series, controller=self._controller, instance=self._instance)
            # Already there: an answer got lost on the way, and the event was written after all.
            with contextlib.suppress(errors.AlreadyExists):
                await self._kube.create(EVENTS, event)
            series.name = event["metadata"]["name"]
        # Only what was written waits for its interval; what failed is tried again after a pause.
        series.written_at = self._clock()
        self.counters.written += 1
