"""What names an object of the four kinds: in the queue, in the cache, in logs."""

from typing import Any, NamedTuple, TypeAlias

from update_core.resources.application import Application
from update_core.resources.base import Resource
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_kube.resources import APPLICATIONS, CHANNELS, GROUPS, PACKAGES, ResourceType

AnyResource: TypeAlias = Application | Channel | Group | Package

MODELS: dict[str, type[AnyResource]] = {model.kind: model for model in (Application, Channel, Group, Package)}
TYPES: dict[str, ResourceType] = {type_.kind: type_ for type_ in (APPLICATIONS, PACKAGES, CHANNELS, GROUPS)}
"""In the order in which they refer to each other."""


class Key(NamedTuple):
    """An object's kind, namespace and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def of_object(obj: dict[str, Any]) -> Key:
    """The key of an object as the API server sends it; it carries its kind."""
    metadata = obj["metadata"]
    return Key(str(obj["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))


def of_resource(resource: Resource) -> Key:
    """The key of a parsed object."""
    return Key(resource.kind, resource.metadata.namespace, resource.metadata.name)
