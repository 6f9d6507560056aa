"""What is measured? The real service and the empty application, each a process; what they spent, and what the store was asked."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checking_fleet
import counted_service
import load
import processes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from omaha_api.catalog import snapshot

CUP_KEY_ID = 1
_ROLLOUT_SERVICE = Path(__file__).with_name("rollout_service.py")
_EMPTY_APP = Path(__file__).with_name("empty_app.py")
_PATIENCE_SECONDS = 30.0
_INTRODUCED_SECONDS = 2
_SHOWN_OF_LOG = 2000


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers on a port of this machine."""

    process: subprocess.Popen[bytes]
    port: int
    private_port: int = 0

    def cpu_seconds(self) -> float:
        """User and system time so far, of all its threads."""
        return processes.cpu_seconds(self.process.pid)

    def metric(self, name: str) -> float:
        """What its private port tells: one number of /metrics, with its labels if it has any."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.private_port}/metrics", timeout=_PATIENCE_SECONDS) as told:
            lines = told.read().decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


@contextlib.contextmanager
def service(folder: Path, groups: int) -> Iterator[Server]:
    """The real service with so many groups; its API server is an address where nothing listens."""
    _write_kubeconfig(folder / "kubeconfig")
    _write_cup_key(folder / counted_service.CUP_KEYS_FOLDER)
    snapshot.save(folder / "catalog.json", checking_fleet.resources(groups))
    port = free_port()
    with running([sys.executable, counted_service.__file__, str(port), str(free_port()), str(folder)]) as process:
        _await_listener(process, port)
        yield Server(process, port)


@contextlib.contextmanager
def rollout_service(
    folder: Path, database: str, resources: Sequence[Mapping[str, Any]], *, flush_interval_seconds: float = 0
) -> Iterator[Server]:
    """The real service on a store with a catalog, ready to answer; `folder` is its own."""
    folder.mkdir(parents=True)
    _write_kubeconfig(folder / "kubeconfig")
    snapshot.save(folder / "catalog.json", resources)
    port, private_port = free_port(), free_port()
    command = [
        sys.executable, str(_ROLLOUT_SERVICE), str(port), str(private_port), str(folder), database,
        str(flush_interval_seconds),
    ]  # fmt: skip
    log = folder / "log"
    with running(command, log) as process:
        server = Server(process, port, private_port)
        if not _is_ready(server):
            sys.exit(f"the service doesn't become ready: {log.read_text()[-_SHOWN_OF_LOG:]}")
        yield server


def introduce_all(server: Server, requests: Path, count: int) -> None:
    """Have each instance of a file of requests heard, however long that takes: from then on the service has it in memory."""
    sent = 0
    while sent < count:
        sent += load.closed_loop(server.port, requests, seconds=_INTRODUCED_SECONDS, first=sent % count).count
    heard = server.metric("omaha_remembered_instances")
    if heard != count:
        sys.exit(f"{heard:.0f} of {count} instances are remembered")


def _is_ready(server: Server) -> bool:
    """Return as soon as the process says that it can answer; False if it doesn't."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{server.private_port}/readyz", timeout=_PATIENCE_SECONDS),
        ):
            return True
        time.sleep(0.01)
    return False


@contextlib.contextmanager
def empty() -> Iterator[Server]:
    """The empty application."""
    port = free_port()
    with running([sys.executable, str(_EMPTY_APP), str(port)]) as process:
        _await_listener(process, port)
        yield Server(process, port)


def store_calls(server: Server, folder: Path) -> dict[str, int]:
    """How often the service has asked its store what."""
    file = folder / counted_service.CALLS_FILE
    file.unlink(missing_ok=True)
    server.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not file.exists():
        if time.monotonic() > deadline:
            sys.exit("the service doesn't tell what it asked its store")
        time.sleep(0.01)
    counts: dict[str, int] = json.loads(file.read_text())
    return counts


@contextlib.contextmanager
def running(command: list[str], log: Path = Path(os.devnull)) -> Iterator[subprocess.Popen[bytes]]:
    """The process, ended at the end; what it says goes into the log."""
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listener(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    sys.exit(f"{' '.join(map(str, process.args if isinstance(process.args, list) else [process.args]))} doesn't listen")


def _write_kubeconfig(path: Path) -> None:
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    kubeconfig = {
        "apiVersion": "v1", "kind": "Config", "current-context": "none", "clusters": [cluster], "contexts": [context],
        "users": [{"name": "none", "user": {}}],
    }  # fmt: skip
    path.write_text(json.dumps(kubeconfig))


def _write_cup_key(folder: Path) -> None:
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / f"{CUP_KEY_ID}.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
