"""Why doesn't this instance update? Each reason as a sentence for people: what holds, until when, and what would change it.

Made from the facts of the question that was refused, and from nothing else; names in quotes are those of Kubernetes objects.
"""

from collections.abc import Callable, Mapping

from update_core import versions
from update_core.rollout import admission, admission_texts, hop_texts, phrases, schedule_texts
from update_core.rollout.decide import Question
from update_core.rollout.model import Offer, Reason, Refusal
from update_core.rollout.moments import instant
from update_core.rollout.trace import Trace, Verdict


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


def _offer(question: Question, offer: Offer) -> str:
    group, held = question.group, offer.grant
    what = phrases.hop(group, question.way[-1]).removesuffix(",")
    if offer.floors:
        what += f", after {', '.join(floor.version for floor in offer.floors)} with the same answer"
    if held is None:
        return f"{phrases.group(group)} would give it {what} ({phrases.rollout(group)}): every rule lets it pass."
    return (
        f"{phrases.group(group)} offers it {what} again ({phrases.rollout(group)}), and that uses up no limit: it was given the update at "
        f"{instant(held.granted_at)}, which is {held.state} and times out at {instant(held.deadline)}."
    )


def _updates_disabled_by_client(question: Question) -> str:
    return (
        "The instance asked not to be updated (it sent updatedisabled). "
        f"Only the instance, or the policy of its machine, can change that; {phrases.group(question.group)} can't."
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
        return f"It runs {current}, which is what {phrases.channel(group)} says. It updates when the channel names a higher version."
    below = f"It runs {current}, which is above {group.wanted}, the version of {phrases.channel(group)}, and "
    later = "It updates when the channel names a version above its own."
    if not question.instance.rollback_allowed:
        return f"{below}nothing moves down. {later}"
    return (
        f"{below}{phrases.group(group)} moves nothing down, though the instance would go (it sent rollback_allowed). "
        f"Set spec.versionPolicy.allowDowngrade of the group to let it. {later}"
    )


def _rollout_pending(question: Question) -> str:
    group = question.group
    look = f"The conditions of {phrases.group(group)} say what it waits for."
    if group.wanted is None:
        return (
            f"{phrases.group(group)} follows {phrases.channel(group)}, which doesn't exist or belongs to another Application. "
            f"Apply that channel, or change spec.channelRef of the group. {look}"
        )
    target = f"is still stamped with {group.target_version}" if group.target_version else "has no target yet"
    if group.target_version is not None and versions.same(group.target_version, group.wanted.text):
        target = "has no rollout to it yet"
    return (
        f"{phrases.channel(group)} says {group.wanted}, and {phrases.group(group)} {target}: the operator begins the rollout as soon as "
        f"a Package of version {group.wanted} exists and the fleet has been counted. {look}"
    )


def _paused(question: Question) -> str:
    return (
        f"{phrases.group(question.group)} is paused: it gives out no updates, and what is in flight may finish. "
        "Set its spec.paused to false to go on."
    )


def _frozen(question: Question) -> str:
    schedule = question.group.schedule
    return (
        f"{phrases.group(question.group)} is {schedule_texts.frozen(schedule, question.now)}: it gives out no updates, and "
        "what is in flight may finish. Wait, or change its spec.freezes."
    )


def _outside_window(question: Question) -> str:
    group, schedule = question.group, question.group.schedule
    remedy = (
        "Correct its spec.maintenanceWindows." if schedule.problem else "Wait, or change its spec.maintenanceWindows."
    )
    return (
        f"{phrases.group(group)} is outside its maintenance windows: {schedule_texts.outside(schedule, question.now).rstrip('.')}. "
        f"What is in flight may finish. {remedy}"
    )


def _stale_catalog(question: Question) -> str:
    return (
        f"The fleet store has seen rollout {question.fleet.highest_sequence} of track {question.group.track!r}, and "
        f"{phrases.group(question.group)} is stamped with {phrases.rollout(question.group)}: its status is an old one. "
        "The operator stamps it with a higher number; nothing is offered before it has."
    )


def _anonymous_instance(question: Question) -> str:
    limits = question.group.limits
    in_parts = not admission.for_everybody(question.group, question.now)
    fields = [
        ("spec.rateLimit", limits.max_updates is not None),
        ("spec.maxInFlight", limits.max_in_flight is not None),
        ("spec.rollout", in_parts),
    ]
    standing = " and ".join(name for name, stands in fields if stands)
    remedy = "wait until everybody is let in" if in_parts and limits.none else "take the limit away"
    return (
        f"The instance sends no id (machineid or userid, at most 128 bytes), and {standing} of {phrases.group(question.group)} "
        f"can't be kept without one. Have it send an id, or {remedy}."
    )


def _too_many_in_flight(question: Question) -> str:
    fleet, most = question.fleet, question.group.limits.max_in_flight
    first = "the first is free again when one of them reports the new version, fails or times out"
    if fleet.in_flight_until is not None:
        first = f"the first times out at {instant(fleet.in_flight_until)} unless it reports before"
    if fleet.in_flight < (most or 0):
        return (
            f"{fleet.newcomers_in_flight} instances that were new to this rollout are in flight, and such have {_share(most)} of the "
            f"{most} places; {first}. Raise spec.maxInFlight of {phrases.group(question.group)} or wait."
        )
    return (
        f"{fleet.in_flight} of {most} instances are in flight; {first}. "
        f"Raise spec.maxInFlight of {phrases.group(question.group)} or wait."
    )


def _rate_limited(question: Question) -> str:
    limits, fleet, now = question.group.limits, question.fleet, question.now
    told = []
    if fleet.rate_slot is not None and now < fleet.rate_slot:
        told.append(
            f"{phrases.group(question.group)} gives out {phrases.count(limits.max_updates or 0, 'update')} in "
            f"{phrases.count(limits.period_seconds, 'second')}, "
            f"which are used up until {instant(fleet.rate_slot)}. Raise spec.rateLimit or wait."
        )
    slot = fleet.newcomer_slot
    if slot is not None and now < slot and question.newcomer:
        told.append(
            f"It is new to this rollout, and such instances have {_share(limits.max_updates)} of the {limits.max_updates or 0} updates "
            f"that {phrases.group(question.group)} gives out in {phrases.count(limits.period_seconds, 'second')}: "
            f"used up until {instant(slot)}. "
            "Raise spec.rateLimit or wait."
        )
    if fleet.quiet_until is not None and now < fleet.quiet_until:
        told.append(
            "What was given out before isn't known, because the fleet store was lost: "
            f"no limit is certain to be kept before {instant(fleet.quiet_until)}. Only waiting helps."
        )
    return " ".join(told)


def _share(most: int | None) -> int:
    return admission.newcomers_share(most or 0)


def _store_unavailable(question: Question) -> str:
    return (
        f"The fleet store can't be written now, so {phrases.group(question.group)} gives nothing out: an update is on record before it is "
        "offered. It goes on by itself when the store does; the log of omaha-api says what is wrong with it."
    )


EXPLANATIONS: Mapping[Reason, Callable[[Question], str]] = {
    Reason.UPDATES_DISABLED_BY_CLIENT: _updates_disabled_by_client,
    Reason.VERSION_UNPARSABLE: _version_unparsable,
    Reason.UP_TO_DATE: _up_to_date,
    Reason.ROLLOUT_PENDING: _rollout_pending,
    Reason.NO_PATH: hop_texts.no_path,
    Reason.DEAD_END: hop_texts.dead_end,
    Reason.PACKAGE_UNAVAILABLE: hop_texts.package_unavailable,
    Reason.WITHDRAWN: hop_texts.withdrawn,
    Reason.VERSION_BLOCKED: hop_texts.version_blocked,
    Reason.EXCLUDED: hop_texts.excluded,
    Reason.PAUSED: _paused,
    Reason.HALTED: admission_texts.halted,
    Reason.FROZEN: _frozen,
    Reason.OUTSIDE_WINDOW: _outside_window,
    Reason.STALE_CATALOG: _stale_catalog,
    Reason.ANONYMOUS_INSTANCE: _anonymous_instance,
    Reason.BACKING_OFF: admission_texts.backing_off,
    Reason.ATTEMPTS_EXHAUSTED: admission_texts.attempts_exhausted,
    Reason.DEPENDENCY_NOT_MET: admission_texts.dependency_not_met,
    Reason.AWAITING_APPROVAL: admission_texts.awaiting_approval,
    Reason.NOT_IN_COHORT: admission_texts.not_in_cohort,
    Reason.ENROLMENT_LIMITED: admission_texts.enrolment_limited,
    Reason.TOO_MANY_IN_FLIGHT: _too_many_in_flight,
    Reason.RATE_LIMITED: _rate_limited,
    Reason.STORE_UNAVAILABLE: _store_unavailable,
}
"""A sentence for each reason, from a question to which its rule refuses."""
