"""How is a local control plane started, restarted and stopped?

start() leaves processes behind that outlive this one; they are found again through the data folder, by a later stop()
as by the next start(), which recognises a run that crashed and one that still goes on.
"""

import contextlib
import datetime as dt
import signal
import time
from collections.abc import Callable
from pathlib import Path

from updatectl.local import processes
from updatectl.local.control_plane import certificates, components, health, kubeconfig, layout, locking, supervision
from updatectl.local.control_plane.authority import Pair
from updatectl.local.control_plane.binaries import Binaries
from updatectl.local.control_plane.layout import LOOPBACK, Layout, Ports

START_TIMEOUT_SECONDS = 90.0
POLL_SECONDS = 0.05
# Between picking a free port and listening on it somebody else may take it; that happens, but not three times in a row.
PORT_ATTEMPTS = 3


class ControlPlaneError(Exception):
    """The control plane can't be started; the message says why and what to do."""


class AlreadyRunning(ControlPlaneError):  # noqa: N818 - a state of affairs that callers ask for by this name
    """A control plane of this data folder runs already."""


class ControlPlane:
    """etcd, kube-apiserver and perhaps kube-controller-manager on one data folder."""

    def __init__(
        self,
        data_dir: Path,
        binaries: Binaries | None,
        *,
        controller_manager: bool = True,
        durable: bool = True,
        port: int | None = None,
        report: Callable[[str], None] = lambda _: None,
        start_timeout_seconds: float = START_TIMEOUT_SECONDS,
    ) -> None:
        """Nothing is started yet.

        Without `binaries` it can only be looked at and stopped: stopping must not need programs that would have to be built first.
        durable=False spares etcd its fsync: for tests. `port` asks for one particular port of the API server; without
        it, that of the last run or any free one. `report` takes remarks for people.
        """
        self._layout = Layout(data_dir.absolute())
        self._binaries = binaries
        self._components = components.IN_ORDER if controller_manager else components.IN_ORDER[:-1]
        self._durable = durable
        self._port = port
        self._report = report
        self._start_timeout_seconds = start_timeout_seconds

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; there after the first start."""
        return self._layout.kubeconfig

    @property
    def server(self) -> str:
        """The API server's address. Raises ControlPlaneError before the first start."""
        return _server(self._ports())

    @property
    def ca_file(self) -> Path:
        """What the API server's certificate is verified with."""
        return self._layout.certificates.cluster_authority.certificate

    @property
    def admin(self) -> Pair:
        """The administrator's client certificate."""
        return self._layout.certificates.admin

    @property
    def layout(self) -> Layout:
        """Where logs, certificates and data are."""
        return self._layout

    def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises AlreadyRunning, ControlPlaneError (with the last lines of the log of what failed), OSError.
        """
        with self._lock():
            self._settle_predecessor()
            certificates.ensure(self._layout.certificates.folder, dt.datetime.now(dt.UTC))
            for attempt in range(1, PORT_ATTEMPTS + 1):
                self._choose_ports()
                try:
                    self._start_all()
                except BaseException as error:
                    supervision.stop(self._layout, self._report)
                    if attempt < PORT_ATTEMPTS and self._port is None and "address already in use" in str(error):
                        continue
                    raise
                return

    def stop(self) -> None:
        """Stop what runs: controller manager, API server, etcd. Does nothing when nothing runs."""
        with self._lock():
            supervision.stop(self._layout, self._report)

    def restart(self, component: str) -> None:
        """Stop one component if it runs, start it on the same port and data, and wait until it is ready."""
        with self._lock():
            supervision.stop_component(self._layout, component, self._report)
            self._start_one(component, self._ports())

    def kill(self, component: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a component a signal, as an accident would. Raises ControlPlaneError when it doesn't run."""
        process = processes.recorded(self._layout.process_record(component))
        if process is None or not processes.send(process, number):
            raise ControlPlaneError(f"{component} doesn't run")
        if number == signal.SIGKILL:
            processes.wait(process, timeout_seconds=self._start_timeout_seconds)

    def status(self) -> list[supervision.ComponentStatus]:
        """Every component in the order of starting."""
        return supervision.status(self._layout)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        self._layout.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return locking.exclusive(self._layout.lock, waiting_for="another start or stop", report=self._report)

    def _settle_predecessor(self) -> None:
        """Refuse when it still runs; end what a crash has left of it."""
        found = supervision.status(self._layout)
        alive = [item for item in found if item.state == supervision.State.RUNNING]
        crashed = [item.component for item in found if item.state == supervision.State.CRASHED]
        essential = {components.ETCD, components.API_SERVER}
        if essential <= {item.component for item in alive}:
            pids = ", ".join(f"{item.component} {item.pid}" for item in alive)
            raise AlreadyRunning(
                f"a control plane runs already on {self._layout.data_dir} (pids: {pids}); use it, or stop it first"
            )
        if crashed:
            self._report(f"the last run was not stopped, {' and '.join(crashed)} crashed; starting again on its data")
        if stopped := supervision.stop(self._layout, self._report):
            self._report(f"stopped what it had left running: {', '.join(stopped)}")
        self._refuse_unrecorded()

    def _refuse_unrecorded(self) -> None:
        """Somebody removed the records, but the ports answer with our certificates."""
        if (ports := layout.stored_ports(self._layout)) is None:
            return
        for component in (components.API_SERVER, components.ETCD):
            probe = health.probe_of(component, self._layout, ports)
            if health.answers(probe):
                raise AlreadyRunning(
                    f"a {component} of {self._layout.data_dir} answers on {LOOPBACK}:{probe.port}, "
                    "but its process is not on record; end that process, then start again"
                )

    def _choose_ports(self) -> None:
        last = layout.stored_ports(self._layout)
        ports = layout.pick_ports(last, api_server=self._port)
        if self._port not in {None, ports.api_server}:
            raise ControlPlaneError(
                f"port {self._port} on {LOOPBACK} is in use; choose another one, or none to get a free one"
            )
        if self._port is None and last is not None and last.api_server != ports.api_server:
            self._report(f"port {last.api_server} is in use now: the API server moves to {ports.api_server}")
        layout.store_ports(self._layout, ports)
        files = self._layout.certificates
        for path, client in (
            (self._layout.kubeconfig, files.admin),
            (self._layout.controller_manager_kubeconfig, files.controller_manager),
        ):
            kubeconfig.write(path, server=_server(ports), authority=files.cluster_authority.certificate, client=client)

    def _ports(self) -> Ports:
        ports = layout.stored_ports(self._layout)
        if ports is None:
            raise ControlPlaneError(f"nothing was ever started on {self._layout.data_dir}")
        return ports

    def _start_all(self) -> None:
        for component in self._components:
            self._start_one(component, self._ports())

    def _start_one(self, component: str, ports: Ports) -> None:
        if self._binaries is None:
            raise ControlPlaneError(f"{component} can't be started without its program")
        log = self._layout.log(component)
        before = log.stat().st_size if log.exists() else 0
        command: list[str | Path] = [
            self._binaries.path(component),
            *components.arguments(component, self._layout, ports, durable=self._durable),
        ]
        process = processes.start(command, log=log)
        processes.record(process, self._layout.process_record(component))
        probe = health.probe_of(component, self._layout, ports)
        deadline = time.monotonic() + self._start_timeout_seconds
        while not health.is_ready(probe):
            if not processes.is_running(process):
                raise ControlPlaneError(self._failure(component, "ended while starting", before))
            if time.monotonic() >= deadline:
                raise ControlPlaneError(
                    self._failure(component, f"was not ready after {self._start_timeout_seconds:.0f} s", before)
                )
            time.sleep(POLL_SECONDS)

    def _failure(self, component: str, what: str, log_offset: int) -> str:
        log = self._layout.log(component)
        return f"{component} {what}; its log {log} ends with:\n{processes.tail(log, since_byte=log_offset)}"


def _server(ports: Ports) -> str:
    return f"https://{LOOPBACK}:{ports.api_server}"
