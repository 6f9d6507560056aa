"""What does the cluster hold? Every object of the four kinds, parsed, the newest version of each, with indexes.

Fed by watch events, by complete lists and by the answers to our own writes, in any order: an older version never replaces a newer one,
and an event about an object that a later list no longer had doesn't bring it back.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pydantic

from update_core.resources.application import Application
from update_core.resources.base import ObjectMeta
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_operator import keys, managers
from update_operator.keys import AnyResource, Key

R = TypeVar("R", Application, Channel, Group, Package)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that doesn't satisfy the models: it was stored under another schema."""

    kind: str
    metadata: ObjectMeta
    status: dict[str, Any]
    error: str


Entry = AnyResource | Unreadable


@dataclass(frozen=True, slots=True)
class Change:
    """An entry before and after; None where it wasn't there, or isn't any more. `version` is the resourceVersion of the change."""

    key: Key
    old: Entry | None
    new: Entry | None
    version: int


class Cache:
    """The newest known version of every object."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}
        self._indexes: dict[tuple[Hashable, ...], dict[Key, Entry]] = defaultdict(dict)
        self._managers: dict[Key, str] = {}
        """Who made a Channel name its version: of managedFields nothing else is kept, they are most of an object."""
        self._removed: dict[Key, int] = {}
        self._listed: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def all_keys(self) -> Iterator[Key]:
        """All keys."""
        return iter(list(self._entries))

    def entry(self, key: Key) -> Entry | None:
        """The object, readable or not."""
        return self._entries.get(key)

    def get(self, model: type[R], namespace: str, name: str) -> R | None:
        """The object of a kind, None where it doesn't exist or can't be read."""
        found = self._entries.get(Key(model.kind, namespace, name))
        return found if isinstance(found, model) else None

    def select(self, model: type[R], *index: Hashable) -> list[R]:
        """The objects of a kind under an index, such as ("channel", namespace, name): see `_indexed`."""
        found = self._indexes.get((model.kind, *index), {})
        return [resource for resource in found.values() if isinstance(resource, model)]

    def version_manager(self, key: Key) -> str | None:
        """The field manager that owns a Channel's version, None where none is known."""
        return self._managers.get(key)

    def put(self, obj: dict[str, Any]) -> Change | None:
        """Take in an object as the API server sent it. None: nothing new."""
        key, version = keys.of_object(obj), _version(obj)
        old = self._entries.get(key)
        if old is not None and version <= int(old.metadata.resource_version):
            return None
        if old is None and version <= max(self._removed.get(key, 0), self._listed.get(key.kind, 0)):
            return None
        change = self._replace(key, _parse(obj), version)
        if key.kind == Channel.kind:
            manager = managers.of_field(obj["metadata"], "spec", "version")
            if manager is not None:
                self._managers[key] = manager
        return change

    def remove(self, obj: dict[str, Any]) -> Change | None:
        """Take in an object's deletion; `obj` is its last state. None: nothing new."""
        key, version = keys.of_object(obj), _version(obj)
        old = self._entries.get(key)
        if old is None or version < int(old.metadata.resource_version):
            return None
        return self._replace(key, None, version)

    def discard(self, key: Key, version: str) -> Change | None:
        """Forget an object that isn't there any more, unless it was made again since it had `version`."""
        old = self._entries.get(key)
        if old is None or old.metadata.resource_version != version:
            return None
        return self._replace(key, None, int(version))

    def synchronise(self, kind: str, objects: Iterable[dict[str, Any]], list_version: str) -> list[Change]:
        """Take in a complete list of a kind: what it doesn't hold is gone, unless it came into being after the list was made."""
        version = int(list_version)
        listed = {keys.of_object(obj): obj for obj in objects}
        changes = [self.put(obj) for obj in listed.values()]
        unlisted = [key for key in self._entries if key.kind == kind and key not in listed]
        ghosts = [key for key in unlisted if int(self._entries[key].metadata.resource_version) <= version]
        changes += [self._replace(key, None, version) for key in ghosts]
        # From here on the list speaks for everything that it didn't hold, so single tombstones aren't needed.
        self._listed[kind] = max(version, self._listed.get(kind, 0))
        self._removed = {key: at for key, at in self._removed.items() if key.kind != kind or at > version}
        return [change for change in changes if change is not None]

    def _replace(self, key: Key, new: Entry | None, version: int) -> Change:
        old = self._entries.pop(key, None)
        self._managers.pop(key, None)
        if old is not None:
            for index in _indexed(old):
                self._indexes[index].pop(key, None)
                if not self._indexes[index]:
                    del self._indexes[index]
        if new is None:
            self._removed[key] = version
        else:
            self._entries[key] = new
            for index in _indexed(new):
                self._indexes[index][key] = new
        return Change(key, old, new, version)


def _indexed(entry: Entry) -> Iterator[tuple[Hashable, ...]]:
    namespace = entry.metadata.namespace
    match entry:
        case Application():
            yield (entry.kind, "appId", entry.spec.app_id)
            if entry.spec.default_group_ref is not None:
                yield (entry.kind, "defaultGroup", namespace, entry.spec.default_group_ref.name)
        case Channel():
            application = entry.spec.application_ref.name
            yield (entry.kind, "application", namespace, application)
            yield (entry.kind, "name", namespace, application, entry.spec.name)
            for version in {entry.spec.version, *(floor.version for floor in entry.spec.floors)}:
                yield (entry.kind, "version", namespace, application, version)
        case Group():
            yield from _indexed_group(entry)
        case Package():
            application = entry.spec.application_ref.name
            yield (entry.kind, "application", namespace, application)
            yield (entry.kind, "version", namespace, application, entry.spec.version)
        case Unreadable():
            return


def _indexed_group(group: Group) -> Iterator[tuple[Hashable, ...]]:
    namespace, application = group.metadata.namespace, group.spec.application_ref.name
    yield (group.kind, "application", namespace, application)
    yield (group.kind, "track", namespace, application, group.spec.track)
    yield (group.kind, "channel", namespace, group.spec.channel_ref.name)
    policy = group.spec.rollout
    if policy is None:
        return
    for dependency in policy.depends_on:
        yield (group.kind, "dependsOn", namespace, dependency.group_ref.name)
    if policy.on_halt == "Rollback":
        for version in {past.version for past in group.status.history if past.outcome == "Promoted"}:
            yield (group.kind, "promoted", namespace, application, version)


def _version(obj: dict[str, Any]) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _parse(obj: dict[str, Any]) -> Entry:
    model = keys.MODELS[obj["kind"]]
    try:
        return model.parse(obj)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        metadata = ObjectMeta.model_validate(obj["metadata"])
        return Unreadable(str(obj["kind"]), metadata, obj.get("status") or {}, f"{where}: {first['msg']}")
