"""What does the service cost? Prints one JSON document with a part for each question, and says on stderr how far it is.

Parts: the steady check in XML, in JSON, and in XML with signed answers, each beside an empty application; what is written behind checks;
and pages of a large fleet.
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

import fleet_pages
import last_seen
import load
import steady

LAST_SEEN = "last_seen"
FLEET_PAGES = "fleet_pages"
PARTS = (*steady.KINDS, LAST_SEEN, FLEET_PAGES)
_WRITTEN_FLEET = 100_000
_VERSIONS_OF = ("uvicorn", "uvloop", "httptools", "lxml", "pydantic", "cryptography")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parser().parse_args(arguments)
    parts: list[str] = options.only or list(PARTS)
    if set(parts) & set(steady.KINDS):
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
    if part == FLEET_PAGES:
        pages = fleet_pages.Extent(options.fleet, options.pages, options.kubectl_instances)
        return fleet_pages.measure(folder, pages, _say)
    if part == LAST_SEEN:
        written = last_seen.Extent(_WRITTEN_FLEET, options.pairs, options.written)
        return last_seen.measure(folder, written, _say)
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
