"""Where do objects of a kind live? Group, version, plural and the request paths made of them.

Plain values: nothing here talks to an API server, and importing it costs nothing.
"""

from __future__ import annotations

import dataclasses
import urllib.parse


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceType:
    """One kind of object as the API server serves it. `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As kubectl and error messages name it: `groups.updateservice.dev`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The request path of the collection, of one object, or of an object's subresource.

        Without a namespace a namespaced type's path is that of all namespaces, which serves only list and watch.
        Raises ValueError where the parts don't make a path: a name without the namespace it is in, a namespace
        for a cluster-scoped type, a subresource of nothing.
        """
        if namespace is not None and not self.namespaced:
            raise ValueError(f"{self.qualified} is cluster-scoped: it has no namespace {namespace!r}")
        if name is not None and self.namespaced and namespace is None:
            raise ValueError(f"{self.qualified} is namespaced: {name!r} needs a namespace")
        if subresource is not None and name is None:
            raise ValueError(f"{self.qualified}: a subresource ({subresource!r}) needs a name")
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        # An empty name would turn "one object" into "the collection": a delete of everything.
        if not all(parts):
            raise ValueError(f"empty namespace, name or subresource for {self.qualified}")
        return "/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)


UPDATE_SERVICE_GROUP = "updateservice.dev"

APPLICATIONS = ResourceType(UPDATE_SERVICE_GROUP, "v1alpha1", "applications", "Application")
CHANNELS = ResourceType(UPDATE_SERVICE_GROUP, "v1alpha1", "channels", "Channel")
GROUPS = ResourceType(UPDATE_SERVICE_GROUP, "v1alpha1", "groups", "Group")
PACKAGES = ResourceType(UPDATE_SERVICE_GROUP, "v1alpha1", "packages", "Package")

FLEET_GROUP = "fleet.updateservice.dev"

INSTANCES = ResourceType(FLEET_GROUP, "v1alpha1", "instances", "Instance")
GROUPPROGRESSES = ResourceType(FLEET_GROUP, "v1alpha1", "groupprogresses", "GroupProgress")

CONFIGMAPS = ResourceType("", "v1", "configmaps", "ConfigMap")
SERVICEACCOUNTS = ResourceType("", "v1", "serviceaccounts", "ServiceAccount")
NAMESPACES = ResourceType("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICES = ResourceType("", "v1", "services", "Service")
APISERVICES = ResourceType("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
LEASES = ResourceType("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = ResourceType("events.k8s.io", "v1", "events", "Event")
CUSTOMRESOURCEDEFINITIONS = ResourceType(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

_RBAC = "rbac.authorization.k8s.io"
ROLES = ResourceType(_RBAC, "v1", "roles", "Role")
ROLEBINDINGS = ResourceType(_RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTERROLES = ResourceType(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTERROLEBINDINGS = ResourceType(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
SELFSUBJECTREVIEWS = ResourceType(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
