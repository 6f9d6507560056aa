"""Which texts can be said in every dialect?"""

import re

# XML 1.0 cannot carry these even as character references, and JSON clients choke on lone surrogates.
_UNSENDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NOT_OF_A_COHORT = re.compile(r"[^\x20-\x7e]")

MAX_COHORT_LENGTH = 1024
"""Characters of a cohort, its hint or its name; the protocol's own bound, and ASCII from space to tilde only."""


def is_sendable(text: str) -> bool:
    """Whether every dialect can carry all characters of `text`."""
    return _UNSENDABLE.search(text) is None


def is_cohort(text: str) -> bool:
    """Whether `text` may be a cohort, its hint or its name; the empty one may."""
    return len(text) <= MAX_COHORT_LENGTH and _NOT_OF_A_COHORT.search(text) is None


def require_sendable(what: str, text: str) -> None:
    """Raise ValueError where `text` is empty or can't be sent."""
    if not text:
        raise ValueError(f"the {what} is empty")
    if not is_sendable(text):
        raise ValueError(f"the {what} {text!r} has characters that no client can be sent")


def require_sendable_if_any(what: str, text: str) -> None:
    """Raise ValueError where `text` can't be sent; it may be empty."""
    if text:
        require_sendable(what, text)
