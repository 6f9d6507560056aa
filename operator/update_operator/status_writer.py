"""Does a status have to be written, may it be now, and is it still about the object that it was computed from?

One server-side apply of the whole status, fenced by the resourceVersion of the object that it was computed from. A status that is there
already isn't written; one that differs only in counts waits for its turn.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from update_core.resources.application import ApplicationStatus
from update_core.resources.channel import ChannelStatus
from update_core.resources.conditions import ConditionType
from update_core.resources.group import GroupStatus
from update_core.resources.package import PackageStatus
from update_core.resources.rollout_status import Rollout
from update_kube.client import Client
from update_operator import keys
from update_operator.cache import Entry
from update_operator.keys import Key
from update_operator.pacing import Pacer

FIELD_MANAGER = "update-operator"

Status: TypeAlias = ApplicationStatus | ChannelStatus | GroupStatus | PackageStatus


@dataclass(frozen=True, slots=True)
class Written:
    """The status is in the cluster; the object as it is now."""

    object: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It was there already."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Only counts differ, and it isn't their turn for so many seconds."""

    seconds: float


Result = Written | Unchanged | Deferred


class StatusWriter:
    """The only place that changes anything about the four kinds."""

    def __init__(self, kube: Client, pacer: Pacer) -> None:
        self._kube = kube
        self._pacer = pacer

    async def write(self, key: Key, entry: Entry, present: Status | None, desired: Status) -> Result:
        """Make `desired` the status of the object, if it is still the version that `entry` is.

        `present` is its status as read, None where that couldn't be read.

        Raises:
            update_kube.errors.Conflict: the object changed meanwhile; compute again.
            update_kube.errors.NotFound: it is gone.
            update_kube.errors.KubeError: anything else that the API server had against it.
        """
        if present == desired:
            return Unchanged()
        if present is not None and _without_counts(present) == _without_counts(desired):
            wait = self._pacer.delay(key)
            if wait > 0:
                return Deferred(wait)
        type_ = keys.TYPES[key.kind]
        body = {
            "apiVersion": type_.api_version,
            "kind": key.kind,
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                # The uid too: an object that was deleted and made again is another one.
                "uid": entry.metadata.uid,
                "resourceVersion": entry.metadata.resource_version,
            },
            "status": desired.to_wire(),
        }
        stored = await self._kube.apply(
            type_, body, key.namespace, field_manager=FIELD_MANAGER, force=True, subresource="status"
        )
        self._pacer.wrote(key)
        return Written(stored)

    async def read(self, key: Key) -> dict[str, Any]:
        """The object as it is now.

        Raises:
            update_kube.errors.KubeError: NotFound where it is gone, else whatever kept it from being read.
        """
        return await self._kube.get(keys.TYPES[key.kind], key.name, key.namespace)

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._pacer.forget(key)


def _without_share(rollout: Rollout | None) -> Rollout | None:
    if rollout is None or rollout.linear is None:
        return rollout
    return rollout.model_copy(update={"linear": rollout.linear.model_copy(update={"percent": None})})


def _without_counts(status: Status) -> Status:
    """The status without what changes all the time: counts, whether they are fresh, a growing share, which Groups are waited for."""
    match status:
        case GroupStatus():
            lasting = [condition for condition in status.conditions if condition.type != ConditionType.FLEET_REPORTED]
            return status.model_copy(
                update={
                    "instances": None,
                    "progress": None,
                    "conditions": lasting,
                    "rollout": _without_share(status.rollout),
                }
            )
        case ChannelStatus():
            unnamed = [
                condition.model_copy(update={"message": ""})
                if condition.type == ConditionType.ROLLED_OUT
                else condition
                for condition in status.conditions
            ]
            return status.model_copy(update={"groups": None, "conditions": unnamed})
        case _:
            return status
