"""What the roles for people allow, as the API server decides it, and what they add to the roles that every cluster has."""

import itertools

import pytest
import yaml

from support import waiting
from updatectl.local import installing

PEOPLE = ("viewer", "releaser", "operator", "admin")
# Each right, and the least of the four who has it; None: nobody.
RIGHTS = [
    ("list", "instances.fleet.updateservice.dev", "viewer"),
    ("watch", "groupprogresses.fleet.updateservice.dev", "viewer"),
    ("get", "instances.fleet.updateservice.dev/decision", "viewer"),
    ("get", "instances.fleet.updateservice.dev/history", "viewer"),
    ("list", "groups.updateservice.dev", "viewer"),
    ("list", "events", "viewer"),
    ("create", "packages.updateservice.dev", "releaser"),
    ("patch", "channels.updateservice.dev", "releaser"),
    ("patch", "groups.updateservice.dev", "operator"),
    ("patch", "applications.updateservice.dev", "operator"),
    ("create", "instances.fleet.updateservice.dev/reset", "operator"),
    ("create", "instances.fleet.updateservice.dev/forget", "operator"),
    ("reset", "instances.fleet.updateservice.dev", "operator"),
    ("forget", "instances.fleet.updateservice.dev", "operator"),
    ("create", "applications.updateservice.dev", "admin"),
    ("delete", "applications.updateservice.dev", "admin"),
    ("patch", "groups.updateservice.dev/status", None),
    ("get", "secrets", None),
]
AGGREGATED = {"view": "viewer", "edit": "operator", "admin": "admin"}


def allowed(control_plane, namespace, user, verb, resource) -> bool:
    name, _, subresource = resource.partition("/")
    plural, _, group = name.partition(".")
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": plural}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes | {"subresource": subresource}},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    status, answer = control_plane.request("POST", path, review)
    assert status == 201, answer
    return answer["status"]["allowed"]


def bind(control_plane, namespace, user, role):
    binding = {
        "metadata": {"name": f"{user}-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    status, answer = control_plane.request("POST", path, binding)
    assert status == 201, answer


@pytest.fixture
def roles(control_plane):
    objects = [
        m for m in installing.manifests() if m["kind"] == "ClusterRole" and "update-service" in m["metadata"]["name"]
    ]
    control_plane.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(objects))


def test_each_role_allows_what_it_is_for_in_its_namespace_and_no_more(control_plane, roles, namespace):
    for person in PEOPLE:
        bind(control_plane, namespace, person, f"update-service-{person}")
    waiting.until(
        lambda: all(allowed(control_plane, namespace, p, "list", "instances.fleet.updateservice.dev") for p in PEOPLE)
    )

    found = {
        (verb, resource): [p for p in PEOPLE if allowed(control_plane, namespace, p, verb, resource)]
        for verb, resource, _ in RIGHTS
    }
    expected = {
        (verb, resource): [] if least is None else list(PEOPLE[PEOPLE.index(least) :])
        for verb, resource, least in RIGHTS
    }
    assert found == expected
    assert not any(
        allowed(control_plane, "default", person, "list", "instances.fleet.updateservice.dev") for person in PEOPLE
    )


def test_who_may_view_edit_or_administer_a_namespace_has_the_rights_that_go_with_it(control_plane, roles, namespace):
    for role in AGGREGATED:
        bind(control_plane, namespace, f"any-{role}", role)

    def settled() -> bool:
        return all(
            allowed(control_plane, namespace, f"any-{role}", verb, resource)
            == (least is not None and PEOPLE.index(least) <= PEOPLE.index(ours))
            for (role, ours), (verb, resource, least) in itertools.product(AGGREGATED.items(), RIGHTS)
            if resource != "secrets"  # which edit and admin have of their own
        )

    waiting.until(settled, "the aggregated roles")
