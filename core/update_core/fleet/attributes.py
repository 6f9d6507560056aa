"""What does an instance tell about its machine? A fixed set of words, kept as reported and shown as labels.

The set is fixed so that its cardinality is: nothing that an instance makes up becomes a new kind of label.
"""

import re
from typing import NamedTuple

LABEL_PREFIX = "fleet.updateservice.dev/"
MAX_LABEL_LENGTH = 63

_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_AT_ENDS = "-_."


class Attributes(NamedTuple):
    """The words of Omaha's `app` and `os` elements that describe a machine (empty where not sent).

    A plain tuple, because every check compares one with the remembered one, and equal ones are shared by all instances.
    """

    oem: str = ""
    oemversion: str = ""
    alephversion: str = ""
    board: str = ""
    lang: str = ""
    platform: str = ""
    """os.platform."""
    osversion: str = ""
    """os.version."""
    sp: str = ""
    """os.sp."""
    arch: str = ""
    """os.arch."""

    def to_wire(self) -> dict[str, str]:
        """Those that were sent, by name."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value}


NONE = Attributes()


def labels(attributes: Attributes) -> dict[str, str]:
    """The attributes as Kubernetes labels: `fleet.updateservice.dev/<name>`, values cut and cleaned to what a label may hold."""
    found = {LABEL_PREFIX + name: label_value(value) for name, value in attributes.to_wire().items()}
    return {key: value for key, value in found.items() if value}


def label_value(text: str) -> str:
    """`text` as a label's value: other characters become `-`, at most 63, beginning and ending with a letter or digit; may be empty."""
    return _NOT_IN_LABELS.sub("-", text).strip(_NOT_AT_ENDS)[:MAX_LABEL_LENGTH].rstrip(_NOT_AT_ENDS)
