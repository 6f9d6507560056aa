"""How is what a watch tells written? A line of JSON for each event, in the form that its client asked for."""

from typing import Any

import pydantic_core

from omaha_api.clock import Clock
from omaha_api.fleet_api import negotiation, tables
from omaha_api.fleet_api.changes import Entry, EventType
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.objects import Object
from omaha_api.fleet_api.statuses import ApiError
from update_core.fleet.reading import Placement, resource_version
from update_core.resources.fleet.base import API_VERSION

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""The annotation of the bookmark that says: what was there when the watch began has been told."""

_LINES = {type_: b'{"type":"%s","object":%%b}\n' % type_.encode() for type_ in EventType}


class WatchLines:
    """The lines of one watch."""

    def __init__(self, kind: Kind, negotiated: Negotiated, epoch: int, clock: Clock) -> None:
        self._kind = kind
        self._negotiated = negotiated
        self._epoch = epoch
        self._clock = clock
        self._columns_sent = False

    def change(self, entry: Entry, type_: EventType, placement: Placement) -> bytes:
        """A change of the log; nothing where its object has no name."""
        if not self._negotiated.as_:
            return _LINES[type_] % entry.json(placement, self._epoch)
        obj = entry.object(placement, self._epoch)
        return self.event(type_, obj) if obj is not None else b""

    def event(self, type_: EventType, obj: Object) -> bytes:
        """An object. The first Table has the columns, and is the only one that has."""
        columns, self._columns_sent = not self._columns_sent, True
        return _line(type_, tables.transform(self._kind, obj, self._negotiated, self._clock(), columns=columns))

    def bookmark(self, revision: int, *, ends_state: bool = False) -> bytes:
        """Everything up to a revision has been told."""
        metadata: Object = {"resourceVersion": str(resource_version(self._epoch, revision))}
        if ends_state:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        return _line(EventType.BOOKMARK, self._bare(metadata))

    def error(self, error: ApiError) -> bytes:
        """The last line of a watch that can't go on."""
        return _line(EventType.ERROR, error.to_wire())

    def _bare(self, metadata: Object) -> Object:
        """An object that is nothing but its metadata, in the form of the others."""
        match self._negotiated.as_:
            case negotiation.TABLE:
                return {
                    "kind": "Table", "apiVersion": tables.META_VERSION, "metadata": metadata,
                    "columnDefinitions": [], "rows": [],
                }  # fmt: skip
            case negotiation.PARTIAL:
                return {"kind": "PartialObjectMetadata", "apiVersion": tables.META_VERSION, "metadata": metadata}
            case _:
                return {"kind": self._kind.kind, "apiVersion": API_VERSION, "metadata": metadata}


def _line(type_: EventType, obj: Any) -> bytes:
    return _LINES[type_] % pydantic_core.to_json(obj)
