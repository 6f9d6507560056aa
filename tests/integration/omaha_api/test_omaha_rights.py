"""The service's account may do exactly what the service does: read the four kinds, write Events, and learn who the front proxy is."""

import json
from pathlib import Path

import pytest

from support import omaha_fleet
from support.omaha_process import OmahaProcess, running
from updatectl.local import manifests

SYSTEM = "update-system"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:omaha-api"
MANIFEST = Path(manifests.__path__[0]) / "omaha-api.yaml"


@pytest.fixture
def account(control_plane, tmp_path):
    """A folder with the service's token, as a pod has it."""
    control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": SYSTEM}})
    control_plane.kubectl("apply", "--server-side", "-f", str(MANIFEST))
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/omaha-api/token"
    status, answer = control_plane.request("POST", path, {"spec": {"expirationSeconds": 3600}})
    assert status == 201, answer
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text(answer["status"]["token"])
    (folder / "ca.crt").write_bytes(Path(control_plane.ca_file).read_bytes())
    (folder / "namespace").write_text(SYSTEM)
    return folder


def test_the_service_runs_with_the_rights_of_its_manifest(control_plane, account, fleet, app_id, tmp_path):
    fleet.roll_out("1.1.0")
    flags = ["--service-account-dir", str(account), "--kube-server", control_plane.server]
    with running(OmahaProcess(tmp_path, flags)) as omaha:
        omaha.start()
        omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "1.1.0")
        assert json.loads(omaha.private("/readyz")[1])["catalog"] == "live"


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        ("list", "groups.updateservice.dev", True),
        ("patch", "groups.updateservice.dev", False),
        ("patch", "groups.updateservice.dev/status", False),
        ("get", "secrets", False),
        ("list", "configmaps", False),
        ("create", "events.events.k8s.io", True),
        ("list", "events.events.k8s.io", False),
        ("create", "tokenreviews.authentication.k8s.io", False),
    ],
    ids=lambda value: str(value).replace("/", " "),
)
def test_nothing_else_is_allowed(control_plane, account, verb, resource, allowed):
    asked = control_plane.kubectl("auth", "can-i", verb, resource, "--all-namespaces", f"--as={ACCOUNT}", check=False)

    assert asked.stdout.strip() == ("yes" if allowed else "no")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        pytest.param("extension-apiserver-authentication", True, id="its-own"),
        pytest.param("other", False, id="another"),
    ],
)
def test_of_kube_systems_configmaps_one_is_readable(control_plane, account, name, allowed):
    arguments = ("auth", "can-i", "watch", f"configmap/{name}", f"--as={ACCOUNT}")
    asked = control_plane.kubectl(*arguments, namespace="kube-system", check=False)

    assert asked.stdout.strip() == ("yes" if allowed else "no")
