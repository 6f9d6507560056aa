"""Which time zones are there, and which one did somebody mean? The zones of the tzdata package, so that every machine knows the same.

A machine's own files may be older than a country's latest law, and a small image has none: two replicas would open at different times.
"""

import difflib
import functools
from importlib import resources
from zoneinfo import ZoneInfo

_SUGGESTED = 2


class UnknownZoneError(ValueError):
    """No zone has this name; the text says so and names those that come near."""


@functools.lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as Europe/Berlin, always the same object.

    Raises:
        UnknownZoneError: there is none.
    """
    if name not in names():
        near = nearest(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "one is Europe/Berlin, another UTC"
        raise UnknownZoneError(f"{name!r} is no IANA time zone ({hint})")
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@functools.cache
def names() -> frozenset[str]:
    """The names of all zones."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def nearest(name: str) -> list[str]:
    """The zones that somebody may have meant, the nearest first: by the whole name, or by the city alone."""
    wanted = name.lower().replace(" ", "_")
    by_city: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for known in sorted(names()):
        by_name[known.lower()] = known
        by_city.setdefault(known.rpartition("/")[2].lower(), known)
    whole = [by_name[found] for found in difflib.get_close_matches(wanted, by_name, _SUGGESTED, 0.75)]
    city = [by_city[found] for found in difflib.get_close_matches(wanted.rpartition("/")[2], by_city, _SUGGESTED, 0.75)]
    return list(dict.fromkeys([*whole, *city]))[:_SUGGESTED]
