"""What the shared control plane offers that an API server alone doesn't."""

import json

from support import waiting


def test_the_four_kinds_are_served(kubectl):
    names = kubectl("api-resources", "--api-group=updateservice.dev", "--output=name").stdout.split()

    assert sorted(names) == [f"{kind}.updateservice.dev" for kind in ("applications", "channels", "groups", "packages")]


def test_a_token_of_a_service_account_is_its_user_and_has_no_rights_yet(kubectl, control_plane, namespace):
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot").stdout.strip()
    as_robot = (
        f"--server={control_plane.server}",
        f"--certificate-authority={control_plane.ca_file}",
        f"--token={token}",
    )

    who = kubectl("--kubeconfig=/dev/null", *as_robot, "auth", "whoami", "-o", "json")
    refused = kubectl("--kubeconfig=/dev/null", *as_robot, "get", "configmaps", check=False)

    user = json.loads(who.stdout)["status"]["userInfo"]
    assert user["username"] == f"system:serviceaccount:{namespace}:robot"
    assert "Forbidden" in refused.stderr


def test_a_namespace_gets_a_default_service_account_and_the_ca(kubectl):
    waiting.until(
        lambda: kubectl("get", "serviceaccount/default", "configmap/kube-root-ca.crt", check=False).returncode == 0
    )


def test_a_deleted_namespace_goes_away_with_what_is_in_it(control_plane, kubectl, namespace):
    kubectl("create", "configmap", "content")
    control_plane.request("DELETE", f"/api/v1/namespaces/{namespace}")

    waiting.until(lambda: control_plane.request("GET", f"/api/v1/namespaces/{namespace}")[0] == 404)


def test_owned_objects_are_garbage_collected(kubectl):
    kubectl("create", "configmap", "owner")
    uid = kubectl("get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}").stdout
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [reference]}}
    kubectl("create", "-f", "-", input=json.dumps(owned))
    kubectl("delete", "configmap", "owner")

    waiting.until(lambda: "NotFound" in kubectl("get", "configmap", "owned", check=False).stderr)


def test_roles_are_aggregated_into_view(control_plane, kubectl, app_id):
    group = f"aggregated-{app_id}"

    manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": group, "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": [group], "resources": ["things"], "verbs": ["get"]}],
    }
    kubectl("create", "-f", "-", input=json.dumps(manifest))
    try:
        waiting.until(lambda: group in kubectl("get", "clusterrole", "view", "-o", "json").stdout)
    finally:
        kubectl("delete", "clusterrole", group)
