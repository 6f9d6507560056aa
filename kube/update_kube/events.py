"""What happened to an object, for `kubectl get events` and `kubectl describe`: events.k8s.io/v1, aggregated.

`record` only puts a note into a bounded queue; `run` writes. Something that repeats becomes one Event with a series
(count, last time), not a new Event each time. Events are for people and best effort: when the queue overflows or the
API server refuses, they are dropped and counted, and nothing waits for them.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime as dt
import enum
import hashlib
import logging
import re
import time
from collections.abc import Callable
from typing import Any

from update_kube import backoff, client, errors, microtime
from update_kube.resources import EVENTS

logger = logging.getLogger(__name__)

NOTE_BYTES = 1024
"""The API server refuses longer notes."""

# Events about cluster-scoped objects live here, as with client-go.
_CLUSTER_NAMESPACE = "default"

_NAME_LENGTH = 253
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_INSTANCE_LENGTH = 128


class EventType(enum.Enum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclasses.dataclass(slots=True)
class Counters:
    """`recorded` calls; Events `written` (created or counted up); occurrences `dropped` by overflow or refusal."""

    recorded: int = 0
    written: int = 0
    dropped: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class _Key:
    """What makes two occurrences the same story."""

    namespace: str
    regarding: tuple[tuple[str, str], ...]
    type: EventType
    reason: str
    action: str
    note: str


@dataclasses.dataclass(slots=True)
class _Series:
    """How often it happened, and under which name that was written (None: not yet)."""

    count: int
    first_at: dt.datetime
    last_at: dt.datetime
    touched: float
    name: str | None = None
    written_at: float = float("-inf")


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
        self._instance = instance[:_INSTANCE_LENGTH]
        self._capacity = capacity
        self._window = window
        self._series_interval = series_interval
        self._clock = clock
        self._now = now
        self._pauses = pauses if pauses is not None else backoff.Backoff()
        self._series: collections.OrderedDict[_Key, _Series] = collections.OrderedDict()
        # What is to be written, with how many occurrences each adds; the oldest goes first in both senses.
        self._pending: collections.OrderedDict[_Key, int] = collections.OrderedDict()
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
        metadata = regarding.get("metadata") or {}
        reference = {
            "apiVersion": regarding.get("apiVersion"),
            "kind": regarding.get("kind"),
            "namespace": metadata.get("namespace"),
            "name": metadata.get("name"),
            "uid": metadata.get("uid"),
        }
        key = _Key(
            str(metadata.get("namespace") or _CLUSTER_NAMESPACE),
            tuple((field, str(value)) for field, value in reference.items() if value),
            EventType(type_),
            reason,
            action,
            _cut(note, NOTE_BYTES),
        )
        self._pending[key] = self._pending.get(key, 0) + 1
        self._count(key)
        while len(self._pending) > self._capacity:
            _, lost = self._pending.popitem(last=False)
            self.counters.dropped += lost
        self._idle.clear()
        self._wake.set()

    def _count(self, key: _Key) -> None:
        moment, clock = self._now(), self._clock()
        series = self._series.get(key)
        if series is None or clock - series.touched > self._window:
            series = self._series[key] = _Series(0, moment, moment, clock)
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
                logger.warning("event %s about %s is lost: %s", key.reason, dict(key.regarding).get("name"), error)
            else:
                failures = 0

    def _next(self) -> tuple[_Key | None, float | None]:
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

    def _keep(self, key: _Key, occurrences: int) -> None:
        """Put back what couldn't be written, in its old place: before all that came later."""
        self._pending[key] = self._pending.get(key, 0) + occurrences
        self._pending.move_to_end(key, last=False)

    async def _write(self, key: _Key) -> None:
        series = self._series.get(key)
        if series is None:
            moment = self._now()
            series = _Series(1, moment, moment, self._clock())
        series.written_at = self._clock()
        if series.name is not None:
            try:
                await self._kube.merge_patch(EVENTS, series.name, {"series": _series(series)}, key.namespace)
            except errors.NotFound:
                # Events expire (an hour by default): tell the story again.
                series.name = None
        if series.name is None:
            name = _name(key, series)
            try:
                await self._kube.create(EVENTS, self._event(key, series, name))
            except errors.AlreadyExists:
                # An answer got lost on the way, and the event was written after all.
                logger.debug("event %s was there already", name)
            series.name = name
        self.counters.written += 1

    def _event(self, key: _Key, series: _Series, name: str) -> dict[str, Any]:
        event: dict[str, Any] = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": key.namespace},
            "eventTime": microtime.text(series.first_at),
            "reportingController": self._controller,
            "reportingInstance": self._instance,
            "type": key.type.value,
            "reason": key.reason,
            "action": key.action,
            "regarding": dict(key.regarding),
            "note": key.note,
        }
        if series.count > 1:
            event["series"] = _series(series)
        return event


def _series(series: _Series) -> dict[str, Any]:
    return {"count": series.count, "lastObservedTime": microtime.text(series.last_at)}


def _name(key: _Key, series: _Series) -> str:
    """`<object's name>.<hash>`: unique per story and start, and the same again when a write is repeated."""
    told = repr((key, series.first_at)).encode()
    suffix = "." + hashlib.sha256(told).hexdigest()[:16]
    stem = dict(key.regarding).get("name", "").lower()[: _NAME_LENGTH - len(suffix)].rstrip(".-")
    if not _SUBDOMAIN.fullmatch(stem):
        # Some kinds allow more: ClusterRoles are called system:node.
        stem = re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "unnamed"
    return stem + suffix


def _cut(text: str, limit: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    mark = "…"
    return encoded[: limit - len(mark.encode())].decode("utf-8", "ignore") + mark
