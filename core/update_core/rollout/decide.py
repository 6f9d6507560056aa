"""Which answer an instance gets now: an ordered table of rules, the first that refuses wins.

The server asks it from memory, the store asks it again inside the transaction that grants: memory may refuse, only rows allow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from update_core import versions
from update_core.rollout.model import Decision, Fleet, Instance, Offer, Reason, Refusal, ResolvedGroup


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a rule may look at."""

    group: ResolvedGroup
    instance: Instance
    fleet: Fleet
    now: datetime


Rule = Callable[[Question], Refusal | None]


def decide(group: ResolvedGroup, instance: Instance, fleet: Fleet, now: datetime) -> Decision:
    """Offer or refuse an update to one instance at `now`.

    A refusal's `until` is the latest known among all the rules that refuse, and None as soon as one of them doesn't know.
    """
    question = Question(group, instance, fleet, now)
    refusals = _refusals(question)
    first = next(refusals, None)
    if first is None:
        return _offer(question)
    until = first.until
    while until is not None and (other := next(refusals, None)) is not None:
        until = None if other.until is None else max(until, other.until)
    return Refusal(first.reason, until)


def _refusals(question: Question) -> Iterator[Refusal]:
    for rule in ELIGIBILITY:
        refusal = rule(question)
        if refusal is not None:
            yield refusal
    # An instance that holds a live grant of this rollout is told the same again and uses up no limit: it lost our reply, or started over.
    if reoffered(question):
        return
    for rule in LIMITS:
        refusal = rule(question)
        if refusal is not None:
            yield refusal


def _offer(question: Question) -> Offer:
    stamp, payload = question.group.stamp, question.group.payload_for(question.instance.arch)
    if stamp is None or payload is None:
        msg = "the rules let a group through that has no stamped package"
        raise AssertionError(msg)
    grant = question.fleet.live_grant if reoffered(question) else None
    return Offer(stamp.version, stamp.sequence, payload, grant)


def reoffered(question: Question) -> bool:
    """Whether the instance holds a live grant of this very rollout: it is offered again, and no limit is asked."""
    grant, stamp = question.fleet.live_grant, question.group.stamp
    return (
        grant is not None
        and stamp is not None
        and grant.track == question.group.track
        and grant.sequence == stamp.sequence
        and versions.same(grant.version, stamp.version)
    )


def updates_disabled_by_client(question: Question) -> Refusal | None:
    """The client asked not to be updated (updatedisabled)."""
    return Refusal(Reason.UPDATES_DISABLED_BY_CLIENT) if question.instance.updates_disabled else None


def version_unparsable(question: Question) -> Refusal | None:
    """Its version can't be compared with anything."""
    return None if versions.parse_or_none(question.instance.version) is not None else Refusal(Reason.VERSION_UNPARSABLE)


def up_to_date(question: Question) -> Refusal | None:
    """It runs the channel's version or a higher one.

    Equal is offered only where the client asks for it (sameversionupdate), lower only where client and group allow it (rollback_allowed,
    allowDowngrade).
    """
    group, instance = question.group, question.instance
    current, wanted = versions.parse_or_none(instance.version), group.wanted
    if current is None or wanted is None or current < wanted:
        return None
    taken = instance.rollback_allowed and group.allow_downgrade if wanted < current else instance.same_version
    return None if taken else Refusal(Reason.UP_TO_DATE)


def rollout_pending(question: Question) -> Refusal | None:
    """The operator hasn't stamped what the channel says: starting needs a stamp, stopping doesn't."""
    return None if question.group.stamp is not None else Refusal(Reason.ROLLOUT_PENDING)


def package_unavailable(question: Question) -> Refusal | None:
    """The stamped package is gone, or another stands under its name."""
    group = question.group
    gone = not group.payloads or group.lost_for(question.instance.arch) is not None
    return Refusal(Reason.PACKAGE_UNAVAILABLE) if gone else None


def excluded(question: Question) -> Refusal | None:
    """The version isn't for this instance: not for its OEM or its architecture, or outside the client's or the group's prefix."""
    group, instance, stamp = question.group, question.instance, question.group.stamp
    if stamp is None or not group.payloads:
        return None
    within = all(
        versions.has_prefix(stamp.version, prefix)
        for prefix in (instance.version_prefix, group.version_prefix)
        if prefix
    )
    if within and instance.oem not in group.excluded_oems and not runs_on_others_only(question):
        return None
    return Refusal(Reason.EXCLUDED)


def runs_on_others_only(question: Question) -> bool:
    """Whether the version has packages, and none of them is or was for the instance's architecture."""
    group, arch = question.group, question.instance.arch
    return bool(group.payloads) and group.payload_for(arch) is None and group.lost_for(arch) is None


def paused(question: Question) -> Refusal | None:
    """The group's spec says paused."""
    return Refusal(Reason.PAUSED) if question.group.paused else None


def stale_catalog(question: Question) -> Refusal | None:
    """The store has seen a later rollout of this track: this snapshot is old, and what it stamped isn't offered again either."""
    stamp = question.group.stamp
    stale = stamp is not None and stamp.sequence < question.fleet.highest_sequence
    return Refusal(Reason.STALE_CATALOG) if stale else None


def anonymous_instance(question: Question) -> Refusal | None:
    """An instance without an id can't be counted, so it gets nothing where something is counted."""
    anonymous = question.instance.instance_id is None and not question.group.limits.none
    return Refusal(Reason.ANONYMOUS_INSTANCE) if anonymous else None


def too_many_in_flight(question: Question) -> Refusal | None:
    """maxInFlight other instances are updating: a grant that this one would replace isn't in its own way."""
    most, own = question.group.limits.max_in_flight, question.fleet.live_grant
    replaced = 1 if own is not None and own.track == question.group.track else 0
    if most is None or question.fleet.in_flight - replaced < most:
        return None
    return Refusal(Reason.TOO_MANY_IN_FLIGHT, question.fleet.in_flight_until)


def rate_limited(question: Question) -> Refusal | None:
    """maxUpdates grants were given within periodSeconds, or what was given before is unknown for as long."""
    if question.instance.on_demand and question.group.on_demand_bypasses:
        return None
    slots = [
        slot
        for slot in (question.fleet.rate_slot, question.fleet.quiet_until)
        if slot is not None and question.now < slot
    ]
    return Refusal(Reason.RATE_LIMITED, max(slots)) if slots else None


def store_unavailable(question: Question) -> Refusal | None:
    """A grant has to be durable before it is given."""
    return None if question.fleet.available else Refusal(Reason.STORE_UNAVAILABLE)


ELIGIBILITY: tuple[Rule, ...] = (
    updates_disabled_by_client,
    version_unparsable,
    up_to_date,
    rollout_pending,
    package_unavailable,
    excluded,
    paused,
    stale_catalog,
)
LIMITS: tuple[Rule, ...] = (anonymous_instance, too_many_in_flight, rate_limited, store_unavailable)

OF_GROUP_AND_VERSION = frozenset(
    {
        Reason.VERSION_UNPARSABLE,
        Reason.UP_TO_DATE,
        Reason.ROLLOUT_PENDING,
        Reason.PACKAGE_UNAVAILABLE,
        Reason.PAUSED,
    }
)
"""Refusals that are the same for every instance of a group at one version, with one OEM and architecture, that asks for nothing particular.
"""
