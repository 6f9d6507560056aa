"""Has this request been here before? Then its events were counted.

A proxy that got no answer sends a request again, and so do some clients: with the same requestid. Its answer is worked out anew, from what
the first one left; what an update in flight moves by is moved once anyway.
"""

from datetime import UTC, datetime, timedelta

from omaha_api.instances.known import InstanceKey
from update_core.omaha.messages import Event

WINDOW = timedelta(minutes=10)
"""How long a request is remembered at least, and at most twice as long."""

MAX_REMEMBERED = 50_000
"""Requests of a window that are remembered, some 100 bytes each; beyond, the oldest are forgotten early."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Replays:
    """The requests of the last minutes that told events."""

    def __init__(self, *, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        # Two windows, so that nothing is to be gone through when time passes: one is filled, both are asked.
        self._latest: set[int] = set()
        self._earlier: set[int] = set()
        self._begun = _BEGINNING

    def again(self, requestid: str, sessionid: str, key: InstanceKey, events: tuple[Event, ...], now: datetime) -> bool:
        """Whether the instance told these events before in a request of this id; if not, it has now.

        The id alone doesn't say so: there are clients that send the same one with whatever they tell.
        """
        if not requestid:
            return False
        self._turn(now)
        told = hash((requestid, sessionid, key, events))
        if told in self._latest or told in self._earlier:
            return True
        self._latest.add(told)
        return False

    def _turn(self, now: datetime) -> None:
        if now - self._begun < WINDOW and len(self._latest) < self._max_remembered:
            return
        # After a long silence neither says anything any more.
        self._earlier = self._latest if now - self._begun < 2 * WINDOW else set()
        self._latest = set()
        self._begun = now
