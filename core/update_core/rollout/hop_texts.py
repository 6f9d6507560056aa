"""Why isn't the next version handed out to this instance? The sentences of `explain` about hops and their packages."""

from update_core import versions
from update_core.rollout import decide, hops, phrases
from update_core.rollout.decide import Question
from update_core.rollout.model import Hop, ResolvedGroup

_SHOWN_CHARACTERS = 40
"""Of a text that an instance sent; what is longer is no version anyway."""


def no_path(question: Question) -> str:
    """Neither the next hop nor any floor takes it."""
    group, instance = question.group, question.instance
    current = versions.parse_or_none(instance.version)
    nearest = hops.nearest(group, current) if current is not None else None
    payload = nearest.payload_for(instance.arch) if nearest is not None else None
    if nearest is None or payload is None or payload.min_from is None:
        return "It is told of no version that it could be moved to."
    return (
        f"It runs {instance.version}, and {phrases.hop(group, nearest)} takes instances from {payload.min_from} on only "
        f"(spec.minFromVersion of its Package). {phrases.channel(group)} has no floor that takes it: add one to spec.floors."
    )


def dead_end(question: Question) -> str:
    """What it runs can't be updated."""
    current = versions.parse_or_none(question.instance.version)
    why = hops.dead_end(question.group, current, question.instance.arch) if current is not None else None
    return (
        f"It runs {question.instance.version}, whose Package says that it is a dead end: {_closed(why or '')} Nothing can be "
        "installed over it, so the machine has to be got out by hand. Take spec.deadEnd out of the Package if that isn't so."
    )


def package_unavailable(question: Question) -> str:
    """There is no package to hand out, or not the one that was stamped."""
    group, arch = question.group, question.instance.arch
    hop = next((hop for hop in question.way if decide.unavailable(hop, arch)), None)
    if hop is None or group.stamp is None:
        return "There is no package to offer before a rollout has begun."
    begun = f"with which {phrases.rollout(group)} to {group.stamp.version} was begun"
    lost = hop.lost_for(arch)
    if hop.problem:
        named = (
            f'Package "{group.package}", {begun},'
            if hop is group.target
            else f"The Package of {phrases.hop(group, hop)}"
        )
        return f"{named} can't be handed out: {hop.problem}. Apply the Package with another URL: the operator begins a rollout with it."
    if not hop.stamped:
        return (
            f"{phrases.channel(group)} has named floor {hop.version} since {phrases.rollout(group)} to {group.stamp.version} was begun, "
            "and nobody goes past it. The operator begins a rollout with it; the conditions of the group say what that waits for."
        )
    if lost is None and hop is not group.target and not hop.lost:
        return (
            f"Floor {hop.version} of {phrases.channel(group)}, past which nobody goes on the way to {group.stamp.version}, has no Package. "
            f"Apply a Package of version {hop.version}: the operator begins a rollout with it."
        )
    lost = lost or next(iter(hop.lost), None)
    name = lost.name if lost is not None else group.package
    only = f" for {lost.arch}" if lost is not None and lost.arch else ""
    return (
        f'Package "{name}", {begun}, is gone, or was made again as another one. '
        f"Apply a Package of version {hop.version}{only}: the operator begins a rollout with it."
    )


def withdrawn(question: Question) -> str:
    """Its package isn't given to anybody any more."""
    group, arch = question.group, question.instance.arch
    for hop in question.way:
        payload = hop.payload_for(arch)
        if payload is None or not payload.withdrawn:
            continue
        said = f"The Package of {phrases.hop(group, hop)} is withdrawn: {_closed(payload.withdrawn)}"
        if hop is group.target:
            return (
                f"{said} Move {phrases.channel(group)} to another version, or take spec.withdrawn out of the Package."
            )
        return f"{said} Nobody goes past a floor: name another one in spec.floors of {phrases.channel(group)}, or take spec.withdrawn out."
    return ""


def version_blocked(question: Question) -> str:
    """The group's spec refuses the version."""
    group = question.group
    hop = next((hop for hop in question.way if hop.version in group.blocked_versions), None)
    if hop is None:
        return ""
    floor = "" if hop is group.target else " Nobody goes past a floor."
    return (
        f"{phrases.group(group)} blocks {_of(group, hop)}.{floor} Take it out of spec.versionPolicy.blockedVersions of the group to "
        "let the instance have it."
    )


def excluded(question: Question) -> str:
    """Each of what keeps the version from the instance: there may be several."""
    told = [
        next((said for hop in question.way if (said := tell(question, hop))), "")
        for tell in (_other_architectures, _outside_its_own_prefix, _outside_the_groups_prefix)
    ]
    return " ".join(filter(None, [_excluded_oem(question), *told]))


def _excluded_oem(question: Question) -> str:
    group, oem = question.group, question.instance.oem
    if oem not in group.excluded_oems:
        return ""
    return f"{phrases.group(group)} excludes OEM {oem!r}, which the instance reports. Take it out of spec.exclude.oems to let it update."


def _other_architectures(question: Question, hop: Hop) -> str:
    arch = question.instance.arch
    if not decide.runs_on_others_only(hop, arch):
        return ""
    there = ", ".join(sorted(payload.arch for payload in hop.payloads))
    its = f"Its architecture is {arch}" if arch else "It doesn't say what architecture it has"
    remedy = f"one for {arch}, or one without spec.arch for all" if arch else "one without spec.arch, which is for all"
    only = f"{phrases.hop(question.group, hop)} has packages for {there} only"
    return f"{its}, and {only}. Apply {remedy}: the operator begins a rollout with it."


def _outside_its_own_prefix(question: Question, hop: Hop) -> str:
    prefix = question.instance.version_prefix
    if not prefix or versions.has_prefix(hop.version.text, prefix):
        return ""
    shown = prefix if len(prefix) <= _SHOWN_CHARACTERS else prefix[:_SHOWN_CHARACTERS] + "…"
    return (
        f"The instance takes only versions that begin with {shown!r} (it sent targetversionprefix), and {phrases.hop(question.group, hop)} "
        "doesn't. Only the instance, or the policy of its machine, can change that."
    )


def _outside_the_groups_prefix(question: Question, hop: Hop) -> str:
    group = question.group
    if not group.version_prefix or versions.has_prefix(hop.version.text, group.version_prefix):
        return ""
    return (
        f"{phrases.group(group)} takes only versions that begin with {group.version_prefix!r}, and {phrases.hop(group, hop)} doesn't. "
        "Change its spec.versionPolicy.prefix, or the channel's version."
    )


def _of(group: ResolvedGroup, hop: Hop) -> str:
    """As `phrases.hop`, at the end of a sentence."""
    return phrases.hop(group, hop).removesuffix(",")


def _closed(reason: str) -> str:
    """What somebody wrote, as a sentence."""
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."
