"""How do tests get a real Kubernetes API?

One control plane per run, shared by all workers of pytest-xdist: the first test that asks for it starts it, the end of the run stops it.
Tests keep apart by namespaces and appIds of their own. Fault tests, which kill parts of it, get a private one.
"""

import contextlib
import functools
import http.client
import json
import shutil
import ssl
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import lifeline
from update_core.resources import crds
from updatectl.local.control_plane import binaries, cluster, locking
from updatectl.local.control_plane.authority import Pair

FIXTURES = frozenset({"control_plane", "own_control_plane"})
REQUEST_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Access:
    """The administrator's access to one API server."""

    kubeconfig: Path
    server: str
    ca_file: Path
    admin: Pair
    cache: Path

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One JSON request straight to the API server: its status and its answer."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.load_cert_chain(self.admin.certificate, self.admin.key)
        address = self.server.removeprefix("https://")
        connection = http.client.HTTPSConnection(address, timeout=REQUEST_TIMEOUT_SECONDS, context=context)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def kubectl(
        self,
        *arguments: str,
        namespace: str | None = None,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator. check=False leaves a failure to the caller; otherwise it is an AssertionError."""
        command = [str(kubectl_program()), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}"]
        if namespace:
            command.append(f"--namespace={namespace}")
        done = subprocess.run([*command, *arguments], input=input, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done


class Run:
    """What the workers of one test run share: a folder, and in it the control plane."""

    def __init__(self, folder: Path) -> None:
        """The folder exists already."""
        self.folder = folder

    @classmethod
    def begin(cls) -> "Run":
        """A new run's folder."""
        return cls(Path(tempfile.mkdtemp(prefix="update-service-tests-")))

    @property
    def shared(self) -> Path:
        """The data folder of the shared control plane."""
        return self.folder / "shared"

    def ensure_started(self) -> Access:
        """The shared control plane, started by whoever comes first."""
        plane = plane_on(self.shared)
        ready = self.folder / "ready"
        with locking.exclusive(self.folder / "lock", waiting_for="another worker", report=lambda _: None):
            if not ready.exists():
                self.guard()
                plane.start()
                install_crds(access_to(plane))
                ready.touch()
        return access_to(plane)

    def guard(self) -> None:
        """Make sure that nothing below the folder outlives the run, once per run."""
        marker = self.folder / "guarded"
        with contextlib.suppress(FileExistsError):
            marker.touch(exist_ok=False)
            lifeline.start_guard(self.folder)

    @contextlib.contextmanager
    def guarded_folder(self) -> Iterator[Path]:
        """A folder of one's own; processes recorded in it (updatectl.local.processes) outlive neither the block nor the run."""
        self.guard()
        folder = self.folder / uuid.uuid4().hex[:8]
        folder.mkdir()
        yield folder
        lifeline.kill_recorded(folder)

    def end(self) -> None:
        """Stop the shared control plane and remove everything."""
        if self.shared.exists():
            cluster.ControlPlane(self.shared, None).stop()
        lifeline.kill_recorded(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


def plane_on(data_dir: Path) -> cluster.ControlPlane:
    """A control plane for tests on a data folder, not started."""
    return cluster.ControlPlane(data_dir, programs(), durable=False, controller_manager=True)


def programs() -> binaries.Binaries:
    """The control plane's programs; built before the first test (see conftest), so found at once here."""
    return binaries.ensure(progress=print)


@functools.cache
def kubectl_program() -> Path:
    """A kubectl that understands the API server."""
    return binaries.ensure_kubectl(progress=print)


def access_to(plane: cluster.ControlPlane) -> Access:
    """The administrator of a control plane that has been started."""
    return Access(plane.kubeconfig, plane.server, plane.ca_file, plane.admin, plane.layout.data_dir / "kubectl-cache")


def install_crds(access: Access) -> None:
    """Install the four kinds and wait until the API server serves them."""
    manifests = crds.manifests()
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    access.kubectl("apply", "--server-side", "-f", "-", input=everything)
    names = [f"crd/{manifest['metadata']['name']}" for manifest in manifests]
    access.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
