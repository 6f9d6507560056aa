"""Where does the next page begin? A continue token, which means the same to every replica and after every restart.

It carries the first page's resource version: that is the list's, and a watch from it hears of everything that changed since, also in the
middle of the list.
"""

import base64
import binascii
import json
from typing import Any, NamedTuple, Self

from omaha_api.fleet_api import statuses

_VERSION = 1


class Token(NamedTuple):
    """The next page has what comes after (namespace, application, app_id, after) in this order."""

    resource_version: int
    namespace: str
    application: str
    app_id: str
    after: str
    """An instance's slug, or a Group's name; empty for the beginning."""

    def encode(self) -> str:
        """As in metadata.continue."""
        text = json.dumps([_VERSION, *self], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a token.

        Raises:
            ApiError: 400, it is none of ours.
        """
        try:
            version, *values = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
            token = cls(*values)
        except (ValueError, TypeError, binascii.Error, RecursionError) as error:
            raise _unreadable() from error
        if version != _VERSION or not _valid(token):
            raise _unreadable()
        return token


def _valid(token: tuple[Any, ...]) -> bool:
    version, *names = token
    return isinstance(version, int) and version >= 0 and all(isinstance(name, str) for name in names)


def _unreadable() -> statuses.ApiError:
    return statuses.bad_request("the continue token can't be read: list again from the beginning, without continue")
