"""Which whole second stands in a status for a moment? People read whole seconds; what has to last for a while is never begun too early."""

from datetime import datetime, timedelta

from update_core.rollout import moments

_SECOND = timedelta(seconds=1)


def down(moment: datetime) -> datetime:
    """The second that a moment is in."""
    return moment.replace(microsecond=0)


def up(moment: datetime) -> datetime:
    """The first whole second that isn't before it."""
    return moments.whole(moment)


def rounded_up(length: timedelta) -> int:
    """Seconds, those that have begun included."""
    return -(-length // _SECOND)
