"""Which life of a store is this? A number that is greater in a file that was made later, so that revisions of two are never mistaken."""

from datetime import UTC, datetime

UNIT_SECONDS = 256
BITS = 22
"""epoch · 2^40 + revision stays below 2^62; the units last until 2054."""

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


def epoch(now: datetime) -> int:
    """The epoch of a store that is made now, at least 1.

    Raises:
        OverflowError: the clock is beyond what an epoch can say.
    """
    number = max(1, int((now - _BEGINNING).total_seconds()) // UNIT_SECONDS)
    if number >= 1 << BITS:
        msg = f"the clock says {now}, which no epoch can stand for"
        raise OverflowError(msg)
    return number
