"""What does an instance read that may update? The Omaha form of a payload."""

import functools
from dataclasses import replace

from update_core.omaha import dialects, messages
from update_core.rollout.model import Payload, ResolvedGroup

_UNSAYABLE = "an Omaha answer can't carry its URL, whose last part is empty, or has a slash or an odd character in it"


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


def sayable(group: ResolvedGroup, codec: dialects.Codec = dialects.XML_30) -> ResolvedGroup:
    """The group, without its payload where the dialect can't say it: the rules then refuse in their order, before a grant is spent."""
    stamp, payload = group.stamp, group.payload
    if stamp is None or payload is None:
        return group
    told = offer(stamp.version, payload)
    problem = _UNSAYABLE if told is None else codec.inexpressible(told)
    return group if problem is None else replace(group, payload=None, payload_problem=problem)
