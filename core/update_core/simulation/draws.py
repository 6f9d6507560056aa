"""What chance decides: numbers that follow from the seed and what they are for, and from nothing else.

So it doesn't matter in which order they are asked for, and a single instance has the same fate in every fleet of the same seed.
"""

import hashlib
import struct

_WHAT = struct.Struct(">qqqq")
_FOUR = struct.Struct(">QQQQ")
_ALL = 64

_INSTANCE, _ATTEMPT, _SHIFT = 1, 2, 3


Four = tuple[int, int, int, int]
"""Four numbers below 2**64, each as likely as any other."""


def below(number: int, bound: int) -> int:
    """A drawn number, as one below `bound`."""
    return number * bound >> _ALL


def around(number: int, middle: int) -> int:
    """A drawn number, as one from half of `middle` to one and a half of it."""
    return (middle >> 1) + (number * (middle + 1) >> _ALL)


def of_instance(seed: int, instance: int) -> Four:
    """An instance's numbers."""
    return _draw(seed, _INSTANCE, instance, 0)


def of_attempt(seed: int, instance: int, attempt: int) -> Four:
    """The numbers of an instance's n-th update."""
    return _draw(seed, _ATTEMPT, instance, attempt)


def of_shift(seed: int, cycle: int, block: int) -> Four:
    """The numbers by which a block of instances is shifted in one cycle of checks."""
    return _draw(seed, _SHIFT, cycle, block)


def _draw(seed: int, kind: int, one: int, other: int) -> Four:
    first, second, third, fourth = _FOUR.unpack(
        hashlib.blake2b(_WHAT.pack(seed, kind, one, other), digest_size=32).digest()
    )
    return first, second, third, fourth
