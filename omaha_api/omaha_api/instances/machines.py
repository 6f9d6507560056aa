"""What does an instance say of its machine? The words of its request, bounded, and one object for all machines that say the same."""

from update_core.fleet.attributes import Attributes
from update_core.omaha import messages

MAX_TEXT_LENGTH = 128
"""Longest text of an instance that is kept; a longer one is kept as empty, for a part of it would equal another's."""

MAX_SHARED = 10_000
"""Different descriptions that are shared, so that made-up ones can't fill the memory; beyond, each instance has its own."""

Told = tuple[str, str, str, str, str, str, str, str, str]
"""The values of Attributes in their order, as sent."""


def told(app: messages.AppRequest, os: messages.Os) -> Told:
    """What the instance says. Equal to the Attributes that were kept of it, if nothing changed: every check compares the two."""
    return (
        app.oem,
        app.oemversion,
        app.alephversion,
        app.board,
        app.lang,
        os.platform,
        os.version,
        os.sp,
        os.arch,
    )


class Machines:
    """Descriptions of machines, one of a kind."""

    def __init__(self) -> None:
        self._shared: dict[Attributes, Attributes] = {}

    def attributes(self, words: Told) -> Attributes:
        """What is kept of them."""
        attributes = attributes_of(words)
        if len(self._shared) >= MAX_SHARED:
            return self._shared.get(attributes, attributes)
        return self._shared.setdefault(attributes, attributes)


def attributes_of(words: Told) -> Attributes:
    """What counts of them, with nothing in the place of what is too long."""
    return Attributes(*map(bounded, words))


def bounded(text: str) -> str:
    """The text, or nothing where it is too long to keep."""
    return text if len(text) <= MAX_TEXT_LENGTH else ""
