"""What lies where in the data folder of the local mode, and on which ports do its services listen?"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from updatectl.local.control_plane import layout

PREFERRED_PORTS = {"omaha": 8080, "omaha_private": 8081, "operator": 8082, "fleet": 8443}


@dataclass(frozen=True)
class Folders:
    """The files and folders below one data folder."""

    root: Path

    @property
    def control_plane(self) -> Path:
        """etcd's data, certificates, logs and records of the control plane."""
        return self.root / "control-plane"

    @property
    def store(self) -> Path:
        """The fleet store."""
        return self.root / "fleet.sqlite3"

    @property
    def snapshot(self) -> Path:
        """The Omaha service's last catalog."""
        return self.root / "catalog.json"

    @property
    def certificates(self) -> Path:
        """The fleet API's certificate and its authority."""
        return self.root / "certificates"

    @property
    def ports_file(self) -> Path:
        """The services' ports of the last run."""
        return self.root / "ports.json"

    def service_account(self, name: str) -> Path:
        """Token, CA and namespace of a service account, as a pod would find them."""
        return self.root / "service-accounts" / name

    def log(self, service: str) -> Path:
        """What a service wrote, over several runs."""
        return self.root / "logs" / f"{service}.log"

    def process_record(self, service: str) -> Path:
        """The process of a service."""
        return self.root / "processes" / f"{service}.json"


@dataclass(frozen=True)
class ServicePorts:
    """Where the services listen on 127.0.0.1."""

    omaha: int
    omaha_private: int
    operator: int
    fleet: int


def default_root(environment: Mapping[str, str] = os.environ) -> Path:
    """UPDATE_SERVICE_LOCAL_DIR, else update-service below the user's data folder (XDG)."""
    if named := environment.get("UPDATE_SERVICE_LOCAL_DIR"):
        return Path(named).absolute()
    data = environment.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    return Path(data) / "update-service" / "local"


def stored_ports(folders: Folders) -> ServicePorts | None:
    """The ports of the last run; None when there was none.

    A folder from before there was a fleet API has no port for it: it wants the preferred one.
    """
    try:
        stored = json.loads(folders.ports_file.read_text())
        return ServicePorts(**({"fleet": PREFERRED_PORTS["fleet"]} | stored))
    except (OSError, ValueError, TypeError):
        return None


def choose_ports(folders: Folders, preferred: Mapping[str, int]) -> ServicePorts:
    """Those of the last run, else the preferred ones, each where it is free, else any that is; kept for the next run."""
    last = stored_ports(folders)
    wanted = asdict(last) if last else dict(preferred)
    ports = ServicePorts(**layout.free_ports(wanted))
    folders.ports_file.write_text(json.dumps(asdict(ports)))
    return ports
