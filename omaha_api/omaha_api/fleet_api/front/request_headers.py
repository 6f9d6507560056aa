"""Who is the user that the API server asks for? Read from the headers that its front proxy adds.

Only for requests whose connection front_proxy trusts: anybody can write these headers.
"""

import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as the API server has authenticated and authorized them."""

    name: str
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """Under which names the cluster's front proxy sends what it knows, such as X-Remote-User."""

    username: Sequence[str]
    group: Sequence[str]
    extra_prefix: Sequence[str]


def user(headers: Headers, names: HeaderNames) -> User | None:
    """The user; None if the headers name none, or not in UTF-8."""
    try:
        received = [(name.decode("ascii"), value.decode("utf-8").strip()) for name, value in headers]
    except UnicodeDecodeError:
        # Made readable, two users could look like one.
        return None
    name = next((value for wanted in names.username for value in _values(received, wanted) if value), None)
    if name is None:
        return None
    groups = tuple(value for wanted in names.group for value in _values(received, wanted) if value)
    return User(name, groups, _extra(received, names.extra_prefix))


def _values(received: Sequence[tuple[str, str]], wanted: str) -> list[str]:
    wanted = wanted.lower()
    return [value for name, value in received if name == wanted]


def _extra(received: Sequence[tuple[str, str]], prefixes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for prefix in prefixes:
        for name, value in received:
            if name.startswith(prefix.lower()):
                # Keys may hold what a header's name can't, escaped as in a URL: example.com%2Fteam.
                key = urllib.parse.unquote(name[len(prefix) :]).lower()
                found[key] = (*found.get(key, ()), value)
    return found
