"""What does the service cost? Prints one JSON document with a part for each question, and says on stderr how far it is.

Parts: the steady check in XML, in JSON, and in XML with signed answers, each beside an empty application; what is written behind checks;
pages of a large fleet; checks that are refused while many instances wait; grants; memory and start with a large fleet; and the operator
with many Groups.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import denied
import fleet_pages
import grants
import last_seen
import load
import many_groups
import start_up
import steady

WITH_WRK = (*steady.KINDS, "denied", "grants")
WITHOUT_WRK = ("last_seen", "fleet_pages", "start_up", "operator")
PARTS = (*WITH_WRK, *WITHOUT_WRK)
_WRITTEN_FLEET = 100_000
_VERSIONS_OF = ("uvicorn", "uvloop", "httptools", "lxml", "pydantic", "cryptography")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parser().parse_args(arguments)
    parts: list[str] = options.only or list(PARTS)
    if set(parts) & set(WITH_WRK):
        load.require_wrk()
    document: dict[str, Any] = {
        "machine": _machine(),
        "extent": {name: value for name, value in vars(options).items() if name != "only"},
    }
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="update-service-bench-") as folder:
            document[part] = _measure(Path(folder), part, options)
    print(json.dumps(document, indent=2))


def _measure(folder: Path, part: str, options: argparse.Namespace) -> dict[str, Any]:
    match part:
        case "last_seen":
            written = last_seen.Extent(_WRITTEN_FLEET, options.pairs, options.written)
            return last_seen.measure(folder, written, _say)
        case "fleet_pages":
            pages = fleet_pages.Extent(options.fleet, options.pages, options.kubectl_instances)
            return fleet_pages.measure(folder, pages, _say)
        case "denied":
            refused = denied.Extent(options.pairs, options.seconds, sorted(options.waiting), options.asking)
            return denied.measure(folder, refused, _say)
        case "grants":
            given = grants.Extent(options.grant_runs, options.granted, options.seconds, options.grants_waiting)
            return grants.measure(folder, given, _say)
        case "start_up":
            remembered = (options.fleet // 10, options.fleet)
            started = start_up.Extent(options.starts, options.fleet, options.in_flight, remembered)
            return start_up.measure(folder, started, _say)
        case "operator":
            groups = many_groups.Extent(
                options.operator_groups, options.promoted_groups, options.starts, options.promotions
            )
            return many_groups.measure(folder, groups, _say)
    checks = steady.Extent(options.pairs, options.latency_runs, options.seconds, options.groups, options.instances)
    return steady.measure(folder, part, checks, _say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--only", action="append", choices=PARTS, help="a part to measure, may be repeated; all without it")
    add("--pairs", type=int, default=9, help="runs at full speed on the service and on the empty application")
    add("--latency-runs", type=int, default=5, help="runs at half speed on each of them")
    add("--seconds", type=int, default=2, help="that each run takes")
    add("--groups", type=int, default=1000)
    add("--instances", type=int, default=10_000, help="that are known and check")
    add("--written", type=int, default=5000, help="instances whose last-seen time is written, per run")
    add("--fleet", type=int, default=1_000_000, help="instances in the file that pages are read from")
    add("--pages", type=int, default=100, help="of each kind")
    add("--waiting", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000], help="instances that are refused")
    add("--asking", type=int, default=100_000, help="of them, at most, that are in memory and ask")
    add("--grant-runs", type=int, default=5)
    add("--granted", type=int, default=3000, help="grants in each run of the store")
    add(
        "--grants-waiting",
        type=int,
        default=40_000,
        help="instances that the service has to give an update to, in all runs",
    )
    add("--in-flight", type=int, default=10_000, help="updates in flight as the service starts with --fleet instances")
    add("--starts", type=int, default=3, help="of the service, and of the operator")
    add("--operator-groups", type=int, default=10_000)
    add("--promoted-groups", type=int, default=1000, help="of them follow each channel")
    add("--promotions", type=int, default=3, help="of one channel each")
    add("--kubectl-instances", type=int, default=10_000, help="that kubectl gets; 0: without an API server")
    return parser


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "wrk": _wrk_version(),
        **{name: importlib.metadata.version(name) for name in _VERSIONS_OF},
        "load_average": [round(average, 2) for average in os.getloadavg()],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _wrk_version() -> str:
    try:
        # It says its version with its usage, and that is an error to it.
        said = subprocess.run(["wrk", "--version"], check=False, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return "absent"
    return said.partition(" [")[0].removeprefix("wrk ").removeprefix("debian/").strip()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
