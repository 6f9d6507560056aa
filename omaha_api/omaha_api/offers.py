"""What does an instance read that may update? The Omaha form of a payload."""

import functools
from dataclasses import replace

from update_core.omaha import dialects, manifests
from update_core.rollout.model import Payload, ResolvedGroup

_UNSAYABLE = "an Omaha answer can't carry its URL, whose last part is empty, or has a slash or an odd character in it"


@functools.lru_cache(maxsize=1024)
def offer(version: str, payload: Payload) -> manifests.Offer | None:
    """The offer of a version, None if its payload has a form that Omaha can't say (such as a name with a slash in its query)."""
    try:
        package = manifests.Package(
            name=payload.name,
            size=payload.size,
            sha1=bytes.fromhex(payload.sha1) if payload.sha1 else None,
            sha256=bytes.fromhex(payload.sha256),
        )
        action = manifests.PostInstall(
            metadata_size=payload.metadata_size, metadata_signature_rsa=payload.signature or ""
        )
        return manifests.Offer((payload.codebase,), manifests.Manifest(version, (package,), action))
    except ValueError:
        return None


def sayable(group: ResolvedGroup, codec: dialects.Codec = dialects.XML_30) -> ResolvedGroup:
    """The group, without its payloads where the dialect can't say one: the rules then refuse in their order, before a grant is spent."""
    stamp = group.stamp
    if stamp is None:
        return group
    for payload in group.payloads:
        told = offer(stamp.version, payload)
        problem = _UNSAYABLE if told is None else codec.inexpressible(told)
        if problem is not None:
            return replace(group, payloads=(), payload_problem=problem)
    return group
