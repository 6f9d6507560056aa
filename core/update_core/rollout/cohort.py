"""Which instances come first? Each has a place in a rollout's order, and a percentage takes those from the start up to it.

The place follows from the rollout's salt and the instance's id alone: it is the same on every replica and after every restart, another
in the next rollout, and a higher percentage takes in all that a lower one did. tests/vectors/cohort.json has examples for other languages.
"""

import functools
import hashlib
import re

PPM_OF_ALL = 1_000_000
"""Everybody, in parts per million."""

_PLACES = 2**64
_PPM_OF_PERCENT = 10_000
_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,4}))?")


# A check asks for the same place once for each open wave.
@functools.lru_cache(maxsize=1)
def position(salt: str, instance_id: str) -> int:
    """The instance's place in the order of the rollout with this salt, below 2**64: the first 64 bits of a SHA-256 digest, big-endian."""
    # The zero keeps salt and id apart: no salt has one.
    digest = hashlib.sha256(salt.encode() + b"\0" + instance_id.encode()).digest()
    return int.from_bytes(digest[:8], "big")


def ppm(percent: int | str) -> int:
    """A percentage as parts per million: an integer, or a decimal number such as "0.1" with up to four digits after the point.

    Raises:
        ValueError: it is neither, or isn't from 0 to 100.
    """
    written = _PERCENT.fullmatch(str(percent))
    if written is None:
        raise ValueError(f"{percent!r} is no percentage: an integer, or a number with at most four decimals")
    whole, decimals = written.groups(default="")
    parts = int(whole) * _PPM_OF_PERCENT + int(decimals.ljust(4, "0"))
    if parts > PPM_OF_ALL:
        raise ValueError(f"{percent!r} is more than 100 percent")
    return parts


def includes(parts_per_million: int, salt: str, instance_id: str) -> bool:
    """Whether the instance is among the first `parts_per_million` of the rollout with this salt. In integers: no rounding can differ."""
    return position(salt, instance_id) * PPM_OF_ALL < parts_per_million * _PLACES


def between(above: int, up_to: int, salt: str, instance_id: str) -> bool:
    """Whether it is among the first `up_to` parts per million, and not among the first `above`; for one look at its place."""
    return above * _PLACES <= position(salt, instance_id) * PPM_OF_ALL < up_to * _PLACES
