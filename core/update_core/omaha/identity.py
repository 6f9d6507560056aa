"""Who is asking, and for which application?

Turns what a request says of itself into the keys that the rest of the service uses. Nothing here is proof: the endpoint
is public.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from update_core.omaha import cohorts
from update_core.omaha.messages import AppRequest, Request

MAX_INSTANCE_ID_BYTES = 128
"""Longest instance id in UTF-8; clients send 32 to 38, and each one is a row and a key."""

MAX_APP_ID_LENGTH = 255
"""Longest application id without braces: that of a DNS name."""

# ASCII only: str.lower() would turn the Kelvin sign into a "k", and two different ids into one.
_APP_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_APP_ID_LENGTH}}}")


def canonical_app_id(text: str) -> str | None:
    """The application id (UUID or reverse DNS) in lower case without braces, or None (error-invalidAppId)."""
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    return text.lower() if _APP_ID.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose request it is.

    `cohort` is the id where the service made it up and the instance hasn't sent it: what the instance is to be told, so that it sends
    it from now on. None for an instance that said who it is.
    """

    instance_id: str
    cohort: str | None = None


def identify(
    request: Request, app: AppRequest, *, track: str, of_session: str | None, mint: Callable[[], str]
) -> Identity | None:
    """Who sent this, by the first that is there: its machineid, its userid, the cohort that it was given, its session, a new cohort.

    `of_session` is what an earlier request of the same session was given, None for none; `mint` makes up the 16 digits of a new cohort
    of `track`. Ids count byte for byte. None for an instance that nothing can be kept of: its own id is too long, or it sends none and
    isn't to be told one, because it neither checks nor pings.
    """
    sent = app.machineid or request.userid
    if sent:
        # Cutting an id would let different machines share one, and with it a grant.
        return Identity(sent) if len(sent.encode()) <= MAX_INSTANCE_ID_BYTES else None
    if cohorts.is_minted(app.cohort):
        return Identity(app.cohort)
    if of_session is not None:
        return Identity(of_session, of_session)
    if app.updatecheck is None and app.ping is None:
        return None
    minted = cohorts.minted(track, mint())
    return Identity(minted, minted)
