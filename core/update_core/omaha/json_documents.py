"""Is this body a JSON document that may be looked into, and what has it at a name?

Public input: the bounds of `limits` hold for all of a document, for the parts that nobody reads too, and a document that
could be understood in two ways (a name twice, numbers beyond 64 bits, half a character) is refused. Reading a member says
what it must be; null is the same as absent.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

import pydantic_core

from update_core.omaha import limits, texts
from update_core.omaha.errors import BadRequest

Members: TypeAlias = dict[str, Any]

PREFIX = b")]}'\n"
"""What each answer begins with, so that no browser runs it as a script; Chromium insists on it, Fuchsia skips it."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COLONS = (b'":', b" :", b"\t:", b"\n:", b"\r:")
_NONCHARACTERS = b"\xef\xbf"
_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile("-?[0-9]{1,19}")


def read(body: bytes) -> Members:
    """The document's members. Raises BadRequest for whatever is no JSON object within the limits, and nothing else."""
    if len(body) > limits.MAX_BODY_BYTES:
        raise BadRequest(f"the request is larger than {limits.MAX_BODY_BYTES} bytes", http_status=413)
    document_text = body.removeprefix(_BYTE_ORDER_MARK).strip()
    try:
        document: object = pydantic_core.from_json(document_text, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        raise BadRequest("the request is not well-formed JSON") from None
    if not isinstance(document, dict):
        raise BadRequest("the request is no JSON object")
    members = _count_within_limits(document, depth=1)
    if _may_repeat_names(document_text, members):
        _refuse_repeated_names(document_text)
    # Only an escape or these bytes can bring in a character that XML, a database or a log couldn't hold.
    if b"\\" in document_text or _NONCHARACTERS in document_text:
        _refuse_unsendable(document)
    return document


def write(members: Members) -> bytes:
    """The document in one line, with the prefix."""
    return PREFIX + pydantic_core.to_json(members)


def _count_within_limits(container: dict[str, Any] | list[Any], depth: int) -> int:
    """How many members there are in all. One walk: it is a quarter of the time that reading takes."""
    if depth > limits.MAX_DEPTH:
        raise BadRequest("the request is nested too deeply")
    members = 0
    values: Iterable[Any] = container
    if type(container) is dict:
        members = len(container)
        if members > limits.MAX_ATTRIBUTES:
            raise BadRequest("an object of the request has too many members")
        values = container.values()
    for value in values:
        kind = type(value)
        if kind is str:
            if len(value) > limits.MAX_ATTRIBUTE_LENGTH:
                raise BadRequest("a text of the request is too long")
        elif kind is dict or kind is list:
            members += _count_within_limits(value, depth + 1)
        elif (kind is int and value not in _INT64) or (kind is float and not math.isfinite(value)):
            raise BadRequest("a number of the request is out of range")
    return members


def _may_repeat_names(document_text: bytes, members: int) -> bool:
    # The parser keeps the last of two. But every member that was there has a colon after a quotation mark or white space:
    # with no more of those than members are left, no name was repeated. Texts seldom have any.
    return sum(map(document_text.count, _COLONS)) != members


def _refuse_repeated_names(document_text: bytes) -> None:
    try:
        json.loads(document_text.decode(), object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):
        raise BadRequest("the request is not well-formed JSON") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadRequest("an object of the request has a name twice")
    return members


def _refuse_unsendable(value: object) -> None:
    if isinstance(value, str):
        if not texts.is_sendable(value):
            raise BadRequest("the request has characters that are not allowed")
    elif isinstance(value, dict):
        for member in value.values():
            _refuse_unsendable(member)
    elif isinstance(value, list):
        for item in value:
            _refuse_unsendable(item)


def text(members: Members, name: str) -> str:
    """The text at `name`, "" if there is none."""
    value = members.get(name, "")
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise BadRequest(f"{name} is no text")


def flag(members: Members, name: str) -> bool | None:
    """The yes or no at `name`, which older clients write as a number or a text; None if there is none."""
    value = members.get(name)
    if value is None or type(value) is bool:
        return value
    if value in (-1, "", "-1"):  # Chromium's "unknown"
        return None
    if type(value) is int or type(value) is str:
        return value in (1, "1", "true")
    raise BadRequest(f"{name} is no boolean")


def integer(members: Members, name: str) -> int | None:
    """The integer at `name`, which may be written as a text or as 1.0; None if there is none or it is no integer."""
    value = members.get(name)
    if type(value) is int:
        return value
    if type(value) is str and _INTEGER.fullmatch(value):
        value = int(value)
        return value if value in _INT64 else None
    # Chromium writes what may be large (bytes, milliseconds) as a double.
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


def child(members: Members, name: str) -> Members | None:
    """The object at `name`, None if there is none."""
    value = members.get(name)
    if value is None or type(value) is dict:
        return value
    raise BadRequest(f"{name} is no object")


def children(members: Members, name: str, most: int) -> list[Members]:
    """The objects listed at `name`, at most `most`; none if there is no list."""
    value = members.get(name)
    if value is None:
        return []
    if type(value) is not list or not all(type(item) is dict for item in value):
        raise BadRequest(f"{name} is no list of objects")
    if len(value) > most:
        raise BadRequest(f"{name} has more than {most} entries")
    return value
