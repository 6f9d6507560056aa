"""Has a network as many updates in flight as one may have? The store counts them; that one was full is believed for some seconds.

Without a bound no network is worked out, and none is written.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from omaha_api.instances.enrolment import Network
from update_core.fleet.store import Source

LOOK_AGAIN = timedelta(seconds=10)
"""After which the store is asked anew: an update may have ended."""

MAX_NETWORKS = 20_000
"""Networks that are remembered to be full, some 300 bytes each; beyond, the one that was asked about first is forgotten."""


class Crowding:
    """Which networks were full, as one process knows it."""

    def __init__(self, most_in_flight: int = 0, *, sample_percent: int = 100, max_networks: int = MAX_NETWORKS) -> None:
        """`most_in_flight` of one network in one application; 0: as many as come. `sample_percent`: see Source."""
        self._most = most_in_flight
        self._sample_percent = sample_percent
        self._max_networks = max_networks
        self._full: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def source(self, network: Network) -> Source | None:
        """Where a request came from, if that matters."""
        name = network() if self._most or self._sample_percent < 100 else ""
        return Source(name, self._most, self._sample_percent) if name else None

    def full(self, app_id: str, source: Source, at: datetime) -> bool:
        """Whether the network had no room in an application a moment ago."""
        until = self._full.get((app_id, source.network))
        # A clock that went back keeps nobody out.
        return until is not None and at < until <= at + LOOK_AGAIN

    def fill(self, app_id: str, source: Source, at: datetime) -> None:
        """The store had no room for another update of the network."""
        key = (app_id, source.network)
        self._full[key] = at + LOOK_AGAIN
        self._full.move_to_end(key)
        if len(self._full) > self._max_networks:
            self._full.popitem(last=False)
