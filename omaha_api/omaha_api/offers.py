"""What does an instance read that may update? The Omaha form of a payload."""

import functools

from update_core.omaha import messages
from update_core.rollout.model import Payload


@functools.lru_cache(maxsize=1024)
def offer(version: str, payload: Payload) -> messages.Offer | None:
    """The offer of a version, None if its payload has a form that Omaha can't say (such as a name with a slash in its query)."""
    try:
        package = messages.Package(
            name=payload.name,
            size=payload.size,
            sha1=bytes.fromhex(payload.sha1) if payload.sha1 else None,
            sha256=bytes.fromhex(payload.sha256),
        )
        action = messages.PostInstall(
            metadata_size=payload.metadata_size, metadata_signature_rsa=payload.signature or ""
        )
        return messages.Offer((payload.codebase,), messages.Manifest(version, (package,), action))
    except ValueError:
        return None
