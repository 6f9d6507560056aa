"""What the API server refuses beyond types and bounds, in CEL: the form of a value, and what can't be changed.

Each rule has a message for the person who typed the value. A field with a rule has no `pattern` in the CRD: the API server would print
the bare expression beside the message.
"""

from collections.abc import Iterator

from update_core.resources import rollout_rules
from update_core.resources.rule_forms import (
    DOTTED,
    SEMANTIC,
    Rule,
    form,
    literal,
    matches,
    one_line,
    reference,
    version,
)

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_REVERSE_DNS = r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)+$"

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
_SEMANTIC_PREFIX = SEMANTIC.removesuffix("$") + r"[.$]?$"
_DOTTED_PREFIX = DOTTED.removesuffix("$") + r"[.$]?$"

# No slash, no query, no percent: clients join codebase and name as text.
_FILE_NAME = r"^[^/?#%:]+$"

_PRINTABLE = r"^[!-~]([ -~]*[!-~])?$"
_PREFIX = (
    f"{matches(_SEMANTIC_PREFIX)} || ({matches(_DOTTED_PREFIX)}"
    " && self.replace('$', '').split('.').all(part, part == '' || int(part) <= 4294967295))"
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
    yield form(
        "Application",
        "appId",
        f"{matches(_UUID)} || {matches(_REVERSE_DNS)}",
        "must be a UUID such as e96281a6-d1af-4bde-9a0a-97b76e56dc57 or a reverse-DNS name such as com.example.webapp, "
        "in lower case and without braces",
    )
    yield _required_and_immutable(
        "Application", "appId", "instances know the application by it; create another Application"
    )
    yield one_line("Application", "displayName")
    yield form(
        "Application",
        "packageBaseURL",
        f"{matches(_BASE_URL)} && !self.matches({literal(_NOT_IN_URLS)})",
        "must be an absolute http:// or https:// URL that ends in / and has no query, fragment or spaces, such as https://downloads.example.com/webapp/",
    )
    yield reference("Application", "defaultGroupRef")


def _package() -> Iterator[Rule]:
    another = "a Package is one payload for good; create another Package"
    yield reference("Package", "applicationRef")
    yield _required_and_immutable("Package", "applicationRef", another)
    yield version("Package", "version")
    yield _required_and_immutable("Package", "version", another)
    yield one_line("Package", "displayName")
    yield form(
        "Package",
        "url",
        f"!self.matches({literal(_NOT_IN_URLS)}) && ({matches(_ABSOLUTE_URL)}"
        f" || ({matches(_RELATIVE_PATH)} && !self.matches({literal(_DOT_SEGMENT)})) || {matches(_IMAGE_REFERENCE)})",
        "must be an absolute http:// or https:// URL of a file, a relative path without leading /, '..' or ':' such as webapp/update.gz, "
        "or an image reference with a tag or digest such as index.example.com/webapp:1.2.1; write a slash in a query as %2F",
    )
    yield _required_and_immutable("Package", "url", another)
    yield _required_and_immutable("Package", "size", another)
    yield form(
        "Package",
        "sha256",
        matches("^[0-9a-f]{64}$"),
        "must be 64 lower-case hexadecimal digits, as sha256sum prints them",
    )
    yield _required_and_immutable("Package", "sha256", another)
    yield form(
        "Package",
        "sha1",
        matches("^[0-9a-f]{40}$"),
        "must be 40 lower-case hexadecimal digits, as sha1sum prints them",
    )
    yield _optional_and_immutable("Package", "sha1", another)
    yield form(
        "Package",
        "signature",
        f"{matches('^[A-Za-z0-9+/]+={0,2}$')} && size(self) % 4 == 0",
        "must be standard base64 with its padding, on one line",
    )
    yield _optional_and_immutable("Package", "signature", another)
    yield _optional_and_immutable("Package", "metadataSize", another)
    yield _optional_and_immutable("Package", "arch", another)
    yield from _package_files(another)
    yield from _package_programs(another)
    yield from _package_ways()


def _package_files(another: str) -> Iterator[Rule]:
    yield form(
        "Package",
        "mirrors.[]",
        f"{matches(_BASE_URL)} && !self.matches({literal(_NOT_IN_URLS)})",
        "must be an absolute http:// or https:// URL of a folder, which ends in / and has no query, fragment or spaces, "
        "such as https://mirror.example.com/webapp/1.2.0/",
    )
    yield form(
        "Package",
        "extraFiles.[].name",
        f"{matches(_FILE_NAME)} && !self.matches({literal(_NOT_IN_URLS)}) && self != '.' && self != '..'",
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
            f"!has(self.{field}) || self.{field}.size() == 0 || !self.url.matches({literal(_IMAGE_REFERENCE)})",
            f"{field} must be left out where url is an image reference, which has no folder: its registry says where else it is",
            field,
        )


def _package_programs(another: str) -> Iterator[Rule]:
    yield one_line("Package", "actions.[].run")
    yield one_line("Package", "actions.[].arguments")
    yield _optional_and_immutable("Package", "actions", another)
    yield one_line("Package", "postinstall.deadline")
    yield form(
        "Package",
        "postinstall.moreInfo",
        f"{matches('^https?://[^/?#]+')} && !self.matches({literal(_NOT_IN_URLS)})",
        "must be an absolute http:// or https:// URL without spaces, such as https://www.example.com/releases/1.2.0",
    )
    yield one_line("Package", "postinstall.displayVersion")


def _package_ways() -> Iterator[Rule]:
    yield one_line("Package", "withdrawn.reason")
    yield one_line("Package", "deadEnd.reason")
    yield version("Package", "minFromVersion")


def _channel() -> Iterator[Rule]:
    yield reference("Channel", "applicationRef")
    yield _required_and_immutable("Channel", "applicationRef", "create a Channel for the other application")
    yield form(
        "Channel", "name", matches(_PRINTABLE), "must be printable ASCII that neither begins nor ends with a space"
    )
    yield _required_and_immutable("Channel", "name", "instances know the channel by it; create another Channel")
    yield version("Channel", "version")
    yield version("Channel", "floors.[].version")
    yield one_line("Channel", "floors.[].reason")


def _group() -> Iterator[Rule]:
    yield reference("Group", "applicationRef")
    yield _required_and_immutable("Group", "applicationRef", "create a Group for the other application")
    yield reference("Group", "channelRef")
    yield form(
        "Group", "track", matches(_PRINTABLE), "must be printable ASCII that neither begins nor ends with a space"
    )
    yield _required_and_immutable("Group", "track", "instances know the group by it; create another Group")
    yield one_line("Group", "displayName")
    yield form(
        "Group",
        "versionPolicy.prefix",
        _PREFIX,
        "must be the beginning of a version, such as 1.2 or 1.2., or a version with $ behind it for that one alone, such as 1.2.3$",
    )
    yield from _group_schedule()
    yield from rollout_rules.of_groups()
    yield version("Group", "versionPolicy.blockedVersions.[]")
    yield form(
        "Group",
        "exclude.oems.[]",
        matches(_PRINTABLE),
        "must be printable ASCII that neither begins nor ends with a space",
    )


def _group_schedule() -> Iterator[Rule]:
    yield form(
        "Group",
        "maintenanceWindows.[].startTime",
        matches(r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"),
        "must be a time of day such as 02:00 or 22:30:00, from 00:00 to 23:59:59",
    )
    yield form(
        "Group",
        "maintenanceWindows.[].timeZone",
        matches(r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$"),
        "must be an IANA time zone such as Europe/Berlin, America/New_York or UTC",
    )
    yield form(
        "Group",
        "freezes.[]",
        "self.start < self.end",
        "end must be after start: start is the freeze's first moment, end the first after it",
    )
    yield Rule(
        "Group.freezes.[]-in-our-time",
        "Group",
        ("freezes", "[]"),
        "self.start >= timestamp('1970-01-01T00:00:00Z') && self.end <= timestamp('3000-01-01T00:00:00Z')",
        "must be between the years 1970 and 3000; to hold the group back for good, pause it",
    )
    yield one_line("Group", "freezes.[].name")
    yield one_line("Group", "freezes.[].reason")


RULES: tuple[Rule, ...] = (*_application(), *_channel(), *_group(), *_package())
"""Every rule of the four kinds; names are unique."""
