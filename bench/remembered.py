"""How much does a process grow by the instances that it remembers? Takes a store's file and their number; prints JSON.

What is remembered of each is what its first check reads from the store; it has been heard since, so that it is due to be written too.
"""

import contextlib
import gc
import json
import os
import sys
from pathlib import Path

import processes

from omaha_api.instances import fleet_memory, known
from omaha_api.store import rows
from omaha_api.store.sqlite import connections

_SELECT = f"SELECT {rows.INSTANCE_COLUMNS} FROM instances ORDER BY id LIMIT ?"


def main(file: Path, count: int) -> None:
    """Remember, and print."""
    with contextlib.closing(connections.connect_reader(file)) as connection:
        memory = fleet_memory.FleetMemory()
        found = connection.execute(_SELECT, (count,))
        gc.collect()
        before = processes.resident_bytes(os.getpid())
        for row in found:
            record = rows.to_instance(row)
            key = (sys.intern(record.app_id), record.instance_id)
            memory.remember(key, known.from_record(record))
            memory.touch(key)
        gc.collect()
        grown = processes.resident_bytes(os.getpid()) - before
    if memory.instances != count:
        sys.exit(f"{memory.instances} instances are remembered, not {count}")
    print(json.dumps({"megabytes": round(grown / 1e6), "bytes_per_instance": round(grown / count)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
