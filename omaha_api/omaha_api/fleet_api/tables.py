"""How does an object look as a row of `kubectl get`? Columns and cells, and every other form that a client may ask an object in.

Rows are told the time: ages and the like are worked out here, as every API server does for its own kinds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omaha_api.fleet_api import ages, kinds, negotiation, progresses
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.objects import Object
from update_core.resources.fleet.base import API_VERSION

META_VERSION = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; those of priority 0 are always shown, the others with `-o wide`."""

    name: str
    description: str
    cell: Callable[[Object, datetime], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0

    def to_wire(self) -> dict[str, Any]:
        """The metav1.TableColumnDefinition."""
        return {
            "name": self.name, "type": self.type, "format": self.format,
            "description": self.description, "priority": self.priority,
        }  # fmt: skip


def transform(kind: Kind, obj: Object, negotiated: Negotiated, now: datetime, *, columns: bool = True) -> Object:
    """A get's or an event's object in the negotiated form. `columns=False` for a watch's events after the first."""
    if negotiated.as_ == negotiation.TABLE:
        # kubectl goes on watching from the Table's resourceVersion.
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        return _table(metadata, _DEFINITIONS[kind] if columns else [], items(kind, [obj], negotiated, now))
    return partial(obj) if negotiated.as_ == negotiation.PARTIAL else obj


def items(kind: Kind, objects: Sequence[Object], negotiated: Negotiated, now: datetime) -> list[Any]:
    """Objects as they stand in a list of the negotiated form."""
    if negotiated.as_ == negotiation.TABLE:
        return [_row(obj, COLUMNS[kind], negotiated.include_object, now) for obj in objects]
    return [partial(obj) for obj in objects] if negotiated.as_ == negotiation.PARTIAL else list(objects)


def list_of(kind: Kind, items: Sequence[Any], negotiated: Negotiated, metadata: Object) -> Object:
    """A list of such items, which come last in it; `metadata` is the list's: resourceVersion and continue."""
    if negotiated.as_ == negotiation.TABLE:
        return _table(metadata, _DEFINITIONS[kind], items)
    if negotiated.as_ == negotiation.PARTIAL:
        head = {"kind": negotiation.PARTIAL_LIST, "apiVersion": META_VERSION}
    else:
        head = {"kind": kind.list_kind, "apiVersion": API_VERSION}
    return head | {"metadata": metadata, "items": items}


def partial(obj: Object) -> Object:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": META_VERSION, "metadata": obj["metadata"]}


def _table(metadata: Object, definitions: Sequence[Object], rows: Sequence[Any]) -> Object:
    return {
        "kind": negotiation.TABLE,
        "apiVersion": META_VERSION,
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _row(obj: Object, columns: Sequence[Column], include_object: str, now: datetime) -> Object:
    row: Object = {"cells": [column.cell(obj, now) for column in columns]}
    if include_object == "Metadata":
        row["object"] = partial(obj)
    elif include_object == "Object":
        row["object"] = obj
    return row


def _age_column() -> Column:
    # The type is string and not date: kubectl prints cells as they come.
    return Column(
        "Age", "Since when it is known.", lambda obj, now: ages.since(obj["metadata"]["creationTimestamp"], now)
    )


def _count(name: str, description: str, field: str) -> Column:
    return Column(name, description, lambda obj, _: obj["status"]["instances"][field], type="integer", format="int32")


def _waves(obj: Object, now: datetime) -> str:
    rollout = obj["status"].get("rollout", {})
    if "linear" in rollout:
        return progresses.share(rollout, now)
    if "open" not in rollout:
        return ""
    opened = {wave["name"] for wave in rollout["open"]}
    return f"{len(opened)}/{len(opened | {wave['name'] for wave in obj['status']['waves']})}"


def _halted(obj: Object) -> str:
    rollout, latch = obj["status"].get("rollout", {}), obj["status"].get("latch", {})
    # The operator copies it a moment later.
    holds = (latch.get("sequence"), latch.get("epoch")) == (rollout.get("sequence", 0), rollout.get("epoch", 0))
    return str(latch["reason"]) if holds else str(rollout.get("halted", {}).get("reason", ""))


COLUMNS: dict[Kind, tuple[Column, ...]] = {
    kinds.INSTANCES: (
        Column("Name", "metadata.name.", lambda obj, _: obj["metadata"]["name"], format="name"),
        Column("App", "The Application.", lambda obj, _: obj["spec"]["application"]),
        Column("Group", "The Group that answers it.", lambda obj, _: obj["spec"]["group"] or obj["spec"]["track"]),
        Column("Version", "What it runs.", lambda obj, _: obj["status"]["version"]),
        Column("State", "How its latest update goes.", lambda obj, _: obj["status"]["state"]),
        Column("Last-Seen", "How long ago it asked.", lambda obj, now: ages.since(obj["status"]["lastSeenTime"], now)),
        _age_column(),
        Column("Instance-ID", "The id that it sends.", lambda obj, _: obj["spec"]["instanceId"], priority=1),
        Column(
            "Update",
            "The version that it was offered last.",
            lambda obj, _: obj["status"].get("update", {}).get("version", ""),
            priority=1,
        ),
        Column("Refusal", "Why it got no update.", lambda obj, _: obj["status"]["lastRefusal"], priority=1),
        Column("Alias", "What people call it.", lambda obj, _: obj["spec"]["alias"], priority=1),
        Column("OEM", "What it was made for.", lambda obj, _: obj["spec"]["attributes"].get("oem", ""), priority=1),
    ),
    kinds.GROUPPROGRESSES: (
        Column("Name", "metadata.name, the Group's.", lambda obj, _: obj["metadata"]["name"], format="name"),
        Column("App", "The Application.", lambda obj, _: obj["spec"]["application"]),
        Column("Track", "The Group's track.", lambda obj, _: obj["spec"]["track"]),
        Column("Target", "Where it moves.", lambda obj, _: obj["status"].get("rollout", {}).get("version", "")),
        Column(
            "Sequence",
            "Number of the rollout.",
            lambda obj, _: obj["status"].get("rollout", {}).get("sequence", 0),
            type="integer",
            format="int64",
        ),
        Column("Waves", "Waves that are open, of how many; or the share of a linear rollout.", _waves),
        Column("Halted", "Why its failures halted it; empty while they don't.", lambda obj, _: _halted(obj)),
        _count("Active", "Instances that asked lately.", "active"),
        _count("On-Target", "Active ones on the target version.", "onTarget"),
        _count("In-Progress", "Instances with an update in flight.", "inProgress"),
        _count("Failed", "Instances whose latest attempt failed.", "failed"),
        _age_column(),
    ),
}

_DEFINITIONS = {kind: [column.to_wire() for column in columns] for kind, columns in COLUMNS.items()}
