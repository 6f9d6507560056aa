"""What does a steady check cost, compared with a server that does nothing?

The real service, with a catalog of many groups and a fleet of known instances, and the empty application on the same server settings are
driven in turn: requests per second, CPU-µs per check (user and system time, from /proc) and the ratio of each pair; then how long answers
take at half of the service's capacity; and how often the checks asked the store.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import checking_fleet
import load
import servers
import spread

PATH = "/v1/update/"
TOUCH = "touch"
"""The store's one call that isn't a check's: last-seen times are written behind them, in batches."""

_INTRODUCED_PER_SECOND = 1000
_PATIENCE_SECONDS = 60.0


def in_xml(instances: int, groups: int) -> list[bytes]:
    """The checks of a fleet of CoreOS-line clients."""
    return [load.post(PATH, checking_fleet.xml_check(number, groups)) for number in range(instances)]


def in_json(instances: int, groups: int) -> list[bytes]:
    """Of a fleet that speaks JSON 3.1."""
    return [
        load.post(PATH, checking_fleet.json_check(number, groups), "application/json") for number in range(instances)
    ]


def in_xml_signed(instances: int, groups: int) -> list[bytes]:
    """Of a fleet that speaks XML and wants its answers signed."""
    checks = enumerate(checking_fleet.xml_check(number, groups) for number in range(instances))
    return [
        load.post(PATH + checking_fleet.cup_query(number, check, servers.CUP_KEY_ID), check) for number, check in checks
    ]


KINDS: Mapping[str, Callable[[int, int], list[bytes]]] = {
    "steady_xml": in_xml,
    "steady_json": in_json,
    "steady_xml_cup": in_xml_signed,
}
"""What is sent, by the part of the document that tells what it cost."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    pairs: int
    """Of closed loops: one on each of the two servers."""
    latency_runs: int
    """Of open loops, on each."""
    seconds: int
    """That each loop takes."""
    groups: int
    instances: int


@dataclass(slots=True)
class _Costs:
    """What was measured of a server, a number for each run."""

    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


_Measured = tuple[servers.Server, _Costs]


def measure(folder: Path, kind: str, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """One kind of check: pairs of runs, the store's calls meanwhile, and the latency at half of what was reached."""
    say(f"{kind}: making {extent.instances} instances known")
    requests = KINDS[kind](extent.instances, extent.groups)
    file = folder / "requests"
    load.write_requests(file, requests)
    with servers.service(folder, extent.groups) as service, servers.empty() as empty:
        introduce(service, folder, file, extent.instances)
        for server in (service, empty):
            load.closed_loop(server.port, file, seconds=1)
        before = servers.store_calls(service, folder)
        ours, theirs = _Costs(), _Costs()
        for number in range(extent.pairs):
            # Who goes first changes, so that a machine that grows slower or faster favours neither.
            for server, costs in _in_turn(number, (service, ours), (empty, theirs)):
                _spend(server, file, extent.seconds, number * len(requests) // extent.pairs, costs)
            say(f"{kind}: {ours.cpu_us[-1]:.1f} µs, the empty application {theirs.cpu_us[-1]:.1f} µs")
        half = statistics.median(ours.per_second) / 2
        for number in range(extent.latency_runs):
            for server, costs in _in_turn(number, (service, ours), (empty, theirs)):
                _time(server, file, half, extent.seconds, costs)
            say(f"{kind}: p99 {ours.p99_ms[-1]:.2f} ms, the empty application {theirs.p99_ms[-1]:.2f} ms")
        calls = {call: count - before[call] for call, count in servers.store_calls(service, folder).items()}
    return {"distinct_requests": len(set(requests)), **_told(ours, theirs, half), **_told_of_store(calls)}


def introduce(service: servers.Server, folder: Path, requests: Path, instances: int) -> None:
    """Every instance is seen for the first time, and written, before anything is measured."""
    load.open_loop(service.port, requests, per_second=_INTRODUCED_PER_SECOND, total=instances)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while servers.store_calls(service, folder)["observe"] < instances:
        if time.monotonic() > deadline:
            sys.exit("the store doesn't get to know the fleet")
        time.sleep(0.2)


def _in_turn(number: int, *both: _Measured) -> Sequence[_Measured]:
    return both[::-1] if number % 2 else both


def _spend(server: servers.Server, requests: Path, seconds: int, first: int, costs: _Costs) -> None:
    """Drive the server once, and note down what it spent on a request."""
    before = server.cpu_seconds()
    answered = load.closed_loop(server.port, requests, seconds=seconds, first=first)
    costs.cpu_us.append((server.cpu_seconds() - before) / answered.count * 1e6)
    costs.per_second.append(answered.per_second)


def _time(server: servers.Server, requests: Path, per_second: float, seconds: int, costs: _Costs) -> None:
    """Ask the server at a constant rate, and note down how long answers took."""
    took = load.open_loop(server.port, requests, per_second=per_second, total=int(per_second * seconds))
    costs.p50_ms.append(statistics.median(took) * 1e3)
    costs.p99_ms.append(spread.percentile(took, 99) * 1e3)


def _told(ours: _Costs, theirs: _Costs, half: float) -> dict[str, Any]:
    ratios = spread.quartiles([one / other for one, other in zip(ours.cpu_us, theirs.cpu_us, strict=True)])
    told: dict[str, Any] = {
        "cpu_ratio": ratios["median"],
        "cpu_ratio_quartiles": ratios,
        "cpu_us_per_check": spread.quartiles(ours.cpu_us),
        "empty_cpu_us_per_request": spread.quartiles(theirs.cpu_us),
        "requests_per_second": spread.quartiles(ours.per_second, 0),
        "empty_requests_per_second": spread.quartiles(theirs.per_second, 0),
    }
    for name, costs in (("open_loop", ours), ("empty_open_loop", theirs)):
        p50, p99 = spread.quartiles(costs.p50_ms, 3), spread.quartiles(costs.p99_ms, 3)
        told[name] = {
            "requests_per_second": round(half),
            "p50_ms": p50["median"],
            "p99_ms": p99["median"],
            "p50_ms_quartiles": p50,
            "p99_ms_quartiles": p99,
        }
    return told


def _told_of_store(calls: Mapping[str, int]) -> dict[str, int]:
    return {
        "store_calls_by_checks": sum(count for call, count in calls.items() if call != TOUCH),
        "last_seen_written_in_batches": calls[TOUCH],
    }
