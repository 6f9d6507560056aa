"""updatectl against a real API server, in a namespace of the test's own."""

import pytest

from support.command_line import CommandLine, kubeconfig_for


@pytest.fixture
def updatectl(control_plane, namespace, tmp_path) -> CommandLine:
    """updatectl as the administrator, with the test's namespace in the kubeconfig's context."""
    return CommandLine({"KUBECONFIG": str(kubeconfig_for(control_plane, namespace, tmp_path))})


@pytest.fixture
def service_account(control_plane, namespace):
    """Makes a service account in the test's namespace with these verbs on the four kinds; gives its token."""

    def make(name: str, *verbs: str) -> str:
        rules = [{"apiGroups": ["updateservice.dev"], "resources": ["*"], "verbs": list(verbs)}]
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        role_ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        bodies = [(accounts, {"metadata": {"name": name}})]
        if verbs:
            bodies += [
                (f"{rbac}/roles", {"metadata": {"name": name}, "rules": rules}),
                (f"{rbac}/rolebindings", {"metadata": {"name": name}, "roleRef": role_ref, "subjects": [subject]}),
            ]
        for path, body in bodies:
            status, answer = control_plane.request("POST", path, body)
            assert status == 201, answer
        status, answer = control_plane.request(
            "POST", f"{accounts}/{name}/token", {"spec": {"expirationSeconds": 3600}}
        )
        assert status == 201, answer
        return answer["status"]["token"]

    return make
