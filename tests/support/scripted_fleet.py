"""The fleet API as the operator sees it, with counts that a test sets: GroupProgress objects of a CRD in a real API server.

So list, watch and rights are Kubernetes' own. What a CRD's watch doesn't do is to say something every two seconds, so operators are told
to be patient with silence. To be away is scripted with a fault proxy between operator and API server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from support import control_plane as planes
from support.fault_proxy import Seen
from update_core import names
from update_core.resources import schemas
from update_core.resources.fleet import base
from update_core.resources.fleet.progress import GroupProgress
from update_kube.resources import GROUPPROGRESSES

CRD = f"{GROUPPROGRESSES.plural}.{base.GROUP}"
PATIENT_SECONDS = 600.0
"""How long operators endure the silence of a CRD's watch: its API server sends a bookmark a minute, at most."""


def install(access: planes.Access) -> None:
    """Let the API server itself keep GroupProgress objects, and wait until it does."""
    access.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(_manifest()))
    access.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{CRD}")


def concerns(seen: Seen) -> bool:
    """Whether a request is one for the fleet's progress."""
    return seen.path == GROUPPROGRESSES.path()


class ScriptedFleet:
    """Counts per (appId, track), as objects in one namespace."""

    def __init__(self, access: planes.Access, namespace: str) -> None:
        self._access = access
        self._namespace = namespace
        self._versions: dict[str, str] = {}

    def set(
        self, app_id: str, track: str, *, sequence: int = 0, version: str = "", salt: str = "salt", **counts: int
    ) -> None:
        """What the service has counted; with the highest rollout that it saw, if any."""
        started = {"startedTime": "2026-01-01T00:00:00Z", "kind": "Update"}
        rollout = {"sequence": sequence, "version": version, "salt": salt, **started} if sequence else None
        instances = {"onTarget" if name == "on_target" else name: count for name, count in counts.items()}
        # Whoever goes by the object's name instead of its spec is found out.
        name = f"of-{names.slug(app_id)}-{names.slug(track)}"
        status = {"instances": instances} | ({"rollout": rollout} if rollout else {})
        self._write(name, {"appId": app_id, "application": "app", "track": track}, status)

    def mirror(self, app_id: str, track: str, rollout: Mapping[str, Any], **counts: Any) -> None:
        """What the service has counted of a rollout that it has seen, stamped as it is in a Group's status.

        `waves` are (waiting, succeeded, failed) by name, and after them how many come in with the wave, if it is the next; `latch` and
        `settled` are as they stand in a GroupProgress.
        """
        status: dict[str, Any] = {name: counts.pop(name) for name in ("latch", "settled") if name in counts}
        status["waves"] = [
            {
                "name": name,
                "granted": succeeded + failed,
                "succeeded": succeeded,
                "failed": failed,
                "waiting": waiting,
            }
            | ({"ahead": ahead[0]} if ahead else {})
            for name, (waiting, succeeded, failed, *ahead) in counts.pop("waves", {}).items()
        ]
        instances = {"onTarget" if name == "on_target" else name: count for name, count in counts.items()}
        name = f"of-{names.slug(app_id)}-{names.slug(track)}"
        spec = {"appId": app_id, "application": "app", "track": track}
        self._write(name, spec, status | {"rollout": dict(rollout), "instances": instances})

    def _write(self, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
        obj = {
            "apiVersion": base.API_VERSION,
            "kind": GroupProgress.kind,
            "metadata": {"name": name, "namespace": self._namespace},
            "spec": spec,
            "status": status,
        }
        GroupProgress.parse(obj)
        method, path = "POST", GROUPPROGRESSES.path(self._namespace)
        if name in self._versions:
            obj["metadata"]["resourceVersion"] = self._versions[name]
            method, path = "PUT", f"{path}/{name}"
        code, answer = self._access.request(method, path, obj)
        assert code in {200, 201}, answer
        self._versions[name] = answer["metadata"]["resourceVersion"]


def _manifest() -> dict[str, Any]:
    schema = schemas.of(GroupProgress)
    schema["properties"]["metadata"] = {"type": "object"}
    version = {"name": base.VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD},
        "spec": {
            "group": base.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": GroupProgress.kind,
                "plural": GroupProgress.plural,
                "singular": GroupProgress.kind.lower(),
            },
            "versions": [version],
        },
    }
