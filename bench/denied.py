"""What does it cost to say no, and does it cost more the more instances wait?

Groups of a thousand, ten thousand, … instances that wait for an update: of each, instances that the service has heard before ask again and
again, over a real socket, and are refused by the rate limit; and once by a wave that hasn't reached them. The service with the smallest
group, the one with the larger and the empty application are driven in turn, so that each round gives both ratios.
"""

import random
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import databases
import load
import servers
import spread
import waiting_fleet

PATH = "/v1/update/"
RATE_LIMITED = "RateLimited"
NOT_IN_COHORT = "NotInCohort"

_NEVER_FLUSHED_SECONDS = 86400.0
"""Last-seen times are written behind the checks, a row for each instance: what that costs is measured apart."""
_HEARD_AT_A_TIME_SECONDS = 2
_LIMIT = {"rateLimit": {"maxUpdates": 1, "periodSeconds": 366 * 86400}}
_WAVES = {"rollout": {"waves": [{"name": "first", "percent": 0}]}}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    rounds: int
    """In which each server is driven once."""
    seconds: int
    """That each takes."""
    waiting: Sequence[int]
    """Instances that wait, from the fewest, which the others are compared with."""
    asking: int
    """Of them ask at most so many, one after another in no order; they are in the service's memory."""


@dataclass(slots=True)
class _Driven:
    """A server, what it is sent, and CPU-µs per request of each run."""

    server: servers.Server
    requests: Path
    count: int
    cpu_us: list[float] = field(default_factory=list)


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """On each database; None for one that isn't there."""
    result: dict[str, Any] = {}
    for kind in databases.KINDS:
        with databases.running(kind, folder, say) as made:
            result[kind] = None if made is None else _measure(folder / kind, made, extent, lambda text: say(text))
    return result


def _measure(
    folder: Path, made: databases.Databases, extent: Extent, say: Callable[[str], None]
) -> dict[str, Any]:
    folder.mkdir()
    fewest, *more = extent.waiting
    result: dict[str, Any] = {"rate_limited": {}}
    with _Service(folder / "fewest", made, fewest, extent, RATE_LIMITED, say) as base, servers.empty() as empty:
        result["rate_limited"][str(fewest)] = _compared(base, None, empty, extent, say)
        for number, count in enumerate(more):
            with _Service(folder / f"more-{number}", made, count, extent, RATE_LIMITED, say) as driven:
                result["rate_limited"][str(count)] = _compared(driven, base, empty, extent, say)
        among = [count for count in extent.waiting if count <= extent.asking][-1]
        with _Service(folder / "cohort", made, among, extent, NOT_IN_COHORT, say) as driven:
            result["not_in_cohort"] = {str(among): _compared(driven, None, empty, extent, say)}
    return result
