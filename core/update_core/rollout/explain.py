"""Why doesn't this instance update? Each reason as a sentence for people: what holds, until when, and what would change it.

Made from the facts of the question that was refused, and from nothing else; names in quotes are those of Kubernetes objects.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from update_core import versions
from update_core.rollout import decide
from update_core.rollout.decide import Question
from update_core.rollout.model import Offer, Reason, Refusal, ResolvedGroup
from update_core.rollout.trace import Trace, Verdict

_SHOWN_CHARACTERS = 40
"""Of a text that an instance sent; what is longer is no version anyway."""


def refusal(question: Question, refused: Refusal) -> str:
    """The refusal in a sentence or two."""
    return EXPLANATIONS[refused.reason](question)


def answer(trace: Trace) -> str:
    """The answer in a few sentences: the first rule that refuses, and which others do."""
    if isinstance(trace.decision, Offer):
        return _offer(trace.question, trace.decision)
    text = refusal(trace.question, trace.decision)
    others = [
        step.rule
        for step in trace.steps
        if step.verdict is Verdict.REFUSES
        and step.rule != trace.decision.reason
        # There is no package because there is no rollout; where one has begun, there may well be.
        and not (step.rule is Reason.PACKAGE_UNAVAILABLE and trace.question.group.stamp is None)
    ]
    return f"{text} Without that it would still be refused: {', '.join(others)}." if others else text


def instant(moment: datetime) -> str:
    """A time as people and Kubernetes write it: UTC, `whole` seconds."""
    return whole(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole(moment: datetime) -> datetime:
    """The first whole second of UTC that isn't before: who waits until then has waited long enough."""
    return (moment.astimezone(UTC) + timedelta(microseconds=999_999)).replace(microsecond=0)


def _offer(question: Question, offer: Offer) -> str:
    group, held = question.group, offer.grant
    if held is None:
        return f"{_group(group)} would give it {offer.version} ({_rollout(group)}): every rule lets it pass."
    return (
        f"{_group(group)} offers it {offer.version} again ({_rollout(group)}), and that uses up no limit: it was given the update at "
        f"{instant(held.granted_at)}, which is {held.state} and times out at {instant(held.deadline)}."
    )


def _updates_disabled_by_client(question: Question) -> str:
    return (
        "The instance asked not to be updated (it sent updatedisabled). "
        f"Only the instance, or the policy of its machine, can change that; {_group(question.group)} can't."
    )


def _version_unparsable(question: Question) -> str:
    version = question.instance.version
    if not version:
        return f"The instance reported no version, or one of more than {versions.MAX_LENGTH} characters. It has to report another."
    return (
        f"The instance reported version {version!r}, which is neither a semantic version nor one to four dotted integers: "
        "it can't be compared with anything. It has to report another."
    )


def _up_to_date(question: Question) -> str:
    group, current = question.group, question.instance.version
    if group.wanted is not None and versions.parse_or_none(current) == group.wanted:
        return f"It runs {current}, which is what {_channel(group)} says. It updates when the channel names a higher version."
    below = f"It runs {current}, which is above {group.wanted}, the version of {_channel(group)}, and "
    later = "It updates when the channel names a version above its own."
    if not question.instance.rollback_allowed:
        return f"{below}nothing moves down. {later}"
    return (
        f"{below}{_group(group)} moves nothing down, though the instance would go (it sent rollback_allowed). "
        f"Set spec.versionPolicy.allowDowngrade of the group to let it. {later}"
    )


def _rollout_pending(question: Question) -> str:
    group = question.group
    look = f"The conditions of {_group(group)} say what it waits for."
    if group.wanted is None:
        return (
            f"{_group(group)} follows {_channel(group)}, which doesn't exist or belongs to another Application. "
            f"Apply that channel, or change spec.channelRef of the group. {look}"
        )
    target = f"is still stamped with {group.target_version}" if group.target_version else "has no target yet"
    if group.target_version is not None and versions.same(group.target_version, group.wanted.text):
        target = "has no rollout to it yet"
    return (
        f"{_channel(group)} says {group.wanted}, and {_group(group)} {target}: the operator begins the rollout as soon as a Package of "
        f"version {group.wanted} exists and the fleet has been counted. {look}"
    )


def _package_unavailable(question: Question) -> str:
    group, stamp = question.group, question.group.stamp
    if stamp is None:
        return "There is no package to offer before a rollout has begun."
    if group.payload_problem:
        return (
            f'Package "{group.package}", with which {_rollout(group)} to {stamp.version} was begun, can\'t be handed out: '
            f"{group.payload_problem}. Apply the Package with another URL: the operator begins a rollout with it."
        )
    lost = group.lost_for(question.instance.arch)
    name = lost.name if lost is not None else group.package
    only = f" for {lost.arch}" if lost is not None and lost.arch else ""
    return (
        f'Package "{name}", with which {_rollout(group)} to {stamp.version} was begun, is gone, or was made again as another one. '
        f"Apply a Package of version {stamp.version}{only}: the operator begins a rollout with it."
    )


def _excluded(question: Question) -> str:
    """Each of what keeps the version from the instance: there may be several."""
    return " ".join(said for tell in _EXCLUSIONS if (said := tell(question)))


def _excluded_oem(question: Question) -> str:
    group, oem = question.group, question.instance.oem
    if oem not in group.excluded_oems:
        return ""
    return f"{_group(group)} excludes OEM {oem!r}, which the instance reports. Take it out of spec.exclude.oems to let it update."


