"""What does a steady check cost, in CPU, compared with a server that does nothing?

Starts the real service on a snapshot (no Kubernetes API), and the empty application on the same server settings; drives both in turn
and reads user + system time of each from /proc. Prints one JSON document: requests per second, CPU-µs per check and the ratio of each
pair, as medians and quartiles; how long answers take at half of the capacity; and how often the checks asked the store.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import checking_fleet
import counted_service
import load
import uvloop
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from omaha_api import snapshot

TICKS = os.sysconf("SC_CLK_TCK")
PATH = "/v1/update/"
CUP_KEY_ID = 1
TOUCH = "touch"
"""The store's one call that isn't a check's: last-seen times are written behind them, in batches."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured, and what it is sent."""

    process: subprocess.Popen[bytes]
    port: int


@dataclass(slots=True)
class Costs:
    """What was measured of a server, a number for each run."""

    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2, help="of load on each of the two, per pair")
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.pairs, options.seconds, options.groups, options.instances)
    print(json.dumps(result, indent=2))


def measure(folder: Path, pairs: int, seconds: int, groups: int, instances: int) -> dict[str, Any]:
    """The whole measurement."""
    in_xml = [checking_fleet.xml_check(number, groups) for number in range(instances)]
    in_json = [checking_fleet.json_check(number, groups) for number in range(instances)]
    queries = [checking_fleet.cup_query(number, body, CUP_KEY_ID) for number, body in enumerate(in_xml)]
    checks = {
        "steady_xml": [load.post(PATH, body) for body in in_xml],
        "steady_json": [load.post(PATH, body, "application/json") for body in in_json],
        "steady_xml_cup": [load.post(PATH + query, body) for query, body in zip(queries, in_xml, strict=True)],
    }
    port, empty_port = free_port(), free_port()
    with (
        running(service_command(folder, port, groups)) as service,
        running(empty_command(empty_port)) as empty,
    ):
        measured = {
            name: measure_kind(folder, Server(service, port), Server(empty, empty_port), pairs, seconds, requests)
            for name, requests in checks.items()
        }
    return {"pairs": pairs, "seconds": seconds, "groups": groups, "instances": instances, **measured}


def measure_kind(
    folder: Path, service: Server, empty: Server, pairs: int, seconds: int, requests: Sequence[bytes]
) -> dict[str, Any]:
    """One kind of check: pairs of runs, the store's calls meanwhile, and the latency at half of what was reached."""
    file = folder / "requests"
    load.write_requests(file, requests)
    for server in (service, empty):
        asyncio.run(introduce(server.port, requests))
        load.closed_loop(server.port, file, seconds=1)
    settle(folder)
    before = store_calls(folder)
    costs = {service.port: Costs(), empty.port: Costs()}
    for number in range(pairs):
        # Who goes first changes, so that a machine that grows slower or faster favours neither.
        for server in (service, empty) if number % 2 else (empty, service):
            cost(server, file, seconds, number * len(requests) // pairs, costs[server.port])
    ours, theirs = costs[service.port], costs[empty.port]
    half = statistics.median(ours.per_second) / 2
    took = at_rate(service.port, requests, half, 3 * seconds)
    took_empty = at_rate(empty.port, requests, half, 3 * seconds)
    calls = {call: count - before[call] for call, count in store_calls(folder).items()}
    ratios = [one / other for one, other in zip(ours.cpu_us, theirs.cpu_us, strict=True)]
    return {
        "distinct_requests": len(set(requests)),
        "cpu_ratio": quartiles(ratios)["median"],
        "cpu_ratio_quartiles": quartiles(ratios),
        "cpu_us_per_check": quartiles(ours.cpu_us),
        "empty_cpu_us_per_request": quartiles(theirs.cpu_us),
        "requests_per_second": quartiles(ours.per_second),
        "empty_requests_per_second": quartiles(theirs.per_second),
        "open_loop": took,
        "empty_open_loop": took_empty,
        "store_calls_by_checks": sum(count for call, count in calls.items() if call != TOUCH),
        "last_seen_written_in_batches": calls[TOUCH],
    }


def cost(server: Server, requests: Path, seconds: int, first: int, costs: Costs) -> None:
    """Drive the server once, and note down what it spent on a request."""
    before = cpu_seconds(server.process.pid)
    answered = load.closed_loop(server.port, requests, seconds=seconds, first=first)
    costs.cpu_us.append((cpu_seconds(server.process.pid) - before) / answered.count * 1e6)
    costs.per_second.append(answered.per_second)


def at_rate(port: int, requests: Sequence[bytes], per_second: float, seconds: float) -> dict[str, float]:
    """Milliseconds from when a request is due to its answer, at a constant rate."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = runner.run(load.open_loop(port, requests, per_second=per_second, seconds=seconds))
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {
        "requests_per_second": round(per_second),
        "p50_ms": round(statistics.median(took) * 1000, 3),
        "p99_ms": round(cuts[98] * 1000, 3),
    }


async def introduce(port: int, requests: Sequence[bytes]) -> None:
    """Every instance is seen for the first time before anything is measured."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            await load.open_loop(port, requests, per_second=4000, seconds=len(requests) / 4000)
            return
        await asyncio.sleep(0.1)
    sys.exit(f"nothing answers on port {port}")


def settle(folder: Path) -> None:
    """Wait until the first sights are written."""
    calls: Mapping[str, int] = {}
    while (now := store_calls(folder)) != calls:
        calls = now
        time.sleep(3)


def store_calls(folder: Path) -> dict[str, int]:
    """How often the service has asked its store what."""
    counts: dict[str, int] = json.loads((folder / counted_service.CALLS_FILE).read_text())
    return counts


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, 2), "q1": round(low, 2), "q3": round(high, 2)}


def service_command(folder: Path, port: int, groups: int) -> list[str]:
    """The real service; its API server is an address where nothing listens."""
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    kubeconfig = {
        "apiVersion": "v1", "kind": "Config", "current-context": "none", "clusters": [cluster], "contexts": [context],
        "users": [{"name": "none", "user": {}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    (folder / counted_service.CUP_KEYS_FOLDER).mkdir()
    (folder / counted_service.CUP_KEYS_FOLDER / f"{CUP_KEY_ID}.pem").write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    snapshot.save(folder / "catalog.json", checking_fleet.resources(groups))
    return [sys.executable, counted_service.__file__, str(port), str(free_port()), str(folder)]


def empty_command(port: int) -> list[str]:
    """The empty application."""
    return [sys.executable, str(Path(__file__).with_name("empty_app.py")), str(port)]


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
