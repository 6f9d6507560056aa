"""A cluster that serves a fleet: a control plane of its own, the real service on a store, an APIService."""

import asyncio
import contextlib
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import servers

from updatectl.local import certificates, fleet_api, installing
from updatectl.local.control_plane import binaries, cluster, layout


@contextlib.contextmanager
def kubectl(folder: Path, database: Path) -> Iterator[list[str]]:
    """The beginning of a kubectl command of the administrator, once the API server serves the fleet."""
    with fleet(folder, database) as kubeconfig:
        program = binaries.ensure_kubectl(progress=_say)
        yield [str(program), f"--kubeconfig={kubeconfig}", f"--cache-dir={folder / 'cache'}"]


@contextlib.contextmanager
def fleet(folder: Path, database: Path) -> Iterator[Path]:
    """The administrator's kubeconfig, once the API server serves the fleet of a store, empty or full already."""
    plane = cluster.ControlPlane(folder / "control-plane", binaries.ensure(progress=_say), durable=False)
    plane.start()
    try:
        ports = layout.free_ports({"omaha": 0, "private": 0, "fleet": 0})
        with _service(folder, database, plane, ports):
            yield plane.kubeconfig
    finally:
        plane.stop()


@contextlib.contextmanager
def _service(folder: Path, database: Path, plane: cluster.ControlPlane, ports: dict[str, int]) -> Iterator[None]:
    now = dt.datetime.now(dt.UTC)
    files = certificates.ensure(folder / "certificates", now)
    asyncio.run(installing.install(plane.kubeconfig))
    command = [
        sys.executable, "-m", "omaha_api", "serve", "--listen", f"127.0.0.1:{ports['omaha']}",
        "--private-listen", f"127.0.0.1:{ports['private']}", "--fleet-listen", f"127.0.0.1:{ports['fleet']}",
        "--tls-cert-file", str(files.fleet_serving.certificate), "--tls-private-key-file", str(files.fleet_serving.key),
        "--database", f"sqlite:///{database}", "--kubeconfig", str(plane.kubeconfig),
    ]  # fmt: skip
    ca_pem = files.fleet_authority.certificate.read_bytes()
    with servers.running(command):
        asyncio.run(fleet_api.register(plane.kubeconfig, port=ports["fleet"], ca_pem=ca_pem, now=now))
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr)
