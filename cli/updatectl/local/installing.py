"""What does a cluster need before the services can run in it? CRDs, RBAC and tokens, all applied again at each start."""

import asyncio
import importlib.resources
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from update_core.resources import crds
from update_kube import client, configuration, errors, resources
from update_kube.resources import ResourceType

FIELD_MANAGER = "update-local"
SERVICE_NAMESPACE = "update-system"
USER_NAMESPACE = "default"
LABELS = {"app.kubernetes.io/managed-by": "update-local", "app.kubernetes.io/part-of": "update-service"}
INFO_NAME = "update-service-info"
TOKEN_SECONDS = 366 * 86400
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.05

_TYPES = {
    (t.api_version, t.kind): t
    for t in (
        resources.NAMESPACES,
        resources.SERVICEACCOUNTS,
        resources.CONFIGMAPS,
        resources.ROLES,
        resources.ROLEBINDINGS,
        resources.CLUSTERROLES,
        resources.CLUSTERROLEBINDINGS,
    )
}


async def install(kubeconfig: Path) -> None:
    """Apply the service's namespace, the CRDs and every manifest, and wait until the kinds are served."""
    async with await client.connect(configuration.load(kubeconfig)) as kube:
        for name in (SERVICE_NAMESPACE, USER_NAMESPACE):
            await _apply(kube, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for crd in crds.manifests():
            await kube.apply(resources.CUSTOMRESOURCEDEFINITIONS, crd, field_manager=FIELD_MANAGER, force=True)
        for manifest in manifests():
            await _apply(kube, manifest)
        for crd in crds.manifests():
            await _established(kube, crd["metadata"]["name"])


def manifests() -> Iterable[dict[str, Any]]:
    """Every object of the YAML files beside this module."""
    folder = importlib.resources.files("updatectl.local") / "manifests"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            yield from (document for document in yaml.safe_load_all(file.read_text()) if document)


async def publish_info(kubeconfig: Path, omaha_url: str) -> None:
    """Tell every client of the cluster where the Omaha service is."""
    info = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": INFO_NAME, "namespace": SERVICE_NAMESPACE},
        "data": {"omahaURL": omaha_url},
    }
    async with await client.connect(configuration.load(kubeconfig)) as kube:
        await _apply(kube, info)


async def request_token(kubeconfig: Path, name: str, namespace: str) -> str:
    """A token of a service account, good for a year; `up` renews it."""
    async with await client.connect(configuration.load(kubeconfig)) as kube:
        answer = await kube.request(
            "POST",
            resources.SERVICEACCOUNTS.path(namespace, name, "token"),
            body={
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            },
        )
    return str(answer["status"]["token"])


def write_service_account(folder: Path, *, token: str, namespace: str, ca_file: Path) -> None:
    """Lay a service account's token, CA and namespace out as a pod would find them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, content in (("ca.crt", ca_file.read_text()), ("namespace", namespace), ("token", token)):
        draft = folder / f".{file}"
        draft.touch(mode=0o600)
        draft.write_text(content)
        draft.replace(folder / file)


async def _apply(kube: client.Client, manifest: dict[str, Any]) -> None:
    resource = _type_of(manifest)
    await kube.apply(resource, manifest, field_manager=FIELD_MANAGER, force=True)


def _type_of(manifest: dict[str, Any]) -> ResourceType:
    return _TYPES[manifest["apiVersion"], manifest["kind"]]


async def _established(kube: client.Client, name: str) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            try:
                crd = await kube.get(resources.CUSTOMRESOURCEDEFINITIONS, name)
            except errors.NotFound:
                crd = {}
            conditions = crd.get("status", {}).get("conditions", [])
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return
            await asyncio.sleep(POLL_SECONDS)
