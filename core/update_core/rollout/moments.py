"""How is a moment written for people? In UTC and whole seconds, as Kubernetes does."""

from datetime import UTC, datetime, timedelta


def instant(moment: datetime) -> str:
    """A time as people and Kubernetes write it: UTC, `whole` seconds."""
    return whole(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole(moment: datetime) -> datetime:
    """The first whole second of UTC that isn't before: who waits until then has waited long enough."""
    return (moment.astimezone(UTC) + timedelta(microseconds=999_999)).replace(microsecond=0)
