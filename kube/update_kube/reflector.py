"""Does our picture of one kind of object still match the API server's? A Reflector keeps it so.

A complete paged list, then a watch from there, opened anew when it is silent; whenever it is broken or too old, and every
few minutes regardless, list again and emit the differences. So an object that was deleted while nobody listened doesn't live on.
store.py decides what an event changes; this module decides when to ask.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import logging
import math
import random
import time
from collections.abc import Callable, Mapping

from update_kube import backoff, client, errors, store, watching
from update_kube.resources import ResourceType
from update_kube.store import Change, ChangeKind, Key, Object

__all__ = ["Change", "ChangeKind", "Counters", "Heard", "Key", "Object", "Reflector", "State"]

logger = logging.getLogger(__name__)

# The server ends a watch by itself after a while; a little later than we would, so that the regular end is ours.
_SERVER_SLACK_SECONDS = 5

# A watch that ends regularly before this without having said anything is a fault: something in between that answers
# 200 and hangs up would otherwise be asked again without a pause.
_SHORTEST_WATCH_SECONDS = 1.0


class State(enum.Enum):
    """What a Reflector is at: only WATCHING hears of changes."""

    LISTING = "Listing"
    WATCHING = "Watching"
    WAITING = "Waiting"
    STOPPED = "Stopped"


class Heard(enum.Enum):
    """What was heard of the API server. LIST then WATCH, or BOOKMARK: our picture is whole as of now."""

    PAGE = "Page"
    """A page of a list; the others may still fail."""
    LIST = "List"
    """A complete list has been taken in."""
    WATCH = "Watch"
    """A watch has been opened; it may yet say nothing."""
    EVENT = "Event"
    """Something changed; more may be outstanding."""
    BOOKMARK = "Bookmark"
    """Everything up to now has been said."""


@dataclasses.dataclass(slots=True)
class Counters:
    """How often something happened since the start; callers export them as metrics.

    `relists`: complete lists, the first included. `reconnects`: watches opened after the first. `silences`: watches
    left because nothing came. `gone`: 410 answers. `dropped_events`: late or duplicated. `failures`: lists and watches
    that ended in an error.
    """

    relists: int = 0
    reconnects: int = 0
    silences: int = 0
    gone: int = 0
    dropped_events: int = 0
    failures: int = 0


class Reflector:
    """Mirrors one type of object, in one namespace or all, and reports each change once, in order.

    `objects` maps (namespace, name) to the object without managedFields; treat objects as read-only. `on_change` is
    called on the event loop and must not block; what it raises ends `run`. So are `on_heard`, whenever the API server was
    heard and after the changes that came with it, and `on_failure`, whenever a list or watch ended in an error.
    `relist_interval` is shortened by up to a tenth at random so that replicas don't list together. `clock` gives monotonic
    seconds, `jitter` numbers in [0, 1).
    """

    def __init__(
        self,
        kube: client.Client,
        resource: ResourceType,
        *,
        namespace: str | None = None,
        page_size: int = client.PAGE_SIZE,
        label_selector: str | None = None,
        field_selector: str | None = None,
        inactivity_timeout: float = 70.0,
        relist_interval: float = 300.0,
        on_change: Callable[[Change], None] = lambda _change: None,
        on_heard: Callable[[Heard], None] = lambda _heard: None,
        on_failure: Callable[[errors.KubeError], None] = lambda _error: None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        pauses: backoff.Backoff | None = None,
    ) -> None:
        self.resource = resource
        self.counters = Counters()
        self.state = State.STOPPED
        self.synced = asyncio.Event()
        self.last_contact: float | None = None
        self.last_error: errors.KubeError | None = None
        self._kube = kube
        self._namespace = namespace
        self._page_size = page_size
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._inactivity_timeout = inactivity_timeout
        self._relist_interval = relist_interval
        self._on_change = on_change
        self._on_heard = on_heard
        self._on_failure = on_failure
        self._clock = clock
        self._jitter = jitter
        self._pauses = pauses if pauses is not None else backoff.Backoff(jitter=jitter)
        self._store = store.Store()
        self._watched_before = False

    @property
    def objects(self) -> Mapping[Key, Object]:
        """What is there as far as we know; a live view. Not complete before `synced` is set."""
        return self._store.objects

    def silence(self) -> float:
        """Seconds since the API server was last heard: a list, an event or a bookmark. Infinite before the first."""
        return math.inf if self.last_contact is None else self._clock() - self.last_contact

    async def wait_synced(self, timeout: float) -> None:  # noqa: ASYNC109 - its expiry is an error with a reason
        """Wait for the first complete list. Raises NotSynced, with the last error, after `timeout` seconds."""
        try:
            await asyncio.wait_for(self.synced.wait(), timeout)
        except TimeoutError as error:
            why = f": {self.last_error}" if self.last_error is not None else ""
            raise errors.NotSynced(f"no complete list of {self.resource.qualified} in {timeout:g} s{why}") from error

    async def run(self) -> None:
        """Keep the picture right until cancelled. Errors of the API server never end it; those of `on_change` do."""
        failures = 0
        try:
            while True:
                started = self._clock()
                try:
                    await self._list_and_watch()
                    failures = 0
                except errors.Gone as error:
                    self.counters.gone += 1
                    # Listing anew is the remedy, at once; but not in a tight loop if the server says so again.
                    failures = self._failed(error, failures, started)
                    await self._wait(self._pauses.pause(failures) if failures > 1 else 0.0)
                except errors.KubeError as error:
                    failures = self._failed(error, failures, started)
                    await self._wait(self._pauses.pause(failures, getattr(error, "retry_after", None)))
        finally:
            self.state = State.STOPPED

    def _failed(self, error: errors.KubeError, failures: int, started: float) -> int:
        repeated = failures > 0 and str(error) == str(self.last_error)
        self.last_error = error
        self.counters.failures += 1
        lasted = self._clock() - started
        failures = 1 if lasted >= self._pauses.settled else failures + 1
        logger.log(
            _level(failures, repeated=repeated),
            "%s: %s (failure %d, after %.1f s)",
            self.resource.qualified,
            error,
            failures,
            lasted,
        )
        self._on_failure(error)
        return failures

    async def _wait(self, seconds: float) -> None:
        self.state = State.WAITING
        await asyncio.sleep(seconds)

    async def _list_and_watch(self) -> None:
        """One complete list, then watches until the next list is due. Raises KubeError as soon as one is broken."""
        revision = await self._list()
        relist_at = self._clock() + self._relist_interval * (1.0 - self._jitter() / 10)
        while (remaining := relist_at - self._clock()) > 0:
            revision = await self._watch(revision, relist_at, remaining)

    async def _list(self) -> int:
        self.state = State.LISTING
        items, version = await self._kube.list_all(
            self.resource,
            self._namespace,
            page_size=self._page_size,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            on_page=lambda: self._heard(Heard.PAGE),
        )
        revision = watching.revision({"metadata": {"resourceVersion": version}})
        self.counters.relists += 1
        for change in self._store.replace(items, revision):
            self._on_change(change)
        self.synced.set()
        self._heard(Heard.LIST)
        return revision

    async def _watch(self, revision: int, relist_at: float, remaining: float) -> int:
        """Follow one watch to its regular end, or until the next list is due; the revision to go on from."""
        async with self._kube.watch(
            self.resource,
            self._namespace,
            resource_version=str(revision),
            timeout_seconds=math.ceil(remaining) + _SERVER_SLACK_SECONDS,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        ) as stream:
            self.counters.reconnects += self._watched_before
            self._watched_before = True
            self.state = State.WATCHING
            self._heard(Heard.WATCH)
            opened, since = self._clock(), revision
            while (remaining := relist_at - self._clock()) > 0:
                within = min(self._inactivity_timeout, remaining)
                try:
                    events = await stream.next_events(within)
                except TimeoutError:
                    # Silent until the next list is due, or for too long: half-open, or only a bookmark that is late
                    # (the first one of an idle type may take two minutes). A new watch from here misses nothing.
                    self.counters.silences += within >= self._inactivity_timeout
                    break
                if events is None:
                    if self._clock() - opened < _SHORTEST_WATCH_SECONDS and revision == since:
                        raise errors.Unreachable("the watch ended as soon as it began")
                    break
                revision = max(revision, self._take(events))
                self._heard(Heard.BOOKMARK if events[-1].type is watching.EventType.BOOKMARK else Heard.EVENT)
        return revision

    def _take(self, events: list[watching.Event]) -> int:
        newest = 0
        for event in events:
            newest = max(newest, event.resource_version)
            if event.type is watching.EventType.BOOKMARK:
                continue
            changes = self._store.update(event)
            if changes is None:
                self.counters.dropped_events += 1
                continue
            for change in changes:
                self._on_change(change)
        return newest

    def _heard(self, what: Heard) -> None:
        self.last_contact = self._clock()
        self._on_heard(what)


def _level(failures: int, *, repeated: bool) -> int:
    """A first failure is no news, a second is; the same again and again is told rarer and rarer."""
    if failures == 1:
        return logging.INFO
    return logging.DEBUG if repeated and failures & (failures - 1) else logging.WARNING
