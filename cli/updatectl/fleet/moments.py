"""When? Moments as people read them: the time itself, and how far away it is."""

from datetime import UTC, datetime

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


def parse(text: object) -> datetime | None:
    """An RFC 3339 time of an object; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def absolute(moment: datetime) -> str:
    """The time in UTC, as in the objects themselves: `2026-11-23 14:40:12 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(moment: datetime) -> str:
    """Only the time of day."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"


def relative(moment: datetime, since: datetime) -> str:
    """How far a moment is from another: `in 42 s`, `5 min ago`, `now`."""
    seconds = round((moment - since).total_seconds())
    if seconds == 0:
        return "now"
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"


def both(moment: datetime, since: datetime) -> str:
    """The time and how far it is: `2026-11-23 14:40:12 UTC (in 42 s)`."""
    return f"{absolute(moment)} ({relative(moment, since)})"


def ago(text: object, since: datetime) -> str:
    """How long ago a time of an object was, for a column; a clock that runs ahead of ours is no future."""
    moment = parse(text)
    return "" if moment is None else relative(min(moment, since), since)


def duration(seconds: int) -> str:
    """Seconds in the two greatest units that say something: `42 s`, `3 min 5 s`, `2 d 3 h`."""
    parts = [
        (seconds // _DAY, "d"),
        (seconds % _DAY // _HOUR, "h"),
        (seconds % _HOUR // _MINUTE, "min"),
        (seconds % _MINUTE, "s"),
    ]
    first = next((i for i, (number, _) in enumerate(parts) if number), len(parts) - 1)
    shown = [f"{number} {unit}" for number, unit in parts[first : first + 2] if number]
    return " ".join(shown) or "0 s"
