"""What does a list or watch ask for besides its selectors? metav1.ListOptions, from the query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from omaha_api.fleet_api import statuses

MATCHES = ("Exact", "NotOlderThan")

_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
_TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True"})
_FALSE = frozenset({"", "false", "0", "f", "F", "FALSE", "False"})


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query of a list or a watch. None means not given."""

    watch: bool = False
    limit: int | None = None
    continue_: str = ""
    resource_version: int | None = None
    resource_version_match: str = ""
    timeout_seconds: int | None = None
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Read the query's parameters; those that aren't known are passed over, as kube-apiserver does.

        Raises:
            ApiError: 400, one has no sense.
        """
        match = query.get("resourceVersionMatch", "")
        if match and match not in MATCHES:
            raise statuses.bad_request(f"resourceVersionMatch is {' or '.join(MATCHES)}, not {match!r}")
        initial = query.get("sendInitialEvents", "")
        return cls(
            watch=_boolean(query, "watch"),
            limit=_number(query, "limit") or None,
            continue_=query.get("continue", ""),
            resource_version=_number(query, "resourceVersion"),
            resource_version_match=match,
            timeout_seconds=_number(query, "timeoutSeconds"),
            allow_watch_bookmarks=_boolean(query, "allowWatchBookmarks"),
            send_initial_events=_boolean(query, "sendInitialEvents") if initial else None,
        )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not _DIGITS.fullmatch(text):
        raise statuses.bad_request(f"{name} is a whole number, not {text!r}")
    return int(text)


def _boolean(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "")
    if text not in _TRUE and text not in _FALSE:
        raise statuses.bad_request(f"{name} is true or false, not {text!r}")
    return text in _TRUE
