"""What is a rule of a CRD made of, and which forms do values of several kinds have? Versions, names, lines of text, references.

`rules` and `rollout_rules` have the rules themselves.
"""

from dataclasses import dataclass

# https://semver.org/spec/v2.0.0.html, its own suggested expression without capturing.
SEMANTIC = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$"
)
# Ten digits at most, so that int() below can't overflow.
DOTTED = r"^[0-9]{1,10}(\.[0-9]{1,10}){0,3}$"

_OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_CONTROL = r"[\x00-\x1f\x7f]"
_REFERENCES = {
    "applicationRef": "an Application",
    "channelRef": "a Channel",
    "defaultGroupRef": "a Group",
    "groupRef": "a Group",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One validation rule of a CRD: on the field at `path` below spec, or with an empty path on spec itself.

    In a path "[]" stands for each item of a list.
    """

    name: str
    kind: str
    path: tuple[str, ...]
    expression: str
    message: str
    field: str | None = None
    """The field of spec that a rule on spec itself is about; errors name it."""

    def to_wire(self) -> dict[str, str]:
        """The entry of x-kubernetes-validations."""
        wire = {"rule": self.expression, "message": self.message}
        if self.field is not None:
            wire |= {"fieldPath": f".{self.field}", "reason": "FieldValueForbidden"}
        return wire


def matches(pattern: str) -> str:
    """The expression that is true of text in which the pattern is found."""
    return f"self.matches({literal(pattern)})"


def literal(text: str) -> str:
    """The text as CEL writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_VERSION = f"{matches(SEMANTIC)} || ({matches(DOTTED)} && self.split('.').all(part, int(part) <= 4294967295))"
_VERSION_MESSAGE = (
    "must be a semantic version such as 1.2.3 or 1.2.3-beta.1, "
    "or one to four integers below 4294967296 separated by dots such as 120.0.6099.5"
)


def form(kind: str, field: str, expression: str, message: str) -> Rule:
    """A rule on the form of one field, by its dotted path."""
    return Rule(f"{kind}.{field}", kind, tuple(field.split(".")), expression, message)


def version(kind: str, field: str) -> Rule:
    """A version that can be compared."""
    return form(kind, field, _VERSION, _VERSION_MESSAGE)


def reference(kind: str, field: str) -> Rule:
    """A reference to another object of the namespace."""
    target = _REFERENCES[field.rpartition(".")[2]]
    return form(
        kind,
        f"{field}.name",
        matches(_OBJECT_NAME),
        f"must be the metadata.name of {target} in this namespace: lower-case letters, digits, '-' and '.'",
    )


def one_line(kind: str, field: str) -> Rule:
    """One line of text for people."""
    return form(
        kind,
        field,
        f"!self.matches({literal(_CONTROL)})",
        "must be one line of text without control characters",
    )
