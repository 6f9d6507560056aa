"""What is served here? The answers to discovery, in the old form (a document per group and version) and in the aggregated one.

No kind has the verb delete: with delete, list and watch the garbage collector would load the fleet into the controller manager. And none is
in a category, so that `kubectl get updates` and `kubectl get all` don't print a fleet.
"""

from dataclasses import dataclass
from typing import Any

from omaha_api.fleet_api import kinds, negotiation
from omaha_api.fleet_api.kinds import Kind
from update_core.resources.fleet.base import API_VERSION, GROUP, VERSION

READ_VERBS = ("get", "list", "watch")

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_SCOPE = "Namespaced"


@dataclass(frozen=True, slots=True)
class Subresource:
    """What stands below an instance."""

    name: str
    kind: str
    verb: str
    """get, or create: a POST."""


SUBRESOURCES = (
    Subresource("decision", "InstanceDecision", "get"),
    Subresource("history", "InstanceHistory", "get"),
    Subresource("reset", "InstanceReset", "create"),
    Subresource("forget", "InstanceForget", "create"),
)


def of(kind: Kind) -> tuple[Subresource, ...]:
    """The subresources of a kind."""
    return SUBRESOURCES if kind is kinds.INSTANCES else ()


def wants_aggregated(accept: str) -> bool:
    """Whether the client's first choice among what is served is the aggregated form."""
    for media_type in negotiation.media_types(accept):
        if media_type.name != negotiation.JSON:
            continue
        wanted = media_type.parameters
        if not wanted.get("as"):
            return False
        if (wanted["as"], wanted.get("g"), wanted.get("v")) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2"):
            return True
    return False


def group_list() -> dict[str, Any]:
    """/apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]}


def group() -> dict[str, Any]:
    """/apis/fleet.updateservice.dev."""
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group()


def resource_list() -> dict[str, Any]:
    """/apis/fleet.updateservice.dev/v1alpha1."""
    resources = [entry for kind in kinds.ALL for entry in _resources(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION, "resources": resources}


def aggregated() -> dict[str, Any]:
    """/apis for whoever wants everything at once."""
    version = {"version": VERSION, "freshness": "Current", "resources": [_discovered(kind) for kind in kinds.ALL]}
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{"metadata": {"name": GROUP, "creationTimestamp": None}, "versions": [version]}],
    }


def _group() -> dict[str, Any]:
    version = {"groupVersion": API_VERSION, "version": VERSION}
    return {"name": GROUP, "versions": [version], "preferredVersion": version}


def _resources(kind: Kind) -> list[dict[str, Any]]:
    whole = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": True,
        "kind": kind.kind,
        "verbs": list(READ_VERBS),
        "shortNames": [kind.short_name],
    }
    parts = [
        {
            "name": f"{kind.plural}/{part.name}",
            "singularName": "",
            "namespaced": True,
            "kind": part.kind,
            "verbs": [part.verb],
        }
        for part in of(kind)
    ]
    return [whole, *parts]


def _discovered(kind: Kind) -> dict[str, Any]:
    parts = [
        {"subresource": part.name, "responseKind": _response_kind(part.kind), "verbs": [part.verb]} for part in of(kind)
    ]
    found: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind.kind),
        "scope": _SCOPE,
        "singularResource": kind.singular,
        "verbs": list(READ_VERBS),
        "shortNames": [kind.short_name],
    }
    return found | ({"subresources": parts} if parts else {})


def _response_kind(kind: str) -> dict[str, str]:
    return {"group": GROUP, "version": VERSION, "kind": kind}
