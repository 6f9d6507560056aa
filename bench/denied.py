"""What does it cost to say no, and does it cost more the more instances wait?

Groups of a thousand, ten thousand, … instances that wait for an update: of each, instances that the service has heard before ask again and
again, over a real socket, and are refused by the rate limit; and once by a wave that hasn't reached them. The service with the smallest
group, the one with the larger and the empty application are driven in turn, so that each round gives both ratios.
"""

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
import load
import servers
import spread
import waiting_fleet

PATH = "/v1/update/"

_NEVER_FLUSHED_SECONDS = 86400.0
"""Last-seen times are written behind the checks, a row for each instance: what that costs is measured apart."""


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
    """Of them ask at most so many, one after another in no order; these are in the service's memory."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why everybody is refused: the reason, and what is particular about the group's spec and its status.rollout."""

    reason: str
    spec: dict[str, Any]
    rollout: Callable[[datetime], dict[str, Any]]


_RATE_LIMITED = _Refused(
    "RateLimited", {"rateLimit": {"maxUpdates": 1, "periodSeconds": 366 * 86400}}, rollout=lambda _: {}
)
_NOT_IN_COHORT = _Refused(
    "NotInCohort",
    {"rollout": {"waves": [{"name": "first", "percent": 0}]}},
    rollout=lambda now: {"open": [{"name": "first", "threshold": 0, "openedTime": now.isoformat()}]},
)


@dataclass(slots=True)
class _Driven:
    """A server, what it is sent, and CPU-µs per request of each run."""

    server: servers.Server
    requests: Path
    asking: int = 1
    cpu_us: list[float] = field(default_factory=list)

    def spend(self, seconds: int, number: int) -> None:
        """Drive it once more; each run begins where another one didn't."""
        before = self.server.cpu_seconds()
        first = number * self.asking // 7 % self.asking
        answered = load.closed_loop(self.server.port, self.requests, seconds=seconds, first=first)
        self.cpu_us.append((self.server.cpu_seconds() - before) / answered.count * 1e6)


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """On each database; None for one that isn't there."""
    result: dict[str, Any] = {"asking": extent.asking}
    for kind in databases.KINDS:
        with databases.running(kind, folder, say) as made:
            result[kind] = None if made is None else _Measuring(folder / kind, made, extent, say).measure()
    return result


class _Measuring:
    """Everything on one database."""

    def __init__(self, folder: Path, made: databases.Databases, extent: Extent, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._databases = made
        self._extent = extent
        self._say = say

    def measure(self) -> dict[str, Any]:
        """By why they are refused, and how many wait."""
        fewest, *more = self._extent.waiting
        limited: dict[str, Any] = {}
        with self._refusing(fewest, _RATE_LIMITED) as base, servers.empty() as server:
            empty = _Driven(server, base.requests)
            limited[str(fewest)] = self._compare(base, None, empty)
            for count in more:
                with self._refusing(count, _RATE_LIMITED) as driven:
                    limited[str(count)] = self._compare(driven, base, empty)
            among = max(count for count in self._extent.waiting if count <= max(fewest, self._extent.asking))
            with self._refusing(among, _NOT_IN_COHORT) as driven:
                return {"rate_limited": limited, "not_in_cohort": {str(among): self._compare(driven, base, empty)}}

    @contextlib.contextmanager
    def _refusing(self, count: int, refused: _Refused) -> Iterator[_Driven]:
        """A service with so many waiting instances, of which those that will ask have been heard."""
        kind = self._folder.name
        self._say(f"denied, {kind}: making {count} instances")
        now = datetime.now(UTC)
        database = self._databases.make(waiting_fleet.fleet(count, now), now)
        folder = self._folder / f"{refused.reason}-{count}"
        # Begun when the store was there already: one that is younger than a rollout takes itself for lost.
        resources = waiting_fleet.resources(now + timedelta(seconds=1), refused.spec, refused.rollout(now))
        asking = random.Random(count).sample(range(count), min(count, self._extent.asking))
        with servers.rollout_service(
            folder, database, resources, flush_interval_seconds=_NEVER_FLUSHED_SECONDS
        ) as server:
            requests = folder / "requests"
            load.write_requests(requests, [load.post(PATH, waiting_fleet.check(number)) for number in asking])
            self._say(f"denied, {kind}: {len(asking)} of {count} are heard")
            servers.introduce_all(server, requests, len(asking))
            driven = _Driven(server, requests, len(asking))
            yield driven
            _expect(server, refused.reason)

    def _compare(self, driven: _Driven, base: _Driven | None, empty: _Driven) -> dict[str, Any]:
        compared = [driven, empty] if base is None else [driven, base, empty]
        for each in compared:
            each.cpu_us = []
        for number in range(self._extent.rounds):
            # Who goes first changes, so that a machine that grows slower or faster favours nobody.
            for each in compared[:: -1 if number % 2 else 1]:
                each.spend(self._extent.seconds, number)
        told: dict[str, Any] = {
            "asking": driven.asking,
            "cpu_us_per_check": spread.quartiles(driven.cpu_us),
            "empty_cpu_us_per_request": spread.quartiles(empty.cpu_us),
            "ratio_to_empty": _ratios(driven, empty),
        }
        if base is not None:
            told["ratio_to_fewest"] = _ratios(driven, base)
        self._say(f"denied: {told['cpu_us_per_check']['median']:.1f} µs, {told['ratio_to_empty']['median']} × empty")
        return told


def _ratios(one: _Driven, other: _Driven) -> dict[str, float]:
    return spread.quartiles([ours / theirs for ours, theirs in zip(one.cpu_us, other.cpu_us, strict=True)])


def _expect(server: servers.Server, reason: str) -> None:
    """All were refused for this reason, but for the first who asked where the limit lets one through: that one gets its offer again."""
    refused = server.metric(_answered(reason))
    offered, granted = server.metric(_answered("Offer")), server.metric("omaha_grants_total")
    requests = server.metric('omaha_requests_total{status="200"}')
    if granted > 1 or refused + offered < requests:
        sys.exit(f"of {requests:.0f} checks {refused:.0f} were {reason}, and {granted:.0f} instances got an update")


def _answered(answer: str) -> str:
    return f'omaha_update_checks_total{{answer="{answer}"}}'
