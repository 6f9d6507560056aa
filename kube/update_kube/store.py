"""What we believe the API server holds, and the changes that each list or event makes to that belief.

Pure bookkeeping for reflector.py: no I/O, no clock. The rules: a list replaces everything, also by what it leaves
out; an event counts only if it is newer than what is held or was deleted under its name. So duplicated and late
events change nothing, and a deleted object stays deleted.
"""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from update_kube import watching

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name); the namespace is empty for cluster-scoped objects."""


class ChangeKind(enum.Enum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One difference: `obj` as it is now (for DELETED: as last known), `old` as it was before (for ADDED: None)."""

    kind: ChangeKind
    obj: Object
    old: Object | None

    @property
    def key(self) -> Key:
        """(namespace, name) of the object."""
        return key(self.obj)


class Store:
    """The objects of one type, by key. `objects` is a live, read-only view; the objects themselves are shared: copy
    before changing one."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}
        self._floor = 0
        # Revisions at which keys were deleted since the last list: a late event must not bring one back.
        self._deleted: dict[Key, int] = {}
        self.objects: Mapping[Key, Object] = types.MappingProxyType(self._objects)

    def replace(self, items: Iterable[Object], revision: int) -> Iterator[Change]:
        """Take a complete list made at `revision`; yields the differences, deletions first.

        Must be consumed to the end.
        """
        listed = {key(item): _trimmed(item) for item in items}
        self._floor = revision
        self._deleted.clear()
        for gone in [held for held in self._objects if held not in listed]:
            old = self._objects.pop(gone)
            yield Change(ChangeKind.DELETED, old, old)
        for name, item in listed.items():
            held = self._objects.get(name)
            if held is None or watching.revision(held) != watching.revision(item) or _uid(held) != _uid(item):
                yield from self._put(name, item)

    def update(self, event: watching.Event) -> list[Change] | None:
        """Take one event other than a bookmark: the changes that it makes, or None if it is late or a duplicate."""
        name, revision = key(event.object), event.resource_version
        held = self._objects.get(name)
        known = max(self._floor, self._deleted.get(name, 0), 0 if held is None else watching.revision(held))
        if revision <= known:
            return None
        if event.type is watching.EventType.DELETED:
            self._deleted[name] = revision
            if self._objects.pop(name, None) is None:
                return []
            return [Change(ChangeKind.DELETED, _trimmed(event.object), held)]
        return list(self._put(name, _trimmed(event.object)))

    def _put(self, name: Key, item: Object) -> Iterator[Change]:
        held = self._objects.get(name)
        if held is not None and _uid(held) != _uid(item):
            # Deleted and created again while nobody looked: not the same object, whatever its name.
            del self._objects[name]
            yield Change(ChangeKind.DELETED, held, held)
            held = None
        self._objects[name] = item
        yield Change(ChangeKind.ADDED if held is None else ChangeKind.MODIFIED, item, held)


def key(obj: Object) -> Key:
    """(namespace, name) of an object."""
    metadata = obj.get("metadata") or {}
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _uid(obj: Object) -> str:
    return str((obj.get("metadata") or {}).get("uid", ""))


def _trimmed(obj: Object) -> Object:
    # managedFields are often most of an object, and nobody who reads from memory looks at them.
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return obj
