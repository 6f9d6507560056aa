"""The rate limit as arithmetic: in every half-open interval of periodSeconds at most maxUpdates new grants.

Grants are numbered densely per (appId, track), so grant n is allowed iff grant n - maxUpdates is older than the period: one row
answers, however many there were, and also right after the limit was changed.
"""

from datetime import datetime, timedelta

from update_core.rollout.model import Limits


def deciding_number(next_number: int, limits: Limits) -> int | None:
    """Number of the grant whose age decides whether grant `next_number` may be given; None where none can stand in its way."""
    if limits.max_updates is None or next_number <= limits.max_updates:
        return None
    return next_number - limits.max_updates


def slot(deciding_grant_at: datetime | None, limits: Limits) -> datetime | None:
    """When the next grant may be given: one period after the deciding grant; None means at once."""
    if deciding_grant_at is None or limits.max_updates is None:
        return None
    return deciding_grant_at + timedelta(seconds=limits.period_seconds)
