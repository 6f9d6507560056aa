"""What does a label selector demand? `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`, read as kube-apiserver reads it.

k8s.io/apimachinery/pkg/labels has the grammar; the same text means the same here, and what is refused there is refused here.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

IN = "in"
NOT_IN = "notin"
EXISTS = "exists"
MISSING = "!"
GREATER = ">"
LESS = "<"

_TOKEN = re.compile(r"[ \t\r\n]*(?:(?P<special>!=|==|[=!(),<>])|(?P<word>[^ \t\r\n=!(),<>]+))")
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_INTEGER = re.compile(r"[0-9]+")
_MAX_NAME = 63
_MAX_PREFIX = 253
_END = ""


class SelectorError(ValueError):
    """A selector that can't be read; the text says where."""


class LabelRequirement(NamedTuple):
    """What one label must be."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def met_by(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets it; one without the label meets `!=` and `notin`."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        if not _INTEGER.fullmatch(value):
            return False
        (limit,) = self.values
        return int(value) > int(limit) if self.operator == GREATER else int(value) < int(limit)


def parse(text: str) -> tuple[LabelRequirement, ...]:
    """All requirements of a selector; none for an empty one.

    Raises:
        SelectorError: it can't be read.
    """
    tokens = _Tokens(text)
    if tokens.ahead == _END:
        return ()
    requirements = [_requirement(tokens)]
    while tokens.ahead != _END:
        tokens.demand(",", "a comma or the end")
        requirements.append(_requirement(tokens))
    return tuple(requirements)


class _Tokens:
    """The words and signs of a selector, from left to right."""

    def __init__(self, text: str) -> None:
        self._rest = [match.group("special") or match.group("word") for match in _TOKEN.finditer(text)]
        self._rest.reverse()

    @property
    def ahead(self) -> str:
        """The next, empty at the end."""
        return self._rest[-1] if self._rest else _END

    def take(self) -> str:
        """The next, taken."""
        return self._rest.pop() if self._rest else _END

    def demand(self, wanted: str, called: str) -> None:
        """Take what must come next."""
        found = self.take()
        if found != wanted:
            raise SelectorError(f"found {_shown(found)}, expected {called}")

    def word(self, called: str) -> str:
        """A word, which must come next."""
        found = self.take()
        if not found or found[0] in "=!(),<>":
            raise SelectorError(f"found {_shown(found)}, expected {called}")
        return found

    def value(self) -> str:
        """A value, which may be empty: before a comma, a bracket or the end."""
        return "" if self.ahead in {",", ")", _END} else self.word("a value")


def _requirement(tokens: _Tokens) -> LabelRequirement:
    if tokens.ahead == "!":
        tokens.take()
        return LabelRequirement(_key(tokens.word("a label's key")), MISSING)
    key = _key(tokens.word("a label's key, or ! before one"))
    if tokens.ahead in {",", _END}:
        return LabelRequirement(key, EXISTS)
    operator = tokens.take()
    if operator in {IN, NOT_IN}:
        return LabelRequirement(key, operator, _values(tokens))
    if operator in {"=", "==", "!="}:
        value = _value(tokens.value())
        return LabelRequirement(key, NOT_IN if operator == "!=" else IN, frozenset({value}))
    if operator in {GREATER, LESS}:
        value = tokens.value()
        if not _INTEGER.fullmatch(value):
            raise SelectorError(f"{key} {operator} needs a whole number, not {_shown(value)}")
        return LabelRequirement(key, operator, frozenset({value}))
    raise SelectorError(f"found {_shown(operator)} after {key}, expected one of in, notin, =, ==, !=, >, <")


def _values(tokens: _Tokens) -> frozenset[str]:
    tokens.demand("(", "a ( with values")
    if tokens.ahead == ")":
        raise SelectorError("in and notin need at least one value")
    values = {_value(tokens.value())}
    while tokens.ahead == ",":
        tokens.take()
        values.add(_value(tokens.value()))
    tokens.demand(")", "a comma or )")
    return frozenset(values)


def _key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if slash and (len(prefix) > _MAX_PREFIX or not _PREFIX.fullmatch(prefix)):
        raise SelectorError(f"the key {text!r} has a prefix that isn't a DNS name")
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise SelectorError(f"{text!r} isn't a label's key: at most 63 letters, digits, '-', '_' or '.' after the /")
    return text


def _value(text: str) -> str:
    if text and (len(text) > _MAX_NAME or not _NAME.fullmatch(text)):
        raise SelectorError(f"{text!r} isn't a label's value: at most 63 letters, digits, '-', '_' or '.'")
    return text


def _shown(token: str) -> str:
    return repr(token) if token else "the end"
