"""What are objects called? Names are made of the Omaha identity, so that the same identity always means the same object.

They are never parsed back: objects are found by the identity in their spec.
"""

import hashlib
import re
import uuid

_MAX_SLUG = 40
_HASH_DIGITS = 10
_LONG_HASH_DIGITS = 32
_OTHERS = re.compile("[^a-z0-9]+")

_INSTANCES = uuid.UUID("6f0dd1a5-3a3c-5e0c-9d1b-6c6f2a0f7b1e")
"""The namespace of instances' uids: our own, fixed for ever."""

MAX_APPLICATION_PART = 253 - 1 - _MAX_SLUG - 1 - _LONG_HASH_DIGITS
"""How much of an Application's name an instance's name can carry: an object's name has at most 253 characters."""


def slug(text: str) -> str:
    """`text` as a part of an object's name; 10 digits of a hash tell apart what would otherwise be written alike."""
    plain = _plain(text)
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]}"


def instance_slug(app_id: str, instance_id: str, *, long: bool = False) -> str:
    """An instance's part of its name: always with the hash, over appId and id. `long` for the second of two whose short ones are equal."""
    digits = _LONG_HASH_DIGITS if long else _HASH_DIGITS
    digest = hashlib.sha256(_identity(app_id, instance_id)).hexdigest()[:digits]
    plain = _plain(instance_id)
    return f"{plain}-{digest}" if plain else digest


def instance(application: str, instance_slug: str) -> str:
    """metadata.name of an instance: `<application>-<slug>`."""
    return f"{application[:MAX_APPLICATION_PART].rstrip('.-')}-{instance_slug}"


def instance_uid(app_id: str, instance_id: str) -> str:
    """metadata.uid of an instance: the same wherever and whenever its row is made."""
    # As uuid.uuid5, which takes four times as long: a page has hundreds of them.
    text = _INSTANCES.bytes + _identity(app_id, instance_id).hex().encode()
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _plain(text: str) -> str:
    return _OTHERS.sub("-", text.lower()).strip("-")[:_MAX_SLUG]


def _identity(app_id: str, instance_id: str) -> bytes:
    # Ids are kept byte-exact; a lone surrogate in one must not end in an exception.
    return app_id.encode() + b"\0" + instance_id.encode(errors="surrogatepass")
