"""How are the operator and the Omaha service started on one machine, and when are they ready?

They run as they would in a cluster: each a process of its own, under its own service account, with no more rights than its manifest
gives, so that a right that is missing there is missing here too.
"""

import http.client
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from updatectl.local import processes
from updatectl.local.certificates import ServiceCertificates
from updatectl.local.folders import Folders, ServicePorts

LOOPBACK = "127.0.0.1"
READY_SECONDS = 60.0
PROBE_SECONDS = 2.0
POLL_SECONDS = 0.05
STOP_GRACE_SECONDS = 15.0

OMAHA_API = "omaha-api"
OPERATOR = "update-operator"
IN_ORDER = (OMAHA_API, OPERATOR)


class ServiceError(Exception):
    """A service can't be started; the message says why, with the end of its log."""


@dataclass(frozen=True)
class Service:
    """One service: how it is started and where it says that it is ready."""

    name: str
    command: tuple[str, ...]
    health_port: int


def describe(folders: Folders, ports: ServicePorts, kube_server: str) -> dict[str, Service]:
    """Both services, by name, in the order of starting."""
    fleet = ServiceCertificates(folders.certificates).fleet_serving
    omaha_api = (
        *(sys.executable, "-m", "omaha_api", "serve"),
        *("--listen", f"{LOOPBACK}:{ports.omaha}", "--private-listen", f"{LOOPBACK}:{ports.omaha_private}"),
        *("--fleet-listen", f"{LOOPBACK}:{ports.fleet}"),
        *("--tls-cert-file", str(fleet.certificate), "--tls-private-key-file", str(fleet.key)),
        *("--database", f"sqlite:///{folders.store}", "--snapshot", str(folders.snapshot)),
        # The fleet is made up here, and comes from one address.
        *("--new-ids-per-minute", "0", "--new-instances-factor", "0"),
        *_account(folders, OMAHA_API, kube_server),
    )
    operator = (
        *(sys.executable, "-m", "update_operator", "run"),
        *("--namespace", "update-system"),
        *("--metrics-listen", f"{LOOPBACK}:{ports.operator}"),
        # Nobody restarts it here as a cluster would. There is one only, so it may outlast an API server that is away for minutes,
        # and under its old name it leads again at once after a crash.
        *("--identity", "updatectl-local", "--lease-seconds", "600"),
        *_account(folders, OPERATOR, kube_server),
    )
    return {
        OMAHA_API: Service(OMAHA_API, omaha_api, ports.omaha_private),
        OPERATOR: Service(OPERATOR, operator, ports.operator),
    }


def start(folders: Folders, service: Service) -> None:
    """Start a service unless it runs already, and wait until it is ready.

    Raises:
        ServiceError: it ended, or wasn't ready in time.
    """
    recorded = processes.recorded(folders.process_record(service.name))
    if recorded is None or not processes.is_running(recorded):
        recorded = processes.start(service.command, log=folders.log(service.name), environment=_environment())
        processes.record(recorded, folders.process_record(service.name))
    _wait_ready(folders, service, recorded)


def stop(folders: Folders, name: str) -> bool:
    """Stop a service; says whether it ran."""
    record = folders.process_record(name)
    process = processes.recorded(record)
    ran = process is not None and processes.is_running(process)
    if process is not None:
        processes.stop(process, grace_seconds=STOP_GRACE_SECONDS)
    record.unlink(missing_ok=True)
    return ran


def pid(folders: Folders, name: str) -> int | None:
    """The process id of a service that runs."""
    process = processes.recorded(folders.process_record(name))
    return process.pid if process is not None and processes.is_running(process) else None


def readiness(service: Service) -> tuple[bool, str]:
    """Whether a service says that it is ready, and what it says."""
    connection = http.client.HTTPConnection(LOOPBACK, service.health_port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status == http.HTTPStatus.OK, response.read(4096).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"{LOOPBACK}:{service.health_port} doesn't answer ({error})"
    finally:
        connection.close()


def _wait_ready(folders: Folders, service: Service, process: processes.Process) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        ready, said = readiness(service)
        if ready:
            return
        log = folders.log(service.name)
        if not processes.is_running(process):
            raise ServiceError(f"{service.name} ended while starting; its log {log} ends with:\n{processes.tail(log)}")
        if time.monotonic() >= deadline:
            raise ServiceError(
                f"{service.name} was not ready after {READY_SECONDS:.0f} s: {said}; its log {log} ends with:\n{processes.tail(log)}"
            )
        time.sleep(POLL_SECONDS)


def _account(folders: Folders, name: str, kube_server: str) -> tuple[str, ...]:
    return ("--service-account-dir", str(folders.service_account(name)), "--kube-server", kube_server)


def _environment() -> dict[str, str]:
    """The caller's, less what would lead a service to another cluster or give it another setting than its flags."""
    dropped = ("KUBECONFIG", "OMAHA_API_", "UPDATE_OPERATOR_", "UPDATECTL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PYTHONUNBUFFERED": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
