"""How is everything started on one machine, in which order, and stopped again?

Control plane, then what the cluster needs, then the Omaha service and its registration as the fleet API (the operator begins nothing
before that answers), then the operator.
Starting what runs already is no error: what is missing is started.
"""

import asyncio
import contextlib
import datetime as dt
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from updatectl.local import certificates, fleet_api, folders, installing, processes, services
from updatectl.local.control_plane import binaries, cluster, locking
from updatectl.local.folders import Folders, ServicePorts

ADMIN = "admin"
VIEWER = "viewer"
FLEET_API = "fleet-api"


@dataclass(frozen=True)
class PartStatus:
    """One process of the local mode, or what the API server says of the fleet API."""

    name: str
    state: str
    """Running, Ready, NotReady, Stopped or Crashed."""
    pid: int | None = None
    detail: str = ""


class Stack:
    """Everything on one data folder."""

    def __init__(
        self,
        root: Path,
        *,
        durable: bool = True,
        preferred_ports: Mapping[str, int] = folders.PREFERRED_PORTS,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing is started yet. durable=False spares etcd its fsync: for demos and tests. `report` takes remarks for people."""
        self.folders = Folders(root.absolute())
        self._durable = durable
        self._preferred_ports = preferred_ports
        self._report = report

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folders.control_plane / "kubeconfig"

    @property
    def omaha_url(self) -> str:
        """Where instances send their checks, without /v1/update."""
        return f"http://{services.LOOPBACK}:{self.ports.omaha}"

    @property
    def kube_server(self) -> str:
        """The API server's address."""
        return self.control_plane().server

    @property
    def ports(self) -> ServicePorts:
        """The services' ports.

        Raises:
            services.ServiceError: nothing was ever started here.
        """
        ports = folders.stored_ports(self.folders)
        if ports is None:
            raise services.ServiceError(f"nothing was ever started on {self.folders.root}; `updatectl local up` does")
        return ports

    def control_plane(self, programs: binaries.Binaries | None = None) -> cluster.ControlPlane:
        """The control plane of this folder; without `programs` it can be looked at and stopped, not started."""
        return cluster.ControlPlane(
            self.folders.control_plane,
            programs,
            durable=self._durable,
            report=self._report,
        )

    def start(self) -> None:
        """Start what doesn't run, and wait until everything is ready.

        Raises:
            binaries.BinariesError, cluster.ControlPlaneError, services.ServiceError: with what to do about it.
            OSError: the data folder can't be written.
        """
        self.folders.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        programs = binaries.ensure(progress=self._report)
        with self._lock():
            self._start(programs)

    def _start(self, programs: binaries.Binaries) -> None:
        plane = self.control_plane(programs)
        try:
            plane.start()
            self._report(f"the Kubernetes API answers at {plane.server}")
        except cluster.AlreadyRunning:
            self._report(f"the Kubernetes API runs already at {plane.server}")
        self._install(plane)
        certificates.ensure(self.folders.certificates, dt.datetime.now(dt.UTC))
        described = self._services(plane.server)
        services.start(self.folders, described[services.OMAHA_API])
        self._report(f"{services.OMAHA_API} is ready")
        self._register_fleet_api()
        services.start(self.folders, described[services.OPERATOR])
        self._report(f"{services.OPERATOR} is ready")
        asyncio.run(installing.publish_info(self.kubeconfig, self.omaha_url))

    def stop(self) -> list[str]:
        """Stop what runs, in the order in which nothing waits for what is gone; names what did."""
        if not self.folders.root.is_dir():
            return []
        with self._lock():
            return self._stop()

    def _stop(self) -> list[str]:
        stopped = [name for name in reversed(services.IN_ORDER) if services.stop(self.folders, name)]
        plane = self.control_plane()
        running = [part.component for part in plane.status() if part.pid]
        plane.stop()
        return stopped + running

    def start_service(self, name: str) -> None:
        """Start one service again, after it was killed."""
        services.start(self.folders, self._services(self.kube_server)[name])

    def stop_service(self, name: str) -> None:
        """Stop one service."""
        services.stop(self.folders, name)

    def kill_service(self, name: str) -> None:
        """End one service as an accident would."""
        process = processes.recorded(self.folders.process_record(name))
        if process is not None and processes.send(process, signal.SIGKILL):
            processes.wait(process, timeout_seconds=services.STOP_GRACE_SECONDS)

    def status(self) -> list[PartStatus]:
        """Every process, in the order of starting."""
        parts = [
            PartStatus(part.component, str(part.state).title(), part.pid) for part in self.control_plane().status()
        ]
        with contextlib.suppress(services.ServiceError, cluster.ControlPlaneError):
            parts += [self._service_status(service) for service in self._services(self.kube_server).values()]
            parts.append(self._fleet_api_status())
        return parts

    def _service_status(self, service: services.Service) -> PartStatus:
        pid = services.pid(self.folders, service.name)
        if pid is None:
            crashed = processes.recorded(self.folders.process_record(service.name)) is not None
            return PartStatus(service.name, "Crashed" if crashed else "Stopped")
        ready, said = services.readiness(service)
        return PartStatus(service.name, "Ready" if ready else "NotReady", pid, "" if ready else said)

    def _fleet_api_status(self) -> PartStatus:
        if services.pid(self.folders, services.OMAHA_API) is None:
            return PartStatus(FLEET_API, "Stopped")
        found = asyncio.run(fleet_api.availability(self.kubeconfig))
        return PartStatus(FLEET_API, "Ready" if found.available else "NotReady", detail=found.said)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        """Two who start or stop at once take turns."""
        return locking.exclusive(self.folders.root / "lock", waiting_for="another start or stop", report=self._report)

    def _services(self, kube_server: str) -> dict[str, services.Service]:
        return services.describe(self.folders, self.ports, kube_server)

    def _install(self, plane: cluster.ControlPlane) -> None:
        asyncio.run(installing.install(plane.kubeconfig))
        accounts = dict.fromkeys(services.IN_ORDER, installing.SERVICE_NAMESPACE)
        accounts |= dict.fromkeys((ADMIN, VIEWER), installing.USER_NAMESPACE)
        for name, namespace in accounts.items():
            token = asyncio.run(installing.request_token(plane.kubeconfig, name, namespace))
            folder = self.folders.service_account(name)
            installing.write_service_account(folder, token=token, namespace=namespace, ca_file=plane.ca_file)
        self._report("CRDs and roles are installed")
        if not any(services.pid(self.folders, name) for name in services.IN_ORDER):
            folders.choose_ports(self.folders, self._preferred_ports)

    def _register_fleet_api(self) -> None:
        """Let the API server know the fleet API, and wait until it serves it."""
        authority = certificates.ServiceCertificates(self.folders.certificates).fleet_authority
        ca_pem = authority.certificate.read_bytes()
        now = dt.datetime.now(dt.UTC)
        try:
            asyncio.run(fleet_api.register(self.kubeconfig, port=self.ports.fleet, ca_pem=ca_pem, now=now))
        except fleet_api.FleetAPIError as error:
            log = self.folders.log(services.OMAHA_API)
            raise services.ServiceError(
                f"{error}\nIf an earlier version of {services.OMAHA_API} still runs, `updatectl local down` ends it. "
                f"Its log {log} ends with:\n{processes.tail(log)}"
            ) from error
        self._report("the API server serves the fleet API")
