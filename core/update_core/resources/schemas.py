"""A model → the structural OpenAPI v3 schema that a CRD carries.

pydantic writes JSON Schema with references, titles and null alternatives; the API server wants none of these. Bounds and descriptions
pass through, and what only Kubernetes knows (list and map types, int64) is added.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_INT32_MAX = 2**31 - 1
_REF = "#/$defs/"

# How server-side apply merges: conditions of several writers live side by side, a reference is replaced as a whole,
# and so is a list that is neither of these. Of a list by keys nothing is left when its last item goes, not even an empty list: one that
# says something when it is empty, such as the waves that are open, is replaced as a whole.
LIST_KEYS: Mapping[str, str] = {
    "conditions": "type",
    "packages": "name",
    "extraFiles": "name",
    "floors": "version",
    "waves": "name",
}
LIST_SETS = frozenset({"oems", "blockedVersions", "floorVersions", "days"})
INT_OR_STRING = "x-kubernetes-int-or-string"


def of(model: type[BaseModel]) -> Schema:
    """The structural schema of `model`: no references, no nulls, a description on every field."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(raw, raw.get("$defs", {}))


def _structural(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    node = _resolve(node, definitions)
    # The one kind of value without a type: the API server takes either.
    schema: Schema = {INT_OR_STRING: True} if INT_OR_STRING in node else {"type": node["type"]}
    if "description" in node:
        schema["description"] = " ".join(node["description"].split())
    if node.get("default") is not None:
        schema["default"] = node["default"]
    if INT_OR_STRING in node:
        return schema
    for keyword in (
        "enum",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
    ):
        if keyword in node:
            schema[keyword] = node[keyword]
    if node["type"] == "integer":
        schema["format"] = "int32" if node.get("maximum", 2**63) <= _INT32_MAX else "int64"
    if node["type"] == "array":
        schema["items"] = _structural(node["items"], definitions)
    if node["type"] == "object":
        if "required" in node:
            schema["required"] = sorted(node["required"])
        schema["properties"] = {name: _field(name, child, definitions) for name, child in node["properties"].items()}
    return schema


def _field(name: str, node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    schema = _structural(node, definitions)
    if schema.get("type") == "array" and name in LIST_KEYS:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [LIST_KEYS[name]]}
    elif schema.get("type") == "array" and name in LIST_SETS:
        schema["x-kubernetes-list-type"] = "set"
    elif schema.get("type") == "array":
        schema["x-kubernetes-list-type"] = "atomic"
    if name.endswith("Ref"):
        schema["x-kubernetes-map-type"] = "atomic"
    return schema


def _resolve(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """`node` with its reference inlined and its null alternative gone; what the field itself says wins over the referenced type."""
    if "anyOf" in node:
        (alternative,) = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _resolve(alternative | rest, definitions)
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _resolve(definitions[node["$ref"].removeprefix(_REF)] | rest, definitions)
    return node
