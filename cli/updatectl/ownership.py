"""Which fields of an object are whose? Read from metadata.managedFields.

A server-side apply replaces the set of fields that its manager owns: what it leaves out goes. So a command that changes one field applies
with it everything that earlier commands set.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MANAGER = "updatectl"


def owned_spec(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the spec that updatectl applied earlier, with the values that it has now."""
    for entry in _entries(obj):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
            fields = entry.get("fieldsV1", {}).get("f:spec", {})
            return _select(obj.get("spec", {}), fields) if fields else {}
    return {}


def owned_labels(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The labels that updatectl applied earlier."""
    for entry in _entries(obj):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
            fields = entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:labels", {})
            return _select(obj.get("metadata", {}).get("labels", {}), fields) if fields else {}
    return {}


def other_owners(obj: Mapping[str, Any], field: str) -> list[str]:
    """The managers other than updatectl that own something of this field of the spec; of one further down as rollout.halt."""
    return sorted(
        {
            str(entry.get("manager"))
            for entry in _entries(obj)
            if _has(entry.get("fieldsV1", {}).get("f:spec", {}), field)
            and (entry.get("manager"), entry.get("operation")) != (MANAGER, "Apply")
        }
    )


def _has(fields: Mapping[str, Any], path: str) -> bool:
    first, _, below = path.partition(".")
    found = fields.get(f"f:{first}")
    return found is not None and (not below or _has(found, below))


def _entries(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    # What owns fields of the status owns none of the spec.
    yield from (e for e in obj.get("metadata", {}).get("managedFields") or () if not e.get("subresource"))


def _select(value: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    selected: dict[str, Any] = {}
    for key, below in fields.items():
        name = key.removeprefix("f:")
        if not key.startswith("f:") or name not in value:
            continue
        nested = value[name]
        # A map or a list by keys whose single fields or items are owned; anything else (a scalar, what is atomic, a set) is owned whole.
        if isinstance(nested, dict) and any(k.startswith("f:") for k in below):
            selected[name] = _select(nested, below)
        elif isinstance(nested, list) and any(k.startswith("k:") for k in below):
            selected[name] = _items(nested, below)
        else:
            selected[name] = nested
    return selected


def _items(items: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    owned = [(json.loads(key.removeprefix("k:")), below) for key, below in fields.items() if key.startswith("k:")]
    return [_select(item, below) for item in items for keys, below in owned if keys.items() <= item.items()]
