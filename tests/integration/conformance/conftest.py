"""One service for all points of the checklist that can share it: the real process on the real API server, with a key for CUP.

Tests keep apart by namespaces and appIds. A point that breaks something around the service starts a process of its own.
"""

import uuid

import pytest

from support import cup_keys, omaha_requests
from support.kube_fleet import KubeFleet
from support.omaha_port import OmahaPort
from support.omaha_process import OmahaProcess, running

CUP_KEY_ID = "7"


@pytest.fixture(scope="session")
def omaha(control_plane, tmp_path_factory):
    """The service, with cup_keys.FIXED as its key 7."""
    folder = tmp_path_factory.mktemp("conformance")
    keys = folder / "keys"
    keys.mkdir()
    (keys / f"{CUP_KEY_ID}.pem").write_bytes(cup_keys.pem(cup_keys.FIXED))
    flags = ["--kubeconfig", str(control_plane.kubeconfig), "--cup-keys-dir", str(keys)]
    with running(OmahaProcess(folder, flags)) as process:
        process.start()
        yield OmahaPort(process)


@pytest.fixture
def fleet(control_plane, namespace, app_id):
    """People and the operator, towards one application."""
    return KubeFleet(control_plane, namespace, app_id)


@pytest.fixture(scope="session")
def guide_app(omaha, control_plane):
    """The appid of an application whose group fake1 moves to 1.1.0 without limits: for tests that only talk."""
    namespace, app_id = f"conformance-{uuid.uuid4().hex[:10]}", str(uuid.uuid4())
    status, answer = control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    assert status == 201, answer
    KubeFleet(control_plane, namespace, app_id).roll_out(
        "1.1.0", payload={"sha1": "f8b5d78e268f91e6032c7a0d2a57fd6ab4c1be79"}
    )
    omaha.expect("Offer", omaha_requests.xml_check(app_id, machineid="first"))
    return app_id
