"""Whose token is this? Read from the token itself where it says so; nothing is verified here, the API server does that."""

import base64
import binascii
import json
from dataclasses import dataclass

_PREFIX = "system:serviceaccount:"


@dataclass(frozen=True)
class Claims:
    """What a service account's token says: its user, its namespace, and when it ends (Unix seconds, None: never)."""

    username: str
    namespace: str
    expires: float | None


def read(token: str) -> Claims | None:
    """The claims of a service account's token; None for any other token, which only the API server understands."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    subject = payload.get("sub") if isinstance(payload, dict) else None
    if not isinstance(subject, str) or not subject.startswith(_PREFIX):
        return None
    expires = payload.get("exp")
    return Claims(subject, namespace_of(subject) or "", float(expires) if isinstance(expires, int | float) else None)


def namespace_of(username: str) -> str | None:
    """The namespace of a service account's full user name; None for other users."""
    return username.removeprefix(_PREFIX).partition(":")[0] if username.startswith(_PREFIX) else None


def belongs_to(username: str, user: str) -> bool:
    """Whether `user`, as typed (NAME, NAMESPACE:NAME or a full name), means the user of this full name."""
    if user == username:
        return True
    if not username.startswith(_PREFIX):
        return False
    account = username.removeprefix(_PREFIX)
    return user in (account, account.partition(":")[2])
