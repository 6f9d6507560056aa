"""How does a row of the store look as a Kubernetes object?

Made by hand and not through the models, which would take most of a page's time; a test holds both together.
"""

import functools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from omaha_api.fleet_api import progresses
from update_core import names, versions
from update_core.fleet import attributes, reading
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant
from update_core.fleet.reading import InstanceRow, Placement, ProgressRow
from update_core.resources.fleet.base import API_VERSION
from update_core.rollout.model import Attempts

Object = dict[str, Any]

_PROGRESSES = uuid.UUID("0c4b2b53-8f7e-5d3c-a8a2-3f0c3d1d6c55")
"""The namespace of GroupProgress' uids: our own, fixed for ever."""


def instance(row: InstanceRow, placement: Placement, epoch: int) -> Object:
    """An Instance. `epoch` is the store's, of the position that was read before the row."""
    record = row.record
    metadata: Object = {
        "name": names.instance(placement.application, row.slug),
        "namespace": placement.namespace,
        "uid": names.instance_uid(record.app_id, record.instance_id),
        "resourceVersion": str(reading.resource_version(epoch, row.revision)),
        "creationTimestamp": time(record.first_seen),
    }
    labels = labels_of(record.attributes)
    if labels:
        metadata["labels"] = labels
    status: Object = {
        "version": record.version,
        "state": row.state,
        "lastSeenTime": time(record.last_seen),
        "lastRefusal": record.last_refusal,
    }
    if row.grant is not None:
        status["update"] = _update(row.grant, record.attempts)
    return {
        "apiVersion": API_VERSION,
        "kind": "Instance",
        "metadata": metadata,
        "spec": {
            "instanceId": record.instance_id,
            "appId": record.app_id,
            "application": placement.application,
            "track": record.track,
            "group": group_of(placement, record.track),
            "alias": record.alias,
            "attributes": _attributes_of(record.attributes),
        },
        "status": status,
    }


def progress(row: ProgressRow, placement: Placement, epoch: int) -> Object | None:
    """A GroupProgress; None where no Group ever had the track, so that it has no name."""
    counted = row.progress
    name = group_of(placement, counted.track)
    if not name:
        return None
    return {
        "apiVersion": API_VERSION,
        "kind": "GroupProgress",
        "metadata": {
            "name": name,
            "namespace": placement.namespace,
            "uid": str(uuid.uuid5(_PROGRESSES, f"{counted.app_id}\0{counted.track}")),
            "resourceVersion": str(reading.resource_version(epoch, row.revision)),
            "creationTimestamp": time(row.first_published),
        },
        "spec": {"appId": counted.app_id, "application": placement.application, "track": counted.track},
        "status": progresses.status(counted),
    }


def identity(row: InstanceRow, placement: Placement) -> Object:
    """An Instance's metadata as far as it never changes: what its subresources carry."""
    record = row.record
    return {
        "name": names.instance(placement.application, row.slug),
        "namespace": placement.namespace,
        "uid": names.instance_uid(record.app_id, record.instance_id),
        "creationTimestamp": time(record.first_seen),
    }


def group_of(placement: Placement, track: str) -> str:
    """metadata.name of the Group that has a track, or had it last; empty if there never was one."""
    return placement.groups.get(track, "")


@functools.lru_cache(maxsize=4096)
def labels_of(reported: Attributes) -> Mapping[str, str]:
    """The labels of an instance. A fleet has few kinds of machines, so most are found made; not to be changed."""
    return attributes.labels(reported)


@functools.lru_cache(maxsize=4096)
def _attributes_of(reported: Attributes) -> Mapping[str, str]:
    return reported.to_wire()


def time(at: datetime) -> str:
    """A metav1.Time: RFC 3339 in UTC, whole seconds."""
    at = at.astimezone(UTC)
    # Tens of thousands in a list: an f-string or isoformat takes twice as long.
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (at.year, at.month, at.day, at.hour, at.minute, at.second)  # noqa: UP031


def _update(grant: Grant, attempts: tuple[Attempts, ...]) -> Object:
    update: Object = {
        "version": grant.version,
        "sequence": grant.sequence,
        "state": grant.state.value,
        "grantedTime": time(grant.granted_at),
        "movedTime": time(grant.moved_at),
    }
    if grant.state.live:
        update["deadline"] = time(grant.deadline)
    if grant.error_code is not None:
        update["errorCode"] = grant.error_code
    update["detail"] = grant.detail
    update["wave"] = grant.wave
    update["failures"] = next((each.failures for each in attempts if versions.same(each.version, grant.version)), 0)
    return update
