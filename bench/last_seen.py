"""What does it cost to write down, behind a check, when the instance was heard?

A steady check waits for no store, but its time is written later, in batches. A small fleet that checks all the time is written
once in ten seconds however often it checks; of a real one, where nobody checks twice within a minute, each check is written. So it is
measured apart: CPU-µs per instance, all threads, each instance heard for the first time in an hour and in no order.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fleet_file
import spread
import uvloop

from omaha_api.store.sqlite.store import SqliteStore
from update_core.fleet.attributes import NONE
from update_core.fleet.store import Sighting
from update_core.rollout.model import Reason

BATCH = 100
"""Instances that the service writes together."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    instances: int
    """In the file."""
    runs: int
    written: int
    """Instances per run."""


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """Some runs over a file of its own."""
    say(f"last_seen: making {extent.instances} instances")
    file = folder / "fleet.db"
    fleet_file.fill(file, extent.instances)
    say("last_seen: writing")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cpu_us = runner.run(_write(file, extent))
    return {"instances": extent.instances, "batch": BATCH, "cpu_us_per_instance": spread.quartiles(cpu_us)}


async def _write(file: Path, extent: Extent) -> list[float]:
    store = SqliteStore(file)
    await store.open()
    try:
        return [await _cpu_us(store, extent, run) for run in range(extent.runs)]
    finally:
        await store.close()


async def _cpu_us(store: SqliteStore, extent: Extent, run: int) -> float:
    numbers = random.Random(run).sample(range(extent.instances), extent.written)
    at = fleet_file.BORN + timedelta(hours=run + 1)
    batches = [_sightings(numbers[start : start + BATCH], at) for start in range(0, extent.written, BATCH)]
    before = time.process_time()
    for batch in batches:
        await store.touch(batch)
    return (time.process_time() - before) / extent.written * 1e6


def _sightings(numbers: Sequence[int], at: datetime) -> list[Sighting]:
    return [
        Sighting(
            fleet_file.APP_ID, fleet_file.instance_id(number), fleet_file.TRACKS[0], fleet_file.NEW, at,
            attributes=NONE, refusal=Reason.UP_TO_DATE,
        )
        for number in numbers
    ]  # fmt: skip
