"""The service as a process, against the shared API server; the test plays people and operator through `fleet`."""

import pytest

from support.kube_fleet import KubeFleet
from support.omaha_process import OmahaProcess, running


@pytest.fixture
def fleet(control_plane, namespace, app_id):
    return KubeFleet(control_plane, namespace, app_id)


@pytest.fixture
def omaha(control_plane, tmp_path):
    with running(OmahaProcess(tmp_path, ["--kubeconfig", str(control_plane.kubeconfig)])) as process:
        yield process
