"""What does a change of the log mean to a watch? An object came into its selection, changed there, or left it; or names moved.

A Selection is what a list and the watch that follows it have in common: one kind, in one namespace or all, as selectors want it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import pydantic_core

from omaha_api.fleet_api import kinds, objects
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.objects import Object
from omaha_api.fleet_api.selectors import Selector
from omaha_api.placements import Placements
from update_core.fleet.reading import Change, InstanceChange, Placement, PlacementChange, ProgressChange


class EventType(StrEnum):
    """The types of the watch protocol."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class Entry:
    """A change of the log as all watches share it: it is made into JSON once."""

    __slots__ = ("_json", "_placement", "change", "revision")

    def __init__(self, change: Change) -> None:
        self.change = change
        self.revision = change.revision
        self._placement: Placement | None = None
        self._json = b""

    def object(self, placement: Placement, epoch: int) -> Object | None:
        """The object after the change, or as it was last, with the change's resourceVersion; None if it has no name."""
        change = self.change
        if isinstance(change, InstanceChange):
            return objects.instance(replace(change.row, revision=change.revision), placement, epoch)
        if isinstance(change, ProgressChange):
            return objects.progress(replace(change.row, revision=change.revision), placement, epoch)
        return None

    def json(self, placement: Placement, epoch: int) -> bytes:
        """The same as JSON. `epoch` is always the same within a process."""
        if self._placement is not placement:
            self._json = pydantic_core.to_json(self.object(placement, epoch))
            self._placement = placement
        return self._json


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that a watch is about."""

    kind: Kind
    namespace: str | None
    selector: Selector
    placements: Placements

    def ended_by(self, change: Change) -> bool:
        """Whether objects of the selection may have other names now, which no event can tell."""
        return isinstance(change, PlacementChange) and (self.namespace is None or self.namespace in change.namespaces)

    def event(self, change: Change) -> tuple[EventType, Placement] | None:
        """What the change is to a watch, and where its object is shown; None if it is none of its business."""
        if isinstance(change, InstanceChange) and self.kind is kinds.INSTANCES:
            placement = self._placement(change.row.record.app_id)
            type_ = self._instance_event(change, placement) if placement is not None else None
        elif isinstance(change, ProgressChange) and self.kind is kinds.GROUPPROGRESSES:
            placement = self._placement(change.row.progress.app_id)
            type_ = self._progress_event(change, placement) if placement is not None else None
        else:
            return None
        return (type_, placement) if placement is not None and type_ is not None else None

    def _placement(self, app_id: str) -> Placement | None:
        placement = self.placements.of_app(app_id)
        if placement is None or (self.namespace is not None and placement.namespace != self.namespace):
            return None
        return placement

    def _instance_event(self, change: InstanceChange, placement: Placement) -> EventType | None:
        row = change.row
        instance_id, matches = row.record.instance_id, self.selector.matches_instance
        is_in = matches(placement, row.selectable, instance_id, row.slug)
        if change.deleted:
            return EventType.DELETED if is_in else None
        was_in = change.before is not None and matches(placement, change.before, instance_id, row.slug)
        if is_in:
            return EventType.MODIFIED if was_in else EventType.ADDED
        return EventType.DELETED if was_in else None

    def _progress_event(self, change: ProgressChange, placement: Placement) -> EventType | None:
        named = objects.group_of(placement, change.row.progress.track)
        if not named or not self.selector.matches_progress(placement, change.row):
            return None
        return EventType.ADDED if change.new else EventType.MODIFIED
