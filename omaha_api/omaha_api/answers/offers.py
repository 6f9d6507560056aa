"""What does an instance read that may update? The Omaha form of a payload."""

import functools
from dataclasses import replace

from update_core.omaha import dialects, manifests, messages
from update_core.rollout.model import Payload, ResolvedGroup

NO_UPDATE = messages.NoUpdate()

_UNSAYABLE = "an Omaha answer can't carry its URL, whose last part is empty, or has a slash or an odd character in it"


@functools.lru_cache(maxsize=1024)
def offer(version: str, payload: Payload) -> manifests.Offer | None:
    """The offer of a version, None if its payload has a form that Omaha can't say (such as a name with a slash in its query)."""
    try:
        return manifests.Offer((payload.codebase, *payload.mirrors), _manifest(version, payload))
    except ValueError:
        return None


def sayable(
    group: ResolvedGroup, arch: str, codec: dialects.Codec = dialects.XML_30
) -> tuple[ResolvedGroup, messages.UpdateCheckAnswer]:
    """The group towards a client of an architecture, and what that is answered where its package is unavailable.

    Where the client couldn't be told of the payload that is for it, the group has none: the rules then refuse in their order, before a
    grant is spent. The group towards other architectures is another one.
    """
    stamp, payload = group.stamp, group.payload_for(arch)
    if stamp is None or payload is None:
        return group, NO_UPDATE
    told = offer(stamp.version, payload)
    if told is None:
        return replace(group, payloads=(), payload_problem=_UNSAYABLE), NO_UPDATE
    problem = codec.inexpressible(told)
    if problem is None:
        return group, NO_UPDATE
    return replace(group, payloads=(), payload_problem=problem), codec.unsayable


def written_bytes(group: ResolvedGroup, arch: str, codec: dialects.Codec) -> int:
    """About how long the group's offer to an architecture is in an answer; 0 if there is none."""
    stamp, payload = group.stamp, group.payload_for(arch)
    told = None if stamp is None or payload is None else offer(stamp.version, payload)
    if told is None:
        return 0
    answer = messages.AppResponse(group.app_id, updatecheck=told)
    return len(codec.write(messages.Response("3.0", messages.DayStart(0, 0), (answer,))))


def _manifest(version: str, payload: Payload) -> manifests.Manifest:
    main = _package(payload.name, payload.size, payload.sha256, payload.sha1)
    # The first package is the payload to all clients; the others are for whoever knows their names.
    beside = [_package(extra.name, extra.size, extra.sha256, extra.sha1) for extra in payload.extra_files]
    actions = [
        manifests.Action(manifests.ActionEvent(program.event), program.run, program.arguments)
        for program in payload.programs
    ]
    return manifests.Manifest(version, (main, *beside), _postinstall(payload), tuple(actions))


def _package(name: str, size: int, sha256: str, sha1: str | None) -> manifests.Package:
    return manifests.Package(name, size, bytes.fromhex(sha1) if sha1 else None, bytes.fromhex(sha256))


def _postinstall(payload: Payload) -> manifests.PostInstall:
    said = payload.postinstall
    return manifests.PostInstall(
        metadata_size=payload.metadata_size,
        metadata_signature_rsa=payload.signature or "",
        needsadmin=said.needs_admin,
        disable_payload_backoff=said.disable_payload_backoff,
        max_failure_count_per_url=said.max_failure_count_per_url,
        deadline=said.deadline,
        prompt=said.prompt,
        more_info=said.more_info,
        display_version=said.display_version,
    )
