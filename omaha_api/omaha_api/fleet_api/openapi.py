"""Which fields have the kinds? The OpenAPI 3.0 document of the fleet API, made of the models, for `kubectl explain` and for generators.

What it can be asked follows from discovery's tables, so that neither says what the other doesn't.
"""

import functools
import hashlib
from typing import Any

import pydantic_core

from omaha_api.fleet_api import discovery, kinds
from omaha_api.fleet_api.kinds import Kind
from update_core.resources import schemas
from update_core.resources.fleet.actions import InstanceForget, InstanceReset
from update_core.resources.fleet.base import API_VERSION, GROUP, VERSION, FleetResource
from update_core.resources.fleet.decision import InstanceDecision
from update_core.resources.fleet.history import InstanceHistory
from update_core.resources.fleet.instance import Instance
from update_core.resources.fleet.progress import GroupProgress
from update_kube.resources import ResourceType

Document = dict[str, Any]

PATH = f"/openapi/v3/apis/{API_VERSION}"

MODELS: tuple[type[FleetResource], ...] = (
    Instance,
    GroupProgress,
    InstanceDecision,
    InstanceHistory,
    InstanceReset,
    InstanceForget,
)

_PREFIX = "dev.updateservice.fleet.v1alpha1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_META_URL = "https://kubernetes.io/docs/concepts/overview/working-with-objects/object-management/"
_INFO = {"title": "Fleet of the update service", "version": VERSION}

_QUERY = (
    ("limit", "integer", "At most so many objects on a page; metadata.continue leads to the next."),
    ("continue", "string", "metadata.continue of the page before."),
    ("fieldSelector", "string", "Selects by fields, such as status.state=Failed."),
    ("labelSelector", "string", "Selects by labels: what instances report of their machines."),
    ("resourceVersion", "string", "A list isn't older than this; a watch begins after it."),
    ("resourceVersionMatch", "string", "How a list uses resourceVersion: Exact or NotOlderThan."),
    ("watch", "boolean", "Follow the changes instead of listing."),
    ("allowWatchBookmarks", "boolean", "Send bookmarks while a watch is silent."),
    ("sendInitialEvents", "boolean", "Begin a watch with the present state."),
    ("timeoutSeconds", "integer", "End a watch after so many seconds."),
)


@functools.cache
def index() -> bytes:
    """/openapi/v3: where the document is. Its hash is in its address, so that it is read again only when it is another one."""
    address = f"{PATH}?hash={hashlib.sha256(document()).hexdigest().upper()}"
    return pydantic_core.to_json({"paths": {f"apis/{API_VERSION}": {"serverRelativeURL": address}}})


@functools.cache
def document() -> bytes:
    """/openapi/v3/apis/fleet.updateservice.dev/v1alpha1."""
    paths: Document = {}
    for kind in kinds.ALL:
        paths |= _paths(kind)
    components = {_PREFIX + model.kind: _schema(model) for model in MODELS}
    components |= {_PREFIX + kind.list_kind: _list_schema(kind) for kind in kinds.ALL}
    components |= {_META + "ObjectMeta": _object_meta(), _META + "ListMeta": _list_meta()}
    return pydantic_core.to_json(
        {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": components}}
    )


@functools.cache
def document_v2() -> bytes:
    """/openapi/v2: says that there is something, and leaves the rest to version 3."""
    return pydantic_core.to_json({"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": {}})


def _schema(model: type[FleetResource]) -> Document:
    schema = schemas.of(model)
    properties = (
        _type_meta() | schema["properties"] | {"metadata": _ref(_META + "ObjectMeta", "Name, labels and such.")}
    )
    return {
        "type": "object",
        "description": schema["description"],
        "properties": properties,
        "x-kubernetes-group-version-kind": [_gvk(model.kind)],
    }


def _list_schema(kind: Kind) -> Document:
    items = {"type": "array", "description": "The objects.", "items": _ref(_PREFIX + kind.kind)}
    return {
        "type": "object",
        "description": f"{kind.list_kind} is a list of {kind.kind} objects.",
        "required": ["items"],
        "properties": _type_meta()
        | {"items": items, "metadata": _ref(_META + "ListMeta", "Version, and the next page.")},
        "x-kubernetes-group-version-kind": [_gvk(kind.list_kind)],
    }


def _paths(kind: Kind) -> Document:
    whole, named = _path(kind.type), _path(kind.type, namespaced=True, named=True)
    listing = _operation(kind.kind, kind.list_kind, "list", f"List or watch {kind.kind} objects", query=_QUERY)
    paths = {
        whole: {"get": listing},
        _path(kind.type, namespaced=True): {"get": listing, "parameters": [_in_path("namespace")]},
        named: {
            "get": _operation(kind.kind, kind.kind, "get", f"Read one {kind.kind}"),
            "parameters": [_in_path("namespace"), _in_path("name")],
        },
    }
    for part in discovery.of(kind):
        method, action = ("get", "get") if part.verb == "get" else ("post", "post")
        operation = _operation(part.kind, part.kind, action, f"{part.kind} of one {kind.kind}")
        if method == "post":
            operation["requestBody"] = {"content": _content(part.kind)}
        paths[f"{named}/{part.name}"] = {method: operation, "parameters": [_in_path("namespace"), _in_path("name")]}
    return paths


def _path(type_: ResourceType, *, namespaced: bool = False, named: bool = False) -> str:
    namespace = "/namespaces/{namespace}" if namespaced else ""
    name = "/{name}" if named else ""
    return f"/apis/{type_.group}/{type_.version}{namespace}/{type_.plural}{name}"


def _operation(
    kind: str, answer: str, action: str, description: str, *, query: tuple[tuple[str, str, str], ...] = ()
) -> Document:
    operation: Document = {
        "description": f"{description}.",
        "responses": {"200": {"description": "OK", "content": _content(answer)}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }
    if query:
        operation["parameters"] = [
            {"name": name, "in": "query", "description": text, "schema": {"type": type_}} for name, type_, text in query
        ]
    return operation


def _content(kind: str) -> Document:
    return {"application/json": {"schema": _ref(_PREFIX + kind)}}


def _in_path(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _gvk(kind: str) -> dict[str, str]:
    return {"group": GROUP, "version": VERSION, "kind": kind}


def _ref(name: str, description: str = "") -> Document:
    # Beside a $ref nothing counts in OpenAPI 3.0, so what a field says of itself needs an allOf.
    reference = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "allOf": [reference]} if description else reference


def _type_meta() -> Document:
    return {
        "apiVersion": {"type": "string", "description": f"{API_VERSION}."},
        "kind": {"type": "string", "description": f"The kind of the object. More: {_META_URL}"},
    }


def _object_meta() -> Document:
    text = {"type": "string"}
    words = {"type": "object", "additionalProperties": text}
    return {
        "type": "object",
        "description": "The part of an object's metadata that the fleet API fills.",
        "properties": {
            "name": text | {"description": "The object's name, unique in its namespace."},
            "namespace": text | {"description": "The namespace of the Application."},
            "uid": text | {"description": "The same for the same object wherever and whenever it is shown."},
            "resourceVersion": text | {"description": "Rises with every change; compare it only for being equal."},
            "creationTimestamp": text | {"format": "date-time", "description": "When it was seen first."},
            "labels": words
            | {"description": "What the instance reports of its machine, as far as labels can hold it."},
        },
    }


def _list_meta() -> Document:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "Where a list stands.",
        "properties": {
            "resourceVersion": text | {"description": "A watch from here hears of everything that changed since."},
            "continue": text | {"description": "Leads to the next page; absent on the last."},
        },
    }
