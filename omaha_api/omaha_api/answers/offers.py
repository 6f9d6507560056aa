"""What does an instance read that may update? The Omaha form of a payload."""

import functools
from dataclasses import replace

from update_core.omaha import dialects, manifests, messages, texts
from update_core.rollout.model import Hop, Payload, ResolvedGroup, Step

NO_UPDATE = messages.NoUpdate()

_UNSAYABLE = "an Omaha answer can't carry its URL, whose last part is empty, or has a slash or an odd character in it"


@functools.lru_cache(maxsize=1024)
def offer(version: str, payload: Payload, floors: tuple[Step, ...] = ()) -> manifests.Offer | None:
    """The offer of a version after its floors, whose payloads lie in the same places.

    None if one of the payloads has a form that Omaha can't say (such as a name with a slash in its query).
    """
    try:
        return manifests.Offer(
            (payload.codebase, *payload.mirrors),
            _manifest(version, payload),
            tuple(_floor(floor) for floor in floors),
        )
    except ValueError:
        return None


def sayable(
    group: ResolvedGroup, arch: str, codec: dialects.Codec = dialects.XML_30
) -> tuple[ResolvedGroup, messages.UpdateCheckAnswer]:
    """The group towards a client of an architecture, and what that is answered where its package is unavailable.

    Where the client couldn't be told of the payload that is for it, of the target or of a floor, that has none: the rules then refuse in
    their order, before a grant is spent. The group towards other architectures is another one.
    """
    if group.target is None:
        return group, NO_UPDATE
    unsayable: messages.UpdateCheckAnswer = NO_UPDATE
    problem, answer = _problem(group.target, arch, codec)
    if problem:
        group, unsayable = replace(group, payloads=(), payload_problem=problem), answer
    for place, floor in enumerate(group.floors):
        problem, answer = _problem(floor, arch, codec)
        if problem:
            mute = replace(floor, payloads=(), problem=problem)
            group = replace(group, floors=(*group.floors[:place], mute, *group.floors[place + 1 :]))
            unsayable = answer
    return group, unsayable


def written_bytes(group: ResolvedGroup, arch: str, codec: dialects.Codec) -> int:
    """About how long the longest of the group's offers to an architecture is in an answer; 0 if there is none."""
    if group.target is None:
        return 0
    return max(_hop_bytes(hop, arch, codec) for hop in (group.target, *group.floors))


def without_offers(group: ResolvedGroup, problem: str) -> ResolvedGroup:
    """The group with nothing to offer, and why."""
    floors = tuple(replace(floor, payloads=(), problem=problem) for floor in group.floors)
    return replace(group, payloads=(), payload_problem=problem, floors=floors)


def _hop_bytes(hop: Hop, arch: str, codec: dialects.Codec) -> int:
    payload = hop.payload_for(arch)
    told = None if payload is None else offer(hop.version.text, payload)
    if told is None:
        return 0
    answer = messages.AppResponse("", updatecheck=told)
    return len(codec.write(messages.Response("3.0", messages.DayStart(0, 0), (answer,))))


def _problem(hop: Hop, arch: str, codec: dialects.Codec) -> tuple[str, messages.UpdateCheckAnswer]:
    """Why a client can't be told of its payload, and how it is answered instead; empty where it can, or has none."""
    payload = hop.payload_for(arch)
    if payload is None:
        return "", NO_UPDATE
    told = offer(hop.version.text, payload)
    if told is None:
        return _UNSAYABLE, NO_UPDATE
    return codec.inexpressible(told) or "", codec.unsayable


def _floor(floor: Step) -> manifests.Floor:
    # The reason is for people who read answers; no update fails for it.
    reason = floor.reason if texts.is_sendable(floor.reason) else ""
    return manifests.Floor(_manifest(floor.version, floor.payload), reason)


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
