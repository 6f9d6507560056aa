"""What lies where in the data folder of a local control plane, and on which ports does it listen?"""

import contextlib
import json
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from updatectl.local.control_plane.certificates import Certificates

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the local ports of outgoing connections. From inside it, a port could be lost
# while its server restarts: a client that keeps trying to reach it is one day given the very port that it connects to.
CANDIDATES = range(20000, 32768)
PORT_ATTEMPTS = 100
_RANDOM = random.SystemRandom()


@dataclass(frozen=True)
class Layout:
    """The files and folders below one data folder."""

    data_dir: Path

    @property
    def certificates(self) -> Certificates:
        """Keys and certificates."""
        return Certificates(self.data_dir / "certificates")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.data_dir / "kubeconfig"

    @property
    def controller_manager_kubeconfig(self) -> Path:
        """The controller manager's kubeconfig."""
        return self.data_dir / "controller-manager.kubeconfig"

    @property
    def etcd_data(self) -> Path:
        """All Kubernetes objects."""
        return self.data_dir / "etcd"

    @property
    def ports_file(self) -> Path:
        """The ports of the last run, taken again where they are free: kubeconfigs that were copied keep working."""
        return self.data_dir / "ports.json"

    @property
    def lock(self) -> Path:
        """Held while starting and stopping."""
        return self.data_dir / "lock"

    def log(self, component: str) -> Path:
        """What a component wrote, over several runs."""
        return self.data_dir / "logs" / f"{component}.log"

    def process_record(self, component: str) -> Path:
        """The process of a component, as updatectl.local.processes records it."""
        return self.data_dir / "processes" / f"{component}.json"


@dataclass(frozen=True)
class Ports:
    """Where the components listen on 127.0.0.1."""

    api_server: int
    etcd_client: int
    etcd_peer: int
    controller_manager: int


def stored_ports(layout: Layout) -> Ports | None:
    """The ports of the last run; None when there was none."""
    try:
        return Ports(**json.loads(layout.ports_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def store_ports(layout: Layout, ports: Ports) -> None:
    """Keep the ports for the next run."""
    layout.ports_file.write_text(json.dumps(asdict(ports)))


def pick_ports(last: Ports | None, *, api_server: int | None = None) -> Ports:
    """Those of the last run (or the one that is asked for) where they are free, else any that are."""
    wanted = asdict(last or Ports(0, 0, 0, 0))
    if api_server is not None:
        wanted["api_server"] = api_server
    return Ports(**free_ports(wanted))


def free_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """For each name the wanted port where it is free, else any that is; all different. 0 wants any."""
    with contextlib.ExitStack() as held:  # all at once: two of them must not become the same
        return {name: _bind(held, port) for name, port in wanted.items()}


def _bind(held: contextlib.ExitStack, port: int) -> int:
    """The port if it is free, else another one; it stays taken until `held` ends. 0 means any."""
    wanted = [port] if port else []
    for candidate in (*wanted, *_RANDOM.sample(CANDIDATES, PORT_ATTEMPTS)):
        if _listens(held, candidate):
            return candidate
    raise OSError(f"no free port on {LOOPBACK} among {PORT_ATTEMPTS} between {CANDIDATES.start} and {CANDIDATES.stop}")


def _listens(held: contextlib.ExitStack, port: int) -> bool:
    listener = held.enter_context(socket.socket())
    # As servers do: connections of the last run that linger in TIME_WAIT don't make a port taken.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError:
        return False
    return True
