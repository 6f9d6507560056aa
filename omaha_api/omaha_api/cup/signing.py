"""Which answers are signed, and with which key? Those to requests that name one with `cup2key`, whatever the answer is.

Fuchsia's client checks the signature before it looks at the status: it doesn't even believe a 503 without one.
"""

import enum
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omaha_api.cup.signing_keys import KeyFolder
from update_core.omaha import cup
from update_core.omaha.errors import BadRequest

logger = logging.getLogger(__name__)

_QUIET_SECONDS = 60.0
"""Between two lines about altered requests: anybody can send as many as they like."""


class Outcome(enum.StrEnum):
    """What came of a request for a signed answer, as it is counted."""

    SIGNED = "Signed"
    UNKNOWN_KEY = "UnknownKey"
    MALFORMED = "Malformed"
    NOT_READ = "NotRead"
    """Its body couldn't be had as a whole: nobody can vouch for what it was, and the answer went out without a signature."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer can't be signed as asked, so there is none; `reason` is plain text that doesn't repeat what was sent."""

    reason: str
    outcome: Outcome
    http_status: int = 400


class Signer:
    """Signs answers with the keys of a folder; without one no key is known."""

    def __init__(self, folder: Path | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Reads the folder.

        Raises:
            KeyFolderError: it can't be read.
        """
        self._folder = None if folder is None else KeyFolder(folder)
        self._monotonic = monotonic
        self._quiet_until = float("-inf")
        self.altered = 0
        """Requests since the start that weren't what was sent."""

    def begin(self, query_string: bytes) -> "Signing | Refusal | None":
        """What the query asks to be signed with; None if it doesn't ask. To be known before anything is done for the request."""
        try:
            challenge = cup.read_challenge(query_string)
        except BadRequest as error:
            return Refusal(error.reason, Outcome.MALFORMED, error.http_status)
        if challenge is None:
            return None
        key = self._keys.get(challenge.key_id)
        if key is None:
            return Refusal("the key that cup2key names isn't known here", Outcome.UNKNOWN_KEY)
        return Signing(challenge, key, self)

    async def run(self) -> None:
        """Follow the folder, until cancelled."""
        if self._folder is not None:
            await self._folder.run()

    def note_altered(self) -> None:
        """Say, now and then, that requests arrive that aren't what was sent."""
        self.altered += 1
        now = self._monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            logger.warning(
                "a request isn't what its cup2hreq says, something on its way altered it (%d since the start)",
                self.altered,
            )

    @property
    def _keys(self) -> Mapping[str, cup.SigningKey]:
        return {} if self._folder is None else self._folder.keys


@dataclass(frozen=True, slots=True)
class Signing:
    """One answer that is to be signed."""

    challenge: cup.Challenge
    key: cup.SigningKey
    signer: Signer

    def headers(self, request: bytes, response: bytes) -> cup.Headers:
        """The headers that go with the response. Signed is what was received, also where something else was sent: the client notices."""
        if not self.challenge.is_of(request):
            self.signer.note_altered()
        return cup.headers(self.key.proof(self.challenge, request, response))
