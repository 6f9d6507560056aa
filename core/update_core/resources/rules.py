"""What the API server refuses beyond types and bounds, in CEL: the form of a value, and what can't be changed.

Each rule has a message for the person who typed the value. A field with a rule has no `pattern` in the CRD: the API server would print
the bare expression beside the message.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_REVERSE_DNS = r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)+$"

# https://semver.org/spec/v2.0.0.html, its own suggested expression without capturing.
_SEMANTIC = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$"
)
# Ten digits at most, so that int() below can't overflow.
_DOTTED = r"^[0-9]{1,10}(\.[0-9]{1,10}){0,3}$"

# A space, a control character or one of these would end the URL early in some client.
_NOT_IN_URLS = r"[^!-~]|[\"<>\\^`{|}]"
_BASE_URL = r"^https?://[^/?#]+/([^?#]*/)?$"
# No slash in a query: Omaha splits a URL at its last slash, and some clients join the halves as paths.
_ABSOLUTE_URL = r"^https?://[^/?#]+/([^?#]*/)?[^/?#]+(\?[^#/]*)?$"
# No colon, so that what has a scheme or a port is never taken for a path.
_RELATIVE_PATH = r"^[^/?#:]+(/[^/?#:]+)*(\?[^#/]*)?$"
# Clients resolve %2e as a dot too (https://url.spec.whatwg.org/#double-dot-path-segment).
_DOT_SEGMENT = r"(?i)(^|/)(\.|%2e){1,2}(/|\?|$)"
_IMAGE_REFERENCE = (
    r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+:[0-9]+)(/[a-z0-9._-]+)+"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?@sha256:[0-9a-f]{64})$"
)

# What begins a version: the same with "." or "$" behind it (`versions.has_prefix`).
_SEMANTIC_PREFIX = _SEMANTIC.removesuffix("$") + r"[.$]?$"
_DOTTED_PREFIX = _DOTTED.removesuffix("$") + r"[.$]?$"

# No slash, no query, no percent: clients join codebase and name as text.
_FILE_NAME = r"^[^/?#%:]+$"

_OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_PRINTABLE = r"^[!-~]([ -~]*[!-~])?$"
_CONTROL = r"[\x00-\x1f\x7f]"


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


def _matches(pattern: str) -> str:
    return f"self.matches({_literal(pattern)})"


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_VERSION = f"{_matches(_SEMANTIC)} || ({_matches(_DOTTED)} && self.split('.').all(part, int(part) <= 4294967295))"
_VERSION_MESSAGE = (
    "must be a semantic version such as 1.2.3 or 1.2.3-beta.1, "
    "or one to four integers below 4294967296 separated by dots such as 120.0.6099.5"
)


_PREFIX = (
    f"{_matches(_SEMANTIC_PREFIX)} || ({_matches(_DOTTED_PREFIX)}"
    " && self.replace('$', '').split('.').all(part, part == '' || int(part) <= 4294967295))"
)


def _form(kind: str, field: str, expression: str, message: str) -> Rule:
    return Rule(f"{kind}.{field}", kind, tuple(field.split(".")), expression, message)


def _reference(kind: str, field: str) -> Rule:
    target = {"applicationRef": "an Application", "channelRef": "a Channel", "defaultGroupRef": "a Group"}[field]
    return _form(
        kind,
        f"{field}.name",
        _matches(_OBJECT_NAME),
        f"must be the metadata.name of {target} in this namespace: lower-case letters, digits, '-' and '.'",
    )


def _one_line(kind: str, field: str) -> Rule:
    return _form(
        kind,
        field,
        f"!self.matches({_literal(_CONTROL)})",
        "must be one line of text without control characters",
    )


def _required_and_immutable(kind: str, field: str, remedy: str) -> Rule:
    return Rule(
        f"{kind}.{field}-immutable",
        kind,
        (),
        f"self.{field} == oldSelf.{field}",
        f"{field} can't be changed: {remedy}",
        field,
    )


def _optional_and_immutable(kind: str, field: str, remedy: str) -> Rule:
    # On spec, not on the field: a rule on the field is skipped when the field comes or goes.
    expression = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return Rule(
        f"{kind}.{field}-immutable",
        kind,
        (),
        expression,
        f"{field} can't be changed, added or removed: {remedy}",
        field,
    )


def _application() -> Iterator[Rule]:
    yield _form(
        "Application",
        "appId",
        f"{_matches(_UUID)} || {_matches(_REVERSE_DNS)}",
        "must be a UUID such as e96281a6-d1af-4bde-9a0a-97b76e56dc57 or a reverse-DNS name such as com.example.webapp, "
        "in lower case and without braces",
    )
    yield _required_and_immutable(
        "Application", "appId", "instances know the application by it; create another Application"
    )
    yield _one_line("Application", "displayName")
    yield _form(
        "Application",
        "packageBaseURL",
        f"{_matches(_BASE_URL)} && !self.matches({_literal(_NOT_IN_URLS)})",
        "must be an absolute http:// or https:// URL that ends in / and has no query, fragment or spaces, such as https://downloads.example.com/webapp/",
    )
    yield _reference("Application", "defaultGroupRef")


def _package() -> Iterator[Rule]:
    another = "a Package is one payload for good; create another Package"
    yield _reference("Package", "applicationRef")
    yield _required_and_immutable("Package", "applicationRef", another)
    yield _form("Package", "version", _VERSION, _VERSION_MESSAGE)
    yield _required_and_immutable("Package", "version", another)
    yield _one_line("Package", "displayName")
    yield _form(
        "Package",
        "url",
        f"!self.matches({_literal(_NOT_IN_URLS)}) && ({_matches(_ABSOLUTE_URL)}"
        f" || ({_matches(_RELATIVE_PATH)} && !self.matches({_literal(_DOT_SEGMENT)})) || {_matches(_IMAGE_REFERENCE)})",
        "must be an absolute http:// or https:// URL of a file, a relative path without leading /, '..' or ':' such as webapp/update.gz, "
        "or an image reference with a tag or digest such as index.example.com/webapp:1.2.1; write a slash in a query as %2F",
    )
    yield _required_and_immutable("Package", "url", another)
    yield _required_and_immutable("Package", "size", another)
    yield _form(
        "Package",
        "sha256",
        _matches("^[0-9a-f]{64}$"),
        "must be 64 lower-case hexadecimal digits, as sha256sum prints them",
    )
    yield _required_and_immutable("Package", "sha256", another)
    yield _form(
        "Package",
        "sha1",
        _matches("^[0-9a-f]{40}$"),
        "must be 40 lower-case hexadecimal digits, as sha1sum prints them",
    )
    yield _optional_and_immutable("Package", "sha1", another)
    yield _form(
        "Package",
        "signature",
        f"{_matches('^[A-Za-z0-9+/]+={0,2}$')} && size(self) % 4 == 0",
        "must be standard base64 with its padding, on one line",
    )
    yield _optional_and_immutable("Package", "signature", another)
    yield _optional_and_immutable("Package", "metadataSize", another)
    yield _optional_and_immutable("Package", "arch", another)
    yield from _package_files(another)
    yield from _package_programs(another)


def _package_files(another: str) -> Iterator[Rule]:
    yield _form(
        "Package",
        "mirrors.[]",
        f"{_matches(_BASE_URL)} && !self.matches({_literal(_NOT_IN_URLS)})",
        "must be an absolute http:// or https:// URL of a folder, which ends in / and has no query, fragment or spaces, "
        "such as https://mirror.example.com/webapp/1.2.0/",
    )
    yield _form(
        "Package",
        "extraFiles.[].name",
        f"{_matches(_FILE_NAME)} && !self.matches({_literal(_NOT_IN_URLS)}) && self != '.' && self != '..'",
        "must be a plain file name without slashes, spaces, '%', '?', '#' or ':', such as oem-ami.gz",
    )
    yield _optional_and_immutable("Package", "extraFiles", another)
    yield Rule(
        "Package.extraFiles-beside-the-payload",
        "Package",
        (),
        "!has(self.extraFiles) || self.extraFiles.all(f, self.url != f.name && !self.url.endsWith('/' + f.name))",
        "extraFiles must be others than the payload: clients keep files by their names, and one would take the other's place",
        "extraFiles",
    )
    for field in ("mirrors", "extraFiles"):
        yield Rule(
            f"Package.{field}-of-an-image",
            "Package",
            (),
            f"!has(self.{field}) || self.{field}.size() == 0 || !self.url.matches({_literal(_IMAGE_REFERENCE)})",
            f"{field} must be left out where url is an image reference, which has no folder: its registry says where else it is",
            field,
        )


def _package_programs(another: str) -> Iterator[Rule]:
    yield _one_line("Package", "actions.[].run")
    yield _one_line("Package", "actions.[].arguments")
    yield _optional_and_immutable("Package", "actions", another)
    yield _one_line("Package", "postinstall.deadline")
    yield _form(
        "Package",
        "postinstall.moreInfo",
        f"{_matches('^https?://[^/?#]+')} && !self.matches({_literal(_NOT_IN_URLS)})",
        "must be an absolute http:// or https:// URL without spaces, such as https://www.example.com/releases/1.2.0",
    )
    yield _one_line("Package", "postinstall.displayVersion")


def _channel() -> Iterator[Rule]:
    yield _reference("Channel", "applicationRef")
    yield _required_and_immutable("Channel", "applicationRef", "create a Channel for the other application")
    yield _form(
        "Channel", "name", _matches(_PRINTABLE), "must be printable ASCII that neither begins nor ends with a space"
    )
    yield _required_and_immutable("Channel", "name", "instances know the channel by it; create another Channel")
    yield _form("Channel", "version", _VERSION, _VERSION_MESSAGE)


def _group() -> Iterator[Rule]:
    yield _reference("Group", "applicationRef")
    yield _required_and_immutable("Group", "applicationRef", "create a Group for the other application")
    yield _reference("Group", "channelRef")
    yield _form(
        "Group", "track", _matches(_PRINTABLE), "must be printable ASCII that neither begins nor ends with a space"
    )
    yield _required_and_immutable("Group", "track", "instances know the group by it; create another Group")
    yield _one_line("Group", "displayName")
    yield _form(
        "Group",
        "versionPolicy.prefix",
        _PREFIX,
        "must be the beginning of a version, such as 1.2 or 1.2., or a version with $ behind it for that one alone, such as 1.2.3$",
    )
    yield _form(
        "Group",
        "exclude.oems.[]",
        _matches(_PRINTABLE),
        "must be printable ASCII that neither begins nor ends with a space",
    )


RULES: tuple[Rule, ...] = (*_application(), *_channel(), *_group(), *_package())
"""Every rule of the four kinds; names are unique."""
