"""How are checks answered after a restart while the Kubernetes API is away? From the objects as they last were, on disk.

The file is replaced as a whole, so a reader sees the old one or the new one. One that can't be read is said so and left aside: it is a
copy, and the API server has the original.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omaha_api.catalog import catalog_objects

logger = logging.getLogger(__name__)

FORMAT = "update-service catalog 1"


class SnapshotError(Exception):
    """The snapshot can't be written there; the text says why."""


def check_writable(file: Path) -> None:
    """Make sure at the start that a snapshot can be saved, rather than after the first change.

    Raises:
        SnapshotError: the folder can't be made or written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(file)
        temporary.write_bytes(b"")
        temporary.unlink()
    except OSError as error:
        raise SnapshotError(f"the snapshot folder {file.parent} can't be written: {error.strerror}") from error
    if file.is_dir():
        raise SnapshotError(f"the snapshot {file} is a folder")


def save(file: Path, objects: Sequence[Mapping[str, Any]]) -> None:
    """Replace the snapshot; on disk when this returns.

    Raises:
        SnapshotError: it couldn't be written; the earlier one is untouched.
    """
    content = json.dumps({"format": FORMAT, "objects": list(objects)}, separators=(",", ":")).encode()
    temporary = _temporary(file)
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        raise SnapshotError(f"the snapshot {file} can't be written: {error.strerror}") from error


def load(file: Path) -> list[Mapping[str, Any]] | None:
    """The objects of the snapshot, None where there is no usable one."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("the snapshot %s can't be read and is left aside: %s", file, error)
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT or not _are_objects(content.get("objects")):
        logger.warning("the file %s isn't a catalog snapshot of this version and is left aside", file)
        return None
    objects: list[Mapping[str, Any]] = content["objects"]
    return objects


def _are_objects(objects: object) -> bool:
    return isinstance(objects, list) and all(
        isinstance(obj, dict) and obj.get("kind") in catalog_objects.KINDS and isinstance(obj.get("metadata"), dict)
        for obj in objects
    )


def _temporary(file: Path) -> Path:
    return file.with_name(f".{file.name}.new")


def _sync_folder(folder: Path) -> None:
    # Without this a crash of the machine may bring the old name back.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
