"""Which resources exist, and what do they resolve to? An incremental catalog.

Objects go in as the API server sends them, trimmed to what a decision can depend on; a change of anything else is no change. Only the
Applications that a change concerns are resolved again, and each result is a new immutable Catalog.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pydantic

from update_core import catalog
from update_core.resources.application import Application
from update_core.resources.base import API_VERSION, Resource
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package

logger = logging.getLogger(__name__)

Object = Mapping[str, Any]
Key = tuple[str, str]
"""(namespace, name)."""

KINDS: Mapping[str, type[Resource]] = MappingProxyType(
    {kind.kind: kind for kind in (Application, Channel, Group, Package)}
)

_METADATA = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp")
_CONDITION = ("type", "status", "reason", "lastTransitionTime")


class CatalogObjects:
    """The objects of the four kinds, and the catalog that they make."""

    def __init__(self, *, package_base_url: str) -> None:
        self._package_base_url = package_base_url
        self._trimmed: dict[str, dict[Key, Object]] = {kind: {} for kind in KINDS}
        self._applications: dict[Key, Application] = {}
        self._channels: dict[Key, dict[str, Channel]] = defaultdict(dict)
        self._groups: dict[Key, dict[str, Group]] = defaultdict(dict)
        self._packages: dict[Key, dict[str, Package]] = defaultdict(dict)
        self._claims: dict[str, set[Key]] = defaultdict(set)
        self._resolved: dict[str, catalog.ResolvedApplication] = {}
        self._dirty: set[str] = set()

    @property
    def dirty(self) -> bool:
        """Whether something changed since the last `build`."""
        return bool(self._dirty)

    def trimmed(self) -> list[Object]:
        """Every object, in the form that can be put in again."""
        return [obj for objects in self._trimmed.values() for obj in objects.values()]

    def put(self, obj: Object) -> bool:
        """Add or replace an object; whether that can change a decision. One that can't be read leaves the earlier one in place."""
        kind = str(obj.get("kind"))
        trimmed = trim(obj)
        key = _key(trimmed)
        if self._trimmed[kind].get(key) == trimmed:
            return False
        try:
            resource = KINDS[kind].parse(trimmed)
        except pydantic.ValidationError as error:
            logger.warning(
                "%s %s/%s doesn't satisfy its schema and is passed over: %s", kind, *key, error.errors()[0]["msg"]
            )
            return False
        self._take_out(kind, key)
        self._trimmed[kind][key] = trimmed
        self._put_in(key, resource)
        return True

    def remove(self, kind: str, key: Key) -> bool:
        """Remove an object; whether it was there."""
        if key not in self._trimmed[kind]:
            return False
        self._take_out(kind, key)
        del self._trimmed[kind][key]
        return True

    def build(self) -> catalog.Catalog:
        """The catalog of the objects as they are now."""
        for app_id in self._dirty:
            owner = catalog.owner([self._applications[key] for key in self._claims.get(app_id, ())])
            if owner is None:
                self._resolved.pop(app_id, None)
                continue
            self._resolved[app_id] = catalog.resolve_application(
                owner, self._members(owner.key), package_base_url=self._package_base_url
            )
        self._dirty.clear()
        return catalog.Catalog(MappingProxyType(dict(self._resolved)))

    def _members(self, key: Key) -> catalog.Members:
        return catalog.Members(
            channels=tuple(self._channels.get(key, {}).values()),
            groups=tuple(self._groups.get(key, {}).values()),
            packages=tuple(self._packages.get(key, {}).values()),
        )

    def _put_in(self, key: Key, resource: Resource) -> None:
        namespace, name = key
        match resource:
            case Application():
                self._applications[key] = resource
                self._claims[resource.spec.app_id].add(key)
                self._dirty.add(resource.spec.app_id)
            case Channel():
                self._channels[namespace, resource.spec.application_ref.name][name] = resource
                self._touch((namespace, resource.spec.application_ref.name))
            case Group():
                self._groups[namespace, resource.spec.application_ref.name][name] = resource
                self._touch((namespace, resource.spec.application_ref.name))
            case Package():
                self._packages[namespace, resource.spec.application_ref.name][name] = resource
                self._touch((namespace, resource.spec.application_ref.name))

    def _take_out(self, kind: str, key: Key) -> None:
        held = self._trimmed[kind].get(key)
        if held is None:
            return
        namespace, name = key
        if kind == Application.kind:
            application = self._applications.pop(key)
            self._claims[application.spec.app_id].discard(key)
            self._dirty.add(application.spec.app_id)
            return
        owner = (namespace, str(held["spec"]["applicationRef"]["name"]))
        members: Mapping[str, dict[Key, dict[str, Any]]] = {
            Channel.kind: self._channels,
            Group.kind: self._groups,
            Package.kind: self._packages,
        }
        members[kind][owner].pop(name, None)
        self._touch(owner)

    def _touch(self, owner: Key) -> None:
        application = self._applications.get(owner)
        if application is not None:
            self._dirty.add(application.spec.app_id)


def load(objects: Iterable[Object], *, package_base_url: str) -> CatalogObjects:
    """A catalog of these objects."""
    loaded = CatalogObjects(package_base_url=package_base_url)
    for obj in objects:
        loaded.put(obj)
    return loaded


def trim(obj: Object) -> Object:
    """An object without what no decision looks at: counts, messages, managed fields, labels."""
    metadata, status = obj.get("metadata") or {}, obj.get("status") or {}
    kind = str(obj.get("kind"))
    kept: dict[str, Any] = {}
    if kind == Application.kind:
        kept["conditions"] = [
            {name: condition.get(name) for name in _CONDITION} for condition in status.get("conditions") or ()
        ]
    if kind == Group.kind:
        kept = {name: status[name] for name in ("target", "rollout") if name in status}
        if "rollout" in kept:
            kept["rollout"] = _without_percent(kept["rollout"])
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {name: metadata[name] for name in _METADATA if name in metadata},
        "spec": obj.get("spec") or {},
        "status": kept,
    }


def _without_percent(rollout: Object) -> Object:
    """Without the share of a linear rollout that is shown to people: checks work out their own, and this one moves all the time."""
    linear = rollout.get("linear")
    if not linear or "percent" not in linear:
        return rollout
    return {**rollout, "linear": {name: value for name, value in linear.items() if name != "percent"}}


def _key(obj: Object) -> Key:
    metadata = obj["metadata"]
    return (str(metadata.get("namespace", "")), str(metadata.get("name", "")))
