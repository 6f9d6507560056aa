"""What does a watch get to hear? The present state if it asks for it, then each change of its selection, and bookmarks in between.

A bookmark, and every event, says: up to this resource version you have everything. A watch ends at its time, or when its store is away,
and its client goes on from there; an ERROR 410 Expired makes the client list again. Errors of a position are events and not HTTP answers,
as kube-apiserver's are: of client-go's watches some ask an HTTP 410 again for ever.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import Response

from omaha_api.fleet_api import initial_state, kinds, negotiation, statuses
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.changes import Entry, EventType, Selection
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.options import ListOptions
from omaha_api.fleet_api.selectors import Selector
from omaha_api.fleet_api.streaming import StreamedResponse
from omaha_api.fleet_api.watch_lines import WatchLines
from update_core.fleet.reading import REVISION_BITS, LogExpired, Position
from update_core.fleet.store import StoreUnavailable

BOOKMARK_SECONDS = {kinds.INSTANCES: 10.0, kinds.GROUPPROGRESSES: 2.0}
"""How often a watch hears that nothing happened. It is how the operator, which follows groupprogresses, notices that we are gone."""

_SHORTEST_SECONDS = 30 * 60
"""A watch without timeoutSeconds ends after this to twice this, so that they don't all come back together."""

_NOT_OLDER_THAN = "NotOlderThan"


async def response(
    api: FleetApi, kind: Kind, namespace: str | None, selector: Selector, options: ListOptions, negotiated: Negotiated
) -> Response:
    """The answer to a watch, which has been begun when this returns.

    Raises:
        ApiError: 422, options that don't go together.
        StoreUnavailable: it can't begin.
    """
    validate(options)
    position = await api.reader.position()
    watch = Watch(api, Selection(kind, namespace, selector, api.placements), options, negotiated, position)
    return StreamedResponse(watch.chunks(), content_type=negotiation.JSON)


def validate(options: ListOptions) -> None:
    """Refuse options that kube-apiserver refuses: ignoring sendInitialEvents would leave a client waiting for its end for ever.

    Raises:
        ApiError: 422.
    """
    match, causes = options.resource_version_match, []
    if options.send_initial_events is not None and match != _NOT_OLDER_THAN:
        why = f"sendInitialEvents requires setting resourceVersionMatch to {_NOT_OLDER_THAN}"
        causes.append(("resourceVersionMatch", why))
    if match and options.send_initial_events is None:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        causes.append(("resourceVersionMatch", why))
    if match and options.continue_:
        causes.append(("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    if causes:
        raise statuses.invalid("ListOptions", "", causes)


@dataclass(frozen=True, slots=True)
class Timing:
    """When a watch speaks and ends; tests bring their own. `monotonic` gives seconds, `jitter` numbers in [0, 1)."""

    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    bookmark_seconds: float | None = None


class Watch:
    """One watch, begun at a position. `chunks` gives its lines, several at a time."""

    def __init__(
        self,
        api: FleetApi,
        selection: Selection,
        options: ListOptions,
        negotiated: Negotiated,
        position: Position,
        timing: Timing | None = None,
    ) -> None:
        self._api = api
        self._selection = selection
        self._options = options
        self._write = WatchLines(selection.kind, negotiated, position.epoch, api.clock)
        self._position = position
        self._timing = timing or Timing()
        self._now = self._timing.monotonic
        self._every_seconds = self._timing.bookmark_seconds or BOOKMARK_SECONDS[selection.kind]

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Lines of JSON until the watch ends."""
        try:
            with self._api.feed.joined():
                async with aclosing(self._follow()) as chunks:
                    async for chunk in chunks:
                        yield chunk
        except LogExpired as error:
            yield self._write.error(statuses.expired(f"too old resource version: {error}"))
        except StoreUnavailable:
            # Without an event: the client asks again from where it was, and is told 503 until the store is back.
            return

    async def _follow(self) -> AsyncGenerator[bytes]:
        ends_at = self._now() + (self._options.timeout_seconds or _SHORTEST_SECONDS * (1 + self._timing.jitter()))
        at = self._start()
        if self._wants_state():
            async with aclosing(self._state()) as state:
                async for chunk in state:
                    yield chunk
                    if self._api.feed.closed:
                        return
            if self._options.allow_watch_bookmarks:
                yield self._write.bookmark(at, ends_state=True)
        async with aclosing(self._changes(at, ends_at)) as changes:
            async for chunk in changes:
                yield chunk

    async def _changes(self, at: int, ends_at: float) -> AsyncGenerator[bytes]:
        speaks_at = self._now() + self._every_seconds
        while (remaining := ends_at - self._now()) > 0 and not self._api.feed.closed:
            batch = await self._api.feed.after(at, max(0.0, min(speaks_at - self._now(), remaining)))
            await self._api.placements.current()
            lines, expired = await self._lines(batch.entries)
            at = batch.until
            if lines:
                yield lines
            if expired:
                yield self._write.error(
                    statuses.expired("too old resource version: objects are shown under other names now")
                )
                return
            if self._now() >= speaks_at:
                speaks_at = self._now() + self._every_seconds
                if self._options.allow_watch_bookmarks and self._api.feed.fresh:
                    yield self._write.bookmark(at)
        if self._options.allow_watch_bookmarks:
            yield self._write.bookmark(at)

    def _start(self) -> int:
        """The revision after which changes are told.

        Raises:
            LogExpired: some of them aren't kept any more, or it is a position of another store.
        """
        wanted = self._options.resource_version
        if self._wants_state() or not wanted:
            if wanted and wanted > self._position.resource_version(self._position.latest):
                raise LogExpired(f"{wanted} lies in the future")
            return self._position.latest
        revision = wanted - (self._position.epoch << REVISION_BITS)
        if not self._position.oldest <= revision <= self._position.latest:
            raise LogExpired(f"{wanted} ({self._position.resource_version(self._position.oldest)})")
        return revision

    def _wants_state(self) -> bool:
        # A watch from nowhere has always begun with the present state, before there was an option to say so.
        if self._options.send_initial_events is not None:
            return self._options.send_initial_events
        return not self._options.resource_version

    async def _state(self) -> AsyncGenerator[bytes]:
        async for found in initial_state.objects(self._api, self._selection, self._position):
            async with self._api.feed.working:
                lines = [self._write.event(EventType.ADDED, obj) for obj in found]
                await asyncio.sleep(0)
            if lines:
                yield b"".join(lines)

    async def _lines(self, entries: Sequence[Entry]) -> tuple[bytes, bool]:
        """The lines of these changes, and whether one of them says that names have moved."""
        lines: list[bytes] = []
        if not entries:
            return b"", False
        async with self._api.feed.working:
            for entry in entries:
                if self._selection.ended_by(entry.change):
                    return b"".join(lines), True
                event = self._selection.event(entry.change)
                if event is not None:
                    lines.append(self._write.change(entry, *event))
            # With the lock held: one batch of one watch, then whoever else waits for the event loop.
            await asyncio.sleep(0)
        return b"".join(lines), False
