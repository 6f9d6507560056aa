"""Who owns a field of an object? What metadata.managedFields says, of which nothing else is of interest here."""

from collections.abc import Mapping
from typing import Any

MAX_LENGTH = 128
"""As long as Kubernetes lets a field manager's name be."""


def of_field(metadata: Mapping[str, Any], *path: str) -> str | None:
    """The field manager that owns the field at `path`, of several the one that wrote last; None where none does."""
    found = [entry for entry in metadata.get("managedFields") or () if _owns(entry.get("fieldsV1"), path)]
    latest = max(found, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(latest["manager"])[:MAX_LENGTH] if latest is not None and latest.get("manager") else None


def _owns(fields: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(fields, Mapping) or f"f:{name}" not in fields:
            return False
        fields = fields[f"f:{name}"]
    return True
