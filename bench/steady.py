"""What does a steady check cost, in CPU, compared with a server that does nothing?

Starts the real service on a snapshot (no Kubernetes API), and the empty application on the same server settings; drives both in turn
and reads user + system time of each from /proc. Prints medians and quartiles as JSON: CPU-µs per check, and the ratio of each pair.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import load
import uvloop

from omaha_api import snapshot

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
VERSION = "1.1.0"
TICKS = os.sysconf("SC_CLK_TCK")
CHECK = """<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" updaterversion="update_engine-0.4.10" installsource="scheduler" ismachine="1">
 <os version="Chateau" platform="CoreOS" sp="{version}_x86_64"></os>
 <app appid="{{{app_id}}}" version="{version}" track="fake1" bootid="{{{boot}}}" oem="qemu" oemversion="" alephversion="1.0.0" \
machineid="{machine}" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false" >
  <ping active="1"></ping><updatecheck></updatecheck><event eventtype="3" eventresult="2" previousversion=""></event>
 </app>
</request>
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load on each of the two, per pair")
    parser.add_argument("--instances", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure(Path(folder), options.pairs, options.seconds, options.instances))
    print(json.dumps(result, indent=2))


async def measure(folder: Path, pairs: int, seconds: float, instances: int) -> dict[str, Any]:
    """The whole measurement."""
    requests = [load.post("/v1/update/", check(uuid.UUID(int=number).hex)) for number in range(instances)]
    service_port, empty_port = free_port(), free_port()
    with running(service_command(folder, service_port)) as service, running(empty_command(empty_port)) as empty:
        await asyncio.gather(answering(service_port, requests[0]), answering(empty_port, requests[0]))
        # Everybody is seen for the first time, and written, before anything is measured.
        await load.drive(service_port, requests, seconds=3)
        await load.drive(empty_port, requests, seconds=1)
        steady, baseline = [], []
        for _ in range(pairs):
            steady.append(await cost(service, service_port, requests, seconds))
            baseline.append(await cost(empty, empty_port, requests, seconds))
    ratios = [ours / theirs for ours, theirs in zip(steady, baseline, strict=True)]
    return {
        "pairs": pairs,
        "instances": instances,
        "steady_cpu_us_per_check": quartiles(steady),
        "empty_cpu_us_per_request": quartiles(baseline),
        "ratio": quartiles(ratios),
    }


async def cost(process: subprocess.Popen[bytes], port: int, requests: list[bytes], seconds: float) -> float:
    """CPU-µs that the process spends on a request."""
    before = cpu_seconds(process.pid)
    answered, failed = await load.drive(port, requests, seconds=seconds)
    spent = cpu_seconds(process.pid) - before
    if failed:
        sys.exit(f"{failed} of {answered} requests failed")
    return spent / answered * 1e6


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, 2), "q1": round(low, 2), "q3": round(high, 2)}


def check(machine: str) -> bytes:
    """A check as update_engine sends it, of an instance that is up to date."""
    return CHECK.format(version=VERSION, app_id=APP_ID, boot=uuid.uuid4(), machine=machine).encode()


def service_command(folder: Path, port: int) -> list[str]:
    """The real service; its API server is an address where nothing listens."""
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    kubeconfig = {
        "apiVersion": "v1", "kind": "Config", "current-context": "none", "clusters": [cluster], "contexts": [context],
        "users": [{"name": "none", "user": {}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    snapshot.save(folder / "catalog.json", resources())
    return [
        sys.executable, "-m", "omaha_api", "serve", "--listen", f"127.0.0.1:{port}",
        "--private-listen", f"127.0.0.1:{free_port()}", "--database", f"sqlite:///{folder / 'fleet.db'}",
        "--snapshot", str(folder / "catalog.json"), "--kubeconfig", str(folder / "kubeconfig"),
    ]  # fmt: skip


def empty_command(port: int) -> list[str]:
    """The empty application."""
    return [sys.executable, str(Path(__file__).with_name("empty_app.py")), str(port)]


def resources() -> list[dict[str, Any]]:
    """An application with one group whose instances are up to date."""
    reference = {"applicationRef": {"name": "app"}}
    return [
        resource("Application", "app", {"appId": APP_ID}),
        resource("Channel", "master", {**reference, "name": "master", "version": VERSION}),
        resource("Group", "fake1", {**reference, "channelRef": {"name": "master"}, "track": "fake1"}),
    ]


def resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object as the snapshot holds it."""
    metadata = {"name": name, "namespace": "bench", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": {}}


async def answering(port: int, request: bytes) -> None:
    """Wait until the port answers with 200."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            answered, failed = await load.drive(port, [request], seconds=0, connections=1)
            if answered and not failed:
                return
        await asyncio.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, ended at the end."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
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


if __name__ == "__main__":
    main()
