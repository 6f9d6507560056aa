"""Paths lead to exactly what was meant."""

from __future__ import annotations

import pytest

from update_kube import resources

PATHS = {
    "a core type in all namespaces": (resources.CONFIGMAPS, (), "/api/v1/configmaps"),
    "a core type in one": (resources.CONFIGMAPS, ("a",), "/api/v1/namespaces/a/configmaps"),
    "one object": (resources.GROUPS, ("a", "b"), "/apis/updateservice.dev/v1alpha1/namespaces/a/groups/b"),
    "its status": (
        resources.GROUPS,
        ("a", "b", "status"),
        "/apis/updateservice.dev/v1alpha1/namespaces/a/groups/b/status",
    ),
    "a cluster-scoped object": (resources.NAMESPACES, (None, "a"), "/api/v1/namespaces/a"),
    "a name that would be another path": (
        resources.CLUSTERROLES,
        (None, "system:x/../y"),
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Ax%2F..%2Fy",
    ),
}


@pytest.mark.parametrize(("resource", "arguments", "path"), PATHS.values(), ids=PATHS)
def test_path(resource, arguments, path):
    assert resource.path(*arguments) == path


@pytest.mark.parametrize(
    ("resource", "arguments"),
    [
        pytest.param(resources.CONFIGMAPS, (None, "b"), id="a name without its namespace"),
        pytest.param(resources.CONFIGMAPS, ("a", ""), id="an empty name, which would be the collection"),
        pytest.param(resources.CONFIGMAPS, ("", "b"), id="an empty namespace"),
        pytest.param(resources.NAMESPACES, ("a",), id="a namespace for a cluster-scoped type"),
        pytest.param(resources.CONFIGMAPS, ("a", None, "status"), id="a subresource of nothing"),
    ],
)
def test_what_makes_no_path_is_refused(resource, arguments):
    with pytest.raises(ValueError, match=resource.plural):
        resource.path(*arguments)
