"""An Event of events.k8s.io/v1 as data: which story it tells, how often it happened, and the object that says so.

Pure; events.py decides when one is written.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import hashlib
import re
from typing import Any

from update_kube import microtime
from update_kube.resources import EVENTS

NOTE_BYTES = 1024
"""The API server refuses longer notes."""

INSTANCE_LENGTH = 128
"""The same for the reporting instance."""

# Events about cluster-scoped objects live here, as with client-go.
_CLUSTER_NAMESPACE = "default"

_NAME_LENGTH = 253
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class EventType(enum.Enum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What makes two occurrences the same: the object, and all that is said about it."""

    namespace: str
    regarding: tuple[tuple[str, str], ...]
    type: EventType
    reason: str
    action: str
    note: str

    @property
    def subject(self) -> str:
        """The name of the object that it is about."""
        return dict(self.regarding).get("name", "")


@dataclasses.dataclass(slots=True)
class Series:
    """How often a story happened (`touched`: when last, monotonic), and the name of its Event (None: not written)."""

    count: int
    first_at: dt.datetime
    last_at: dt.datetime
    touched: float
    name: str | None = None
    written_at: float = float("-inf")

    def field(self) -> dict[str, Any]:
        """The Event's `series`."""
        return {"count": self.count, "lastObservedTime": microtime.text(self.last_at)}


def story(regarding: dict[str, Any], type_: EventType | str, reason: str, action: str, note: str) -> Story:
    """The story of one occurrence; the note is cut to NOTE_BYTES. Raises ValueError for an unknown type."""
    metadata = regarding.get("metadata") or {}
    reference = {
        "apiVersion": regarding.get("apiVersion"),
        "kind": regarding.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
    }
    return Story(
        str(metadata.get("namespace") or _CLUSTER_NAMESPACE),
        tuple((field, str(value)) for field, value in reference.items() if value),
        EventType(type_),
        reason,
        action,
        _cut(note, NOTE_BYTES),
    )


def name(told: Story, series: Series) -> str:
    """`<object's name>.<hash>`: unique per story and start, and the same again when a write is repeated."""
    suffix = "." + hashlib.sha256(repr((told, series.first_at)).encode()).hexdigest()[:16]
    stem = told.subject.lower()[: _NAME_LENGTH - len(suffix)].rstrip(".-")
    if not _SUBDOMAIN.fullmatch(stem):
        # Some kinds allow more: ClusterRoles are called system:node.
        stem = re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "unnamed"
    return stem + suffix


def body(told: Story, series: Series, *, controller: str, instance: str) -> dict[str, Any]:
    """The Event to create."""
    event: dict[str, Any] = {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name(told, series), "namespace": told.namespace},
        "eventTime": microtime.text(series.first_at),
        "reportingController": controller,
        "reportingInstance": instance[:INSTANCE_LENGTH],
        "type": told.type.value,
        "reason": told.reason,
        "action": told.action,
        "regarding": dict(told.regarding),
        "note": told.note,
    }
    if series.count > 1:
        event["series"] = series.field()
    return event


def _cut(text: str, limit: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    mark = "…"
    return encoded[: limit - len(mark.encode())].decode("utf-8", "ignore") + mark
