"""A cluster in which the fleet API is served as it is shipped: the real service behind a real APIService, under its own account.

An APIService is one for the whole cluster, so this takes a control plane of its own. Tests keep apart by namespaces and appIds.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from support import control_plane as planes
from support import omaha_fleet
from support.kube_fleet import KubeFleet
from support.omaha_port import OmahaPort
from support.omaha_process import OmahaProcess
from support.ports import free_port
from support.waiting import until
from update_core.rollout.model import Reason
from updatectl.local import certificates, fleet_api, installing
from updatectl.local.control_plane.cluster import ControlPlane

SYSTEM = installing.SERVICE_NAMESPACE
VERSION = "/apis/fleet.updateservice.dev/v1alpha1"


class FleetCluster:
    """The service with its store, and people in it. `omaha` may be stopped, killed and started by tests."""

    def __init__(self, access: planes.Access, folder: Path, flags: Sequence[str] = ()) -> None:
        """`flags`: more of the service's."""
        self.access = access
        self.folder = folder
        self.fleet_port = free_port()
        self.certificates = certificates.ensure(folder / "certificates", dt.datetime.now(dt.UTC))
        account = folder / "account"
        serving = self.certificates.fleet_serving
        self.omaha = OmahaProcess(
            folder,
            [
                "--service-account-dir", str(account), "--kube-server", access.server,
                "--fleet-listen", f"127.0.0.1:{self.fleet_port}",
                "--tls-cert-file", str(serving.certificate), "--tls-private-key-file", str(serving.key),
                *flags,
            ],
        )  # fmt: skip
        self._account = account

    async def start(self) -> None:
        """Install what the local mode installs, start the service, and register it."""
        await installing.install(self.access.kubeconfig)
        token = await installing.request_token(self.access.kubeconfig, "omaha-api", SYSTEM)
        installing.write_service_account(self._account, token=token, namespace=SYSTEM, ca_file=self.access.ca_file)
        self.omaha.start()
        await self.register()

    async def register(self) -> None:
        """Say where the fleet API is, and wait until the API server serves it."""
        ca_pem = self.certificates.fleet_authority.certificate.read_bytes()
        now = dt.datetime.now(dt.UTC)
        await fleet_api.register(self.access.kubeconfig, port=self.fleet_port, ca_pem=ca_pem, now=now)

    def get(self, path: str) -> Any:
        """What the API server answers the administrator; the path may begin below the version."""
        status, answer = self.try_get(path)
        assert status == 200, answer
        return answer

    def try_get(self, path: str) -> tuple[int, Any]:
        """The same, whatever comes of it."""
        try:
            return self.access.request("GET", path if path.startswith("/") else f"{VERSION}/{path}")
        except json.JSONDecodeError as error:
            # The API server says in plain words that it doesn't reach the service.
            return 503, error.doc


@contextlib.contextmanager
def served(plane: ControlPlane, folder: Path) -> Iterator[FleetCluster]:
    """The service behind an APIService of this control plane, for the block."""
    found = FleetCluster(planes.access_to(plane), folder)
    try:
        asyncio.run(found.start())
        yield found
    finally:
        found.omaha.kill()


class Team:
    """A namespace with one application and its group, and people who look at it."""

    def __init__(self, cluster: FleetCluster) -> None:
        self.cluster = cluster
        self.name = f"team-{uuid.uuid4().hex[:10]}"
        self.app_id = str(uuid.uuid4())
        cluster.access.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.name}})
        self.fleet = KubeFleet(cluster.access, self.name, self.app_id)
        self._tokens: dict[str, str] = {}
        self._package_is_known = True

    def roll_out(self, version: str = "1.1.0", **group: Any) -> Team:
        """The application with a group that moves to the version, known to the service."""
        self.fleet.roll_out(version, **group)
        until(lambda: self.progresses() == {"app-fake1": version}, "the service knows the group's rollout")
        self._package_is_known = False
        return self

    def progresses(self) -> dict[str, str]:
        """The groups that the fleet API shows, with the version of the latest rollout that the store has seen of each."""
        status, answer = self.cluster.try_get(f"namespaces/{self.name}/groupprogresses")
        items = answer["items"] if status == 200 else []
        return {item["metadata"]["name"]: item["status"].get("rollout", {}).get("version", "") for item in items}

    def hear(self, machines: Iterable[str], version: str = "1.1.0", **attributes: str) -> Team:
        """Checks of these machines, and the rows that they leave."""
        machines = list(machines)
        words = "".join(f' {name}="{value}"' for name, value in attributes.items())
        for machine in machines:
            body = omaha_fleet.check(self.app_id, machine, version).replace(b" bootid", f"{words} bootid".encode())
            if not self._package_is_known:
                self._await_package(body)
            assert self.cluster.omaha.post(body).status == 200
        # First sights are written moments later.
        until(lambda: set(machines) <= set(self.ids()), "the machines are in the store")
        return self

    def _await_package(self, body: bytes) -> None:
        """Kinds are watched one by one: who comes first may be there before the version's package."""
        port = OmahaPort(self.cluster.omaha)
        until(lambda: port.answer(body)[0] != Reason.PACKAGE_UNAVAILABLE, "the service knows the version's package")
        self._package_is_known = True

    def instances(self, query: str = "") -> list[Any]:
        """The instances, as the API server gives them to the administrator."""
        items: list[Any] = self.cluster.get(f"namespaces/{self.name}/instances{query}")["items"]
        return items

    def ids(self) -> list[str]:
        """The ids that they send."""
        return [item["spec"]["instanceId"] for item in self.instances()]

    def name_of(self, machine: str) -> str:
        """metadata.name of one."""
        (item,) = self.instances(f"?fieldSelector=spec.instanceId%3D{machine}")
        name: str = item["metadata"]["name"]
        return name

    def kubectl(self, *arguments: str, role: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """kubectl in this namespace: as the administrator, or with the token of an account that has the role here."""
        if role is None:
            return self.cluster.access.kubectl(*arguments, namespace=self.name, check=check)
        command = [
            str(planes.kubectl_program()), "--kubeconfig=/dev/null", f"--cache-dir={self.cluster.access.cache / role}",
            f"--server={self.cluster.access.server}", f"--certificate-authority={self.cluster.access.ca_file}",
            f"--token={self.token(role)}", f"--namespace={self.name}",
        ]  # fmt: skip
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done

    def token(self, role: str) -> str:
        """The token of an account with one of the roles for people, in this namespace."""
        if role not in self._tokens:
            self.kubectl("create", "serviceaccount", role)
            account = f"--serviceaccount={self.name}:{role}"
            self.kubectl("create", "rolebinding", role, f"--clusterrole=update-service-{role}", account)
            self._tokens[role] = self.kubectl("create", "token", role).stdout.strip()
        return self._tokens[role]

    def json(self, *arguments: str) -> Any:
        """What kubectl prints with -o json."""
        return json.loads(self.kubectl(*arguments, "-o", "json").stdout)
