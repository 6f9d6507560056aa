"""Who is asking, and for which application?

Turns what a request says of itself into the keys that the rest of the service uses. Nothing here is proof: the endpoint
is public.
"""

import re

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


def instance_id(request: Request, app: AppRequest) -> str | None:
    """The instance's id, byte for byte as sent: the machineid, else the userid; None with neither or if too long."""
    sent = app.machineid or request.userid
    if not sent or len(sent.encode()) > MAX_INSTANCE_ID_BYTES:
        # Cutting an id would let different machines share one, and with it a grant.
        return None
    return sent
