"""How does the cluster learn where the fleet API is, and does it reach it?

A Service that leads to this machine, and an APIService that says which group it serves and with which authority its certificate is
verified. Both stay when everything is stopped, as the CRDs do: they are what is wanted, and the next start finds them.
"""

import asyncio
import base64
import datetime as dt
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from update_kube import client, configuration, errors, resources
from updatectl.local import installing

SERVICE = "omaha-api"
GROUP_VERSION = f"{resources.INSTANCES.group}/{resources.INSTANCES.version}"
API_SERVICE = f"{resources.INSTANCES.version}.{resources.INSTANCES.group}"
AVAILABLE_SECONDS = 60.0
LOOK_SECONDS = 2.0
POLL_SECONDS = 0.05

# An APIService that was unavailable is checked again after up to 30 s by itself, but at once when it is changed.
CHECK_ANNOTATION = "local.updateservice.dev/check-requested"


class FleetAPIError(Exception):
    """The API server doesn't reach the fleet API; the text says why, in its words."""


@dataclass(frozen=True)
class Availability:
    """Whether the API server can serve the fleet, and its reason."""

    available: bool
    said: str


async def register(
    kubeconfig: Path, *, port: int, ca_pem: bytes, now: dt.datetime, within_seconds: float = AVAILABLE_SECONDS
) -> None:
    """Say where the fleet API is, and wait until the API server serves it.

    Raises:
        FleetAPIError: it didn't in that time.
    """
    async with await client.connect(configuration.load(kubeconfig)) as kube:
        for resource, manifest in (
            (resources.SERVICES, service_manifest(port)),
            (resources.APISERVICES, api_service_manifest(port, ca_pem, now)),
        ):
            await kube.apply(resource, manifest, field_manager=installing.FIELD_MANAGER, force=True)
        deadline = time.monotonic() + within_seconds
        while not (found := await _availability(kube)).available:
            if time.monotonic() >= deadline:
                raise FleetAPIError(f"the fleet API is not available after {within_seconds:.0f} s: {found.said}")
            await asyncio.sleep(POLL_SECONDS)


async def availability(kubeconfig: Path) -> Availability:
    """Whether the fleet API is served now; an API server that doesn't answer serves nothing."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            async with await client.connect(configuration.load(kubeconfig)) as kube:
                return await _availability(kube)
    except (errors.KubeError, TimeoutError) as error:
        return Availability(available=False, said=f"the Kubernetes API doesn't say ({str(error) or 'out of time'})")


def service_manifest(port: int) -> dict[str, Any]:
    """A name inside the cluster for a port of this machine."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": installing.SERVICE_NAMESPACE, "labels": dict(installing.LABELS)},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"name": "fleet", "port": port}]},
    }


def api_service_manifest(port: int, ca_pem: bytes, now: dt.datetime) -> dict[str, Any]:
    """The registration, to be checked anew at every start."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {
            "name": API_SERVICE,
            "labels": dict(installing.LABELS),
            "annotations": {CHECK_ANNOTATION: now.isoformat()},
        },
        "spec": {
            "group": resources.INSTANCES.group,
            "version": resources.INSTANCES.version,
            "service": {"name": SERVICE, "namespace": installing.SERVICE_NAMESPACE, "port": port},
            "caBundle": base64.b64encode(ca_pem).decode(),
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
        },
    }


async def _availability(kube: client.Client) -> Availability:
    try:
        registration = await kube.get(resources.APISERVICES, API_SERVICE)
    except errors.NotFound:
        return Availability(available=False, said=f"there is no APIService {API_SERVICE}")
    conditions = registration.get("status", {}).get("conditions", ())
    condition: dict[str, str] = next((c for c in conditions if c["type"] == "Available"), {})
    said = ": ".join(filter(None, (condition.get("reason"), condition.get("message")))) or "not checked yet"
    if condition.get("status") != "True":
        return Availability(available=False, said=said)
    # The condition may be as old as the process before this one.
    try:
        await kube.request("GET", f"/apis/{GROUP_VERSION}")
    except errors.KubeError as error:
        return Availability(available=False, said=str(error))
    return Availability(available=True, said="")
