"""How do the parsers of JSON answers look into one? Python's own JSON parser stands where the clients have theirs."""

import json
from collections.abc import Callable
from typing import Any

from support.clients.acceptance import Rejected, Update, require

PREFIX = b")]}'"

Updates = dict[str, Update | None]
"""What each application would install; None for an application without an update."""


def parse(text: bytes) -> object:
    try:
        return json.loads(text.decode(), object_pairs_hook=once)
    except ValueError as error:
        raise Rejected(f"not well-formed: {error}") from error


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    require(len(members) == len(pairs), "a name twice, which Fuchsia refuses")
    return members


def each(value: object, read: Callable[[dict[str, Any]], tuple[str, Update | None]]) -> list[tuple[str, Update | None]]:
    return [read(members(item, "application")) for item in items(value, "applications")]


def members(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Rejected(f"{what} is missing or no object")
    return value


def items(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Rejected(f"{what} is missing or no list")
    return value


def optional(node: dict[str, Any], name: str, kind: type) -> None:
    require(node.get(name) is None or isinstance(node[name], kind), f"{name} has another type")
