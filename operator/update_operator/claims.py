"""Which namespace does an appId belong to? A ConfigMap per appId in the service's namespace says so.

It is made once, by the atomic create that only one can win, for the oldest Application that wants the appId, and never changed or
deleted here: it outlives the Application, and only an administrator moves it.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from update_core.resources.application import Application
from update_core.resources.base import oldest_first
from update_kube import errors
from update_kube.client import Client
from update_kube.resources import CONFIGMAPS

logger = logging.getLogger(__name__)

FIELD_MANAGER = "update-operator"
LABELS = {"app.kubernetes.io/managed-by": "update-operator", "app.kubernetes.io/part-of": "update-service"}
_PREFIX = "appid-"


def name_of(app_id: str) -> str:
    """The name of an appId's claim: an appId may hold what a name may not."""
    return _PREFIX + hashlib.sha256(app_id.encode()).hexdigest()[:40]


class Claims:
    """The claims as last seen."""

    def __init__(self, kube: Client, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._owners: dict[str, str] = {}

    def owner(self, app_id: str) -> str | None:
        """The namespace that has the appId, None where nobody has, as far as is known."""
        return self._owners.get(app_id)

    async def refresh(self) -> list[str]:
        """Read all claims anew. Returns the appIds whose owner changed.

        Raises:
            update_kube.errors.KubeError: they can't be read.
        """
        items, _ = await self._kube.list_all(CONFIGMAPS, self._namespace)
        owners = dict(claim for claim in map(_claim, items) if claim is not None)
        changed = [app_id for app_id in {**self._owners, **owners} if self._owners.get(app_id) != owners.get(app_id)]
        self._owners = owners
        return changed

    async def award(self, app_id: str, candidates: Sequence[Application]) -> str:
        """The owner of an appId; where nobody has it, the namespace of the oldest candidate from now on.

        Call it only once every Application is known, or a younger one might win.

        Raises:
            update_kube.errors.KubeError: the API server didn't take the claim, or holds one that isn't readable.
        """
        owner = self._owners.get(app_id)
        if owner is not None:
            return owner
        namespace = oldest_first(candidates)[0].metadata.namespace
        claim = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name_of(app_id), "namespace": self._namespace, "labels": LABELS},
            "data": {"appId": app_id, "namespace": namespace},
        }
        try:
            stored = await self._kube.create(CONFIGMAPS, claim, field_manager=FIELD_MANAGER)
        except errors.AlreadyExists:
            stored = await self._kube.get(CONFIGMAPS, name_of(app_id), self._namespace)
        read = _claim(stored)
        if read is None or read[0] != app_id:
            raise errors.KubeError(
                f"ConfigMap {self._namespace}/{name_of(app_id)} is not the claim of appId {app_id}: "
                "an administrator must give it data.appId and data.namespace, or delete it"
            )
        self._owners[app_id] = read[1]
        logger.info("appId %s belongs to namespace %s", app_id, read[1])
        return read[1]


def _claim(obj: dict[str, Any]) -> tuple[str, str] | None:
    """(appId, namespace) of a claim, None for any other ConfigMap."""
    data = obj.get("data") or {}
    app_id, namespace = data.get("appId"), data.get("namespace")
    if not app_id or not namespace or obj["metadata"]["name"] != name_of(app_id):
        return None
    return app_id, namespace
