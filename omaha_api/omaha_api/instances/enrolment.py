"""May an instance that nobody has seen before be taken in? Not where its application is full, nor too many from one network at once.

What the store said of an application is believed for a while, so that a flood of made-up ids costs no transactions. Networks have a bucket
each, that every new id takes one from and that fills again within a minute; of so many only, the one that was used longest ago goes first.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

MAX_NETWORKS = 20_000
"""Networks whose buckets are remembered, some 300 bytes each."""

LOOK_AGAIN = timedelta(seconds=60)
"""After which the store is asked anew about an application that was full: instances may have gone."""

_MINUTE = timedelta(minutes=1)

Network = Callable[[], str]
"""The network that a request came from, worked out when it is asked for; empty where there is none to tell."""


class Bound(StrEnum):
    """What kept an instance from being taken in."""

    APPLICATION = "Application"
    NETWORK = "Network"


def nowhere() -> str:
    """The network of requests that came through none."""
    return ""


class Enrolment:
    """What one process lets in."""

    def __init__(self, *, new_ids_per_minute: int = 0, max_networks: int = MAX_NETWORKS) -> None:
        """`new_ids_per_minute` of one network; 0: as many as come."""
        self._most = new_ids_per_minute
        self._max_networks = max_networks
        self._full: dict[str, tuple[datetime, datetime]] = {}
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()
        self.refused: Counter[Bound] = Counter()
        """New ids that weren't taken in, by what kept them out."""

    @property
    def networks(self) -> int:
        """How many networks are remembered."""
        return len(self._buckets)

    def close(self, app_id: str, until: datetime, at: datetime) -> None:
        """The store has no room for another instance of an application. Times are by its clock."""
        self._full[app_id] = (until, min(until, at + LOOK_AGAIN))

    def closed_until(self, app_id: str, network: Network, at: datetime) -> datetime | None:
        """Until when a new id of an application isn't taken in; None if it is, and then it is counted for its network."""
        full = self._full.get(app_id)
        if full is not None:
            until, look_again = full
            if at < look_again:
                self.refused[Bound.APPLICATION] += 1
                return until
            del self._full[app_id]
        if not self._most:
            return None
        waits = self._take(network(), at)
        if waits is not None:
            self.refused[Bound.NETWORK] += 1
        return waits

    def _take(self, network: str, at: datetime) -> datetime | None:
        """Take one from a network's bucket; until when it is empty, if it is."""
        if not network:
            return None
        left, then = self._buckets.get(network, (float(self._most), at))
        passed = max(timedelta(0), at - then)
        left = min(float(self._most), left + self._most * (passed / _MINUTE))
        waits = None
        if left >= 1:
            left -= 1
        else:
            waits = at + max(timedelta(seconds=1), _MINUTE * ((1 - left) / self._most))
        self._buckets[network] = (left, at)
        self._buckets.move_to_end(network)
        if len(self._buckets) > self._max_networks:
            self._buckets.popitem(last=False)
        return waits
