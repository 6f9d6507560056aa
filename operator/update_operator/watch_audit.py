"""Do the watches still hear? A watch that went deaf looks exactly like one with nothing to say; only a complete list tells.

Each change that a list brings and the watch hasn't is given a few seconds to arrive by watch too. What doesn't is a miss. Misses in
consecutive audits: the watches are begun anew after the first, the process isn't ready after the second, and not alive after the third.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from update_operator.cache import Change
from update_operator.keys import Key

UNREADY_AFTER = 2
DEAD_AFTER = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found: the objects whose changes the watch missed."""

    missed: tuple[Key, ...]


class WatchAudit:
    """Compares what lists brought with what the watch brought."""

    def __init__(self) -> None:
        self._suspects: dict[Key, int] = {}
        self.consecutive_misses = 0
        """Audits in a row with misses."""

    def delivered(self, key: Key, version: int) -> None:
        """The watch brought a version of an object, or its deletion."""
        suspected = self._suspects.get(key)
        if suspected is not None and version >= suspected:
            del self._suspects[key]

    def listed(self, changes: Iterable[Change]) -> None:
        """A list brought changes that the cache didn't hold, so the watch hadn't brought them."""
        for change in changes:
            # A deletion has no version in a list; the watch says one above the object's last.
            self._suspects[change.key] = change.version if change.new is not None else _last_version(change) + 1

    def judge(self) -> Verdict:
        """The changes that the watch should have brought by now. Ends the audit."""
        missed = tuple(self._suspects)
        self._suspects.clear()
        self.consecutive_misses = self.consecutive_misses + 1 if missed else 0
        return Verdict(missed)

    def restarted(self) -> None:
        """The watches were begun anew: what the ones before had yet to bring is no matter."""
        self._suspects.clear()

    @property
    def hearing(self) -> bool:
        """False once so many audits in a row had misses that the process shouldn't be relied on."""
        return self.consecutive_misses < UNREADY_AFTER

    @property
    def alive(self) -> bool:
        """False once beginning anew hasn't helped: only a new process may."""
        return self.consecutive_misses < DEAD_AFTER


def _last_version(change: Change) -> int:
    return int(change.old.metadata.resource_version) if change.old is not None else 0
