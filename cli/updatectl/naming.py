"""What are objects called? Names are made of the Omaha identity, so that the same command typed twice means the same object.

They are never parsed back: objects are found by the identity in their spec (see lookup). An Application is named after its appId and not
after its label: labels change and need not be unique, and a name must do neither.
"""

import hashlib
import re

_MAX_SLUG = 40
_OTHERS = re.compile("[^a-z0-9]+")


def slug(text: str) -> str:
    """`text` as a part of an object's name; 10 digits of a hash tell apart what would otherwise be written alike."""
    plain = _OTHERS.sub("-", text.lower()).strip("-")[:_MAX_SLUG]
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def application(app_id: str) -> str:
    """The name of the Application with a canonical appId."""
    return slug(app_id)


def member(application_name: str, identity: str) -> str:
    """The name of an application's Channel, Group or Package with this channel name, track or version."""
    return f"{application_name}-{slug(identity)}"
