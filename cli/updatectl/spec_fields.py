"""Which field of a spec is meant? By its path, such as rollout.halt: read, set and taken away."""

import copy
from collections.abc import Mapping
from typing import Any


def get(spec: Mapping[str, Any], path: str) -> Any:
    """The field's value, None where it isn't there."""
    first, _, below = path.partition(".")
    value = spec.get(first)
    if not below:
        return value
    return get(value, below) if isinstance(value, dict) else None


def changed(spec: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The spec with these fields set; None takes one away, and with it what nothing is left of then."""
    result = copy.deepcopy(dict(spec))
    for path, value in changes.items():
        _set(result, path.split("."), value)
    return result


def nested(path: str, value: Any) -> dict[str, Any]:
    """A spec of this field alone."""
    first, _, below = path.partition(".")
    return {first: nested(below, value) if below else value}


def dropped(before: Any, after: Any) -> bool:
    """Whether a change takes something away: the field, or items of a list whose items have names."""
    if after is None:
        return before is not None
    return bool(_names(before) - _names(after))


def kept(before: Any, after: Any) -> Any:
    """What is left of a list's items that have names, as they are; None where the field goes."""
    return None if after is None else [item for item in before if item["name"] in _names(after)]


def _names(items: Any) -> set[str]:
    if not isinstance(items, list):
        return set()
    return {item["name"] for item in items if isinstance(item, dict) and "name" in item}


def _set(spec: dict[str, Any], path: list[str], value: Any) -> None:
    first, below = path[0], path[1:]
    if below:
        inner = dict(spec.get(first) or {})
        _set(inner, below, value)
        # Nothing is left of it: an empty object is a field that somebody owns.
        value = inner or None
    if value is None:
        spec.pop(first, None)
    else:
        spec[first] = value
