"""What do all the strict parsers have in common? How they say no, and what they would do where they say yes."""

from dataclasses import dataclass


class Rejected(AssertionError):  # noqa: N818 (what the client did, as a test failure)
    """The client would not act on this response."""


@dataclass(frozen=True)
class Update:
    """What the client would install."""

    version: str
    url: str
    size: int


def require(condition: bool, why_not: str) -> None:
    """Reject unless `condition` holds."""
    if not condition:
        raise Rejected(why_not)
