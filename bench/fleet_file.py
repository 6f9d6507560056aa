"""What does a page of a large fleet cost? Writes a store's file straight into its tables, a million instances in well under a minute.

Run by itself, it makes a file and prints as JSON how much CPU pages of 500 cost. What it measures is the store: sending them comes on top.
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fleet_rows

from omaha_api.store import listing
from omaha_api.store.sqlite import connections
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.reading import IDLE, InstanceQuery
from update_core.fleet.store import InstanceRecord

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
TRACKS = ("stable", "stable", "stable", "stable", "stable", "stable", "stable", "beta", "beta", "alpha")
"""One of them for each of ten instances."""
OLD, NEW = "1.0.0", "1.1.0"
BORN = datetime(2026, 3, 1, tzinfo=UTC)
MACHINES = tuple(
    Attributes(oem, "", "1.0.0", board, "en-US", "CoreOS", "Chateau", f"{OLD}_x86_64", "x86_64")
    for oem in ("qemu", "vmware", "bare")
    for board in ("amd64-usr", "arm64-usr")
)
RARE = 1000
"""Of so many instances one has failed."""
PAGES = 50


def fill(path: Path, count: int, *, app_id: str = APP_ID, now: datetime = BORN) -> None:
    """Make the file: `count` instances on three tracks, half of them updated to NEW, a few failed, the others idle at OLD."""
    fleet_rows.into_sqlite(path, _instances(app_id, count, now), now)


def measure(path: Path) -> dict[str, Any]:
    """Milliseconds of CPU that pages of 500 take: median and slowest of some."""
    connection = connections.connect_reader(path)
    middle = _slug_in_the_middle(path)
    queries = {
        "first": InstanceQuery(APP_ID),
        "middle": InstanceQuery(APP_ID, after=middle),
        "track": InstanceQuery(APP_ID, track="alpha"),
        "track, middle": InstanceQuery(APP_ID, track="alpha", after=middle),
        "rare state": InstanceQuery(APP_ID, state="Failed"),
        "rare state, middle": InstanceQuery(APP_ID, state="Failed", after=middle),
        "rare state of a small track": InstanceQuery(APP_ID, state="Failed", track="alpha"),
        "common state": InstanceQuery(APP_ID, state=IDLE, after=middle),
        "version": InstanceQuery(APP_ID, version=NEW, after=middle),
        "one by id": InstanceQuery(APP_ID, instance_id=instance_id(1000)),
    }
    result: dict[str, Any] = {"file_megabytes": round(path.stat().st_size / 1e6)}
    for name, query in queries.items():
        took = [_milliseconds(connection, query) for _ in range(PAGES)]
        result[name] = {
            "rows": len(listing.instances(connection, query)),
            "median_ms": round(statistics.median(took), 2),
            "slowest_ms": round(max(took), 2),
        }
    connection.close()
    return result


def instance_id(number: int) -> str:
    """Of one of the fleet, counted from 0."""
    return f"{{fake-client-{number:07d}}}"


def _milliseconds(connection: sqlite3.Connection, query: InstanceQuery) -> float:
    started = time.thread_time()
    listing.instances(connection, query)
    return (time.thread_time() - started) * 1000


def _instances(app_id: str, count: int, now: datetime) -> Iterator[tuple[InstanceRecord, Grant | None]]:
    granted = dict.fromkeys(TRACKS, 0)
    for number in range(count):
        track = TRACKS[(number // 2 + number // RARE) % len(TRACKS)]
        failed, updated = number % RARE == 0, number % 2 == 0
        record = InstanceRecord(
            app_id=app_id,
            instance_id=instance_id(number),
            track=track,
            version=NEW if updated and not failed else OLD,
            first_seen=now - timedelta(days=30),
            last_seen=now - timedelta(seconds=number % 3600),
            attributes=MACHINES[number % len(MACHINES)],
            boot_id=f"{{{number:032x}}}",
        )
        grant = None
        if updated:
            granted[track] += 1
            state = GrantState.FAILED if failed else GrantState.COMPLETE
            grant = Grant(
                app_id, track, granted[track], 1, NEW, record.instance_id, state, now, now, now + timedelta(hours=1)
            )
        yield record, grant


def _slug_in_the_middle(path: Path) -> str:
    connection = sqlite3.connect(path)
    (slug,) = connection.execute(
        "SELECT slug FROM instances ORDER BY slug LIMIT 1 OFFSET (SELECT count(*) / 2 FROM instances)"
    ).fetchone()
    connection.close()
    return str(slug)


def main() -> None:
    """Make a file, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="keep the file under this name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "fleet.db"
        started = time.process_time()
        fill(path, options.instances)
        filled = time.process_time() - started
        result = measure(path)
    print(json.dumps({"instances": options.instances, "filled_in_cpu_seconds": round(filled, 1)} | result, indent=2))


if __name__ == "__main__":
    main()