def _other_architectures(question: Question) -> str:
    group, arch = question.group, question.instance.arch
    if not decide.runs_on_others_only(question):
        return ""
    there = ", ".join(sorted(payload.arch for payload in group.payloads))
    its = f"Its architecture is {arch}" if arch else "It doesn't say what architecture it has"
    version = group.stamp.version if group.stamp else ""
    remedy = f"one for {arch}, or one without spec.arch for all" if arch else "one without spec.arch, which is for all"
    return f"{its}, and {version} has packages for {there} only. Apply {remedy}: the operator begins a rollout with it."


def _outside_its_own_prefix(question: Question) -> str:
    stamp, prefix = question.group.stamp, question.instance.version_prefix
    if stamp is None or not prefix or versions.has_prefix(stamp.version, prefix):
        return ""
    shown = prefix if len(prefix) <= _SHOWN_CHARACTERS else prefix[:_SHOWN_CHARACTERS] + "…"
    return (
        f"The instance takes only versions that begin with {shown!r} (it sent targetversionprefix), and {stamp.version} doesn't. "
        "Only the instance, or the policy of its machine, can change that."
    )


def _outside_the_groups_prefix(question: Question) -> str:
    group, stamp = question.group, question.group.stamp
    if stamp is None or not group.version_prefix or versions.has_prefix(stamp.version, group.version_prefix):
        return ""
    return (
        f"{_group(group)} takes only versions that begin with {group.version_prefix!r}, and {stamp.version} doesn't. "
        "Change its spec.versionPolicy.prefix, or the channel's version."
    )


_EXCLUSIONS = (_excluded_oem, _other_architectures, _outside_its_own_prefix, _outside_the_groups_prefix)


def _paused(question: Question) -> str:
    return (
        f"{_group(question.group)} is paused: it gives out no updates, and what is in flight may finish. "
        "Set its spec.paused to false to go on."
    )


def _stale_catalog(question: Question) -> str:
    return (
        f"The fleet store has seen rollout {question.fleet.highest_sequence} of track {question.group.track!r}, and "
        f"{_group(question.group)} is stamped with {_rollout(question.group)}: its status is an old one. "
        "The operator stamps it with a higher number; nothing is offered before it has."
    )


def _anonymous_instance(question: Question) -> str:
    limits = question.group.limits
    fields = [("spec.rateLimit", limits.max_updates), ("spec.maxInFlight", limits.max_in_flight)]
    standing = " and ".join(name for name, value in fields if value is not None)
    return (
        f"The instance sends no id (machineid or userid, at most 128 bytes), and {standing} of {_group(question.group)} can't be kept "
        "without one. Have it send an id, or take the limit away."
    )


def _too_many_in_flight(question: Question) -> str:
    fleet, most = question.fleet, question.group.limits.max_in_flight
    first = "the first is free again when one of them reports the new version, fails or times out"
    if fleet.in_flight_until is not None:
        first = f"the first times out at {instant(fleet.in_flight_until)} unless it reports before"
    return (
        f"{fleet.in_flight} of {most} instances are in flight; {first}. "
        f"Raise spec.maxInFlight of {_group(question.group)} or wait."
    )


def _rate_limited(question: Question) -> str:
    limits, fleet, now = question.group.limits, question.fleet, question.now
    told = []
    if fleet.rate_slot is not None and now < fleet.rate_slot:
        told.append(
            f"{_group(question.group)} gives out {_count(limits.max_updates or 0, 'update')} in {_count(limits.period_seconds, 'second')}, "
            f"which are used up until {instant(fleet.rate_slot)}. Raise spec.rateLimit or wait."
        )
    if fleet.quiet_until is not None and now < fleet.quiet_until:
        told.append(
            "What was given out before isn't known, because the fleet store was lost: "
            f"no limit is certain to be kept before {instant(fleet.quiet_until)}. Only waiting helps."
        )
    return " ".join(told)


def _store_unavailable(question: Question) -> str:
    return (
        f"The fleet store can't be written now, so {_group(question.group)} gives nothing out: an update is on record before it is "
        "offered. It goes on by itself when the store does; the log of omaha-api says what is wrong with it."
    )


EXPLANATIONS: Mapping[Reason, Callable[[Question], str]] = {
    Reason.UPDATES_DISABLED_BY_CLIENT: _updates_disabled_by_client,
    Reason.VERSION_UNPARSABLE: _version_unparsable,
    Reason.UP_TO_DATE: _up_to_date,
    Reason.ROLLOUT_PENDING: _rollout_pending,
    Reason.PACKAGE_UNAVAILABLE: _package_unavailable,
    Reason.EXCLUDED: _excluded,
    Reason.PAUSED: _paused,
    Reason.STALE_CATALOG: _stale_catalog,
    Reason.ANONYMOUS_INSTANCE: _anonymous_instance,
    Reason.TOO_MANY_IN_FLIGHT: _too_many_in_flight,
    Reason.RATE_LIMITED: _rate_limited,
    Reason.STORE_UNAVAILABLE: _store_unavailable,
}
"""A sentence for each reason, from a question to which its rule refuses."""


def _group(group: ResolvedGroup) -> str:
    return f'Group "{group.name}"'


def _channel(group: ResolvedGroup) -> str:
    return f'Channel "{group.channel}"'


def _rollout(group: ResolvedGroup) -> str:
    return f"rollout {group.stamp.sequence}" if group.stamp else "no rollout"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
