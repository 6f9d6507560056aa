"""What a fleet store is told as time passes, besides being asked: that somebody serves, and whom to keep."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from update_core.fleet.grants import Grant


class FleetKeeper(Protocol):
    """Beats and retention. Every method may raise StoreUnavailable."""

    async def beat(self, now: datetime) -> Sequence[Grant]:
        """Say that somebody serves at `now`; to be called every outages.BEAT_SECONDS.

        After a gap, in which nobody did, no grant times out before its instance has had as much time as without it, and a chance to be
        heard. Returns the grants that have other deadlines now.
        """
        ...

    async def retire(self, app_id: str, retention_seconds: int, now: datetime, limit: int) -> Sequence[str]:
        """Remove at most `limit` instances that weren't heard for so long, outages aside; none that has a grant in flight.

        Returns their ids; fewer than `limit` say that none is left.
        """
        ...
