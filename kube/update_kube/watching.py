"""The lines of a watch as typed events. What to do about them is reflector.py's business."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from update_kube import errors

# etcd refuses objects above 1.5 MiB; as JSON with managedFields they can be somewhat larger.
_MAX_LINE_BYTES = 16 * 1024 * 1024


class EventType(enum.Enum):
    """The types of the watch protocol, without ERROR, which is raised."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch. A bookmark's object has only its resourceVersion."""

    type: EventType
    object: dict[str, Any]

    @property
    def resource_version(self) -> int:
        """The object's resourceVersion; comparable within one resource type. Raises Unreachable if it isn't one."""
        return revision(self.object)


class Stream:
    """The events of one watch, as they come; `read` gives the next bytes of the answer, empty at its end."""

    def __init__(self, read: Callable[[], Awaitable[bytes]]) -> None:
        self._read = read
        self._buffer = bytearray()
        self._searched = 0

    async def next_events(self, within: float) -> list[Event] | None:
        """The events that came next (one or more), or None at the regular end of the watch.

        Raises TimeoutError if nothing came for `within` seconds, StatusError for an ERROR event (Gone above all), and
        Unreachable if the line isn't one that an API server writes.
        """
        async with asyncio.timeout(within):
            while True:
                events = [_event(line) for line in self._lines()]
                if events:
                    return events
                chunk = await self._read()
                if not chunk:
                    if self._buffer.strip():
                        raise errors.Unreachable("the watch ended in the middle of an event")
                    return None
                self._buffer += chunk
                if len(self._buffer) > _MAX_LINE_BYTES:
                    raise errors.Unreachable("the watch sent an event beyond all bounds")

    def _lines(self) -> Iterator[bytes]:
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            if line.strip():
                yield line
        self._searched = len(self._buffer)


def revision(obj: dict[str, Any]) -> int:
    """An object's resourceVersion as a number, as Kubernetes defines their order. Raises Unreachable if it has none."""
    text = (obj.get("metadata") or {}).get("resourceVersion", "")
    try:
        return int(text)
    except (TypeError, ValueError) as error:
        raise errors.Unreachable(f"an object came with the resourceVersion {text!r}, which is not a number") from error


def _event(line: bytes) -> Event:
    try:
        parsed = json.loads(line)
        kind, obj = parsed["type"], parsed["object"]
    except (ValueError, TypeError, KeyError) as error:
        raise errors.Unreachable("the watch sent a line that is not an event") from error
    if not isinstance(obj, dict):
        raise errors.Unreachable("the watch sent an event without an object")
    if kind == "ERROR":
        raise errors.from_watch_status(obj)
    try:
        return Event(EventType(kind), obj)
    except ValueError as error:
        raise errors.Unreachable(f"the watch sent an event of unknown type {kind!r}") from error
