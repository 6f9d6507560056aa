"""Which answer an instance gets now: an ordered table of rules, the first that refuses wins.

The server asks it from memory, the store asks it again inside the transaction that grants: memory may refuse, only rows allow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from update_core import versions
from update_core.rollout import admission, hops
from update_core.rollout.model import (
    Attempts,
    Decision,
    Fleet,
    Hop,
    Instance,
    Offer,
    Reason,
    Refusal,
    ResolvedGroup,
    Step,
)


@dataclass(slots=True, eq=False)  # not frozen, for what is worked out once
class Question:
    """Everything that a rule may look at."""

    group: ResolvedGroup
    instance: Instance
    fleet: Fleet
    now: datetime
    _way: tuple[Hop, ...] | None = None
    _wave: str | None = "?"  # no wave has such a name

    @property
    def way(self) -> tuple[Hop, ...]:
        """The hops that the answer would be about, the last of which would be granted: one, but for who takes several versions at once.

        Empty where no path leads from the instance's version to the target, where there is no target, or no version.
        """
        if self._way is None:
            at, asks = versions.parse_or_none(self.instance.version), self.instance
            self._way = () if at is None else hops.way(self.group, at, asks.arch, at_once=asks.several_versions)
        return self._way

    @property
    def wave(self) -> str | None:
        """The open wave that lets the instance in, empty where none has to; None if none does."""
        if self._wave == "?":
            self._wave = admission.admitting(self.group, self.instance, self.fleet, self.now)
        return self._wave

    @property
    def established(self) -> bool:
        """Whether the instance was known before the rollout, and for long enough."""
        return admission.established(self.group, self.fleet, self.now)

    @property
    def newcomer(self) -> bool:
        """Whether it has to make do with the newcomers' share of the limits."""
        return self.group.plan.guarded and not self.established


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
    group, arch, way = question.group, question.instance.arch, question.way
    steps = [Step(hop.version.text, its, hop.reason) for hop in way if (its := hop.payload_for(arch)) is not None]
    if group.stamp is None or not steps or len(steps) != len(way):
        raise AssertionError("the rules let a group through that has no stamped package")
    *floors, last = steps
    grant = question.fleet.live_grant if reoffered(question) else None
    wave, established = question.wave or "", question.established
    return Offer(last.version, group.stamp.sequence, last.payload, grant, tuple(floors), wave, established)


def reoffered(question: Question) -> bool:
    """Whether the instance holds a live grant of this very rollout and hop: it is offered again, and no limit is asked."""
    grant, stamp = question.fleet.live_grant, question.group.stamp
    return (
        grant is not None
        and stamp is not None
        and grant.track == question.group.track
        and grant.sequence == stamp.sequence
        and bool(question.way)
        and versions.same(grant.version, question.way[-1].version.text)
    )


def updates_disabled_by_client(question: Question) -> Refusal | None:
    """The client asked not to be updated (updatedisabled)."""
    return Refusal(Reason.UPDATES_DISABLED_BY_CLIENT) if question.instance.updates_disabled else None


def version_unparsable(question: Question) -> Refusal | None:
    """Its version is neither a semantic version nor up to four dotted integers."""
    return None if versions.parse_or_none(question.instance.version) is not None else Refusal(Reason.VERSION_UNPARSABLE)


def up_to_date(question: Question) -> Refusal | None:
    """It runs the channel's version or a higher one.

    Equal is offered only where the client asks for it (sameversionupdate), lower only where client and group allow it (rollback_allowed,
    allowDowngrade). In a Rollback everybody is up to date but who runs the version that was halted.
    """
    group, instance = question.group, question.instance
    current, wanted = versions.parse_or_none(instance.version), group.wanted
    if group.stamp is not None and group.stamp.kind == "Rollback":
        halted = versions.same(instance.version, group.stamp.from_version)
        return None if current is None or halted else Refusal(Reason.UP_TO_DATE)
    if current is None or wanted is None or current < wanted:
        return None
    taken = instance.rollback_allowed and group.allow_downgrade if wanted < current else instance.same_version
    return None if taken else Refusal(Reason.UP_TO_DATE)


def rollout_pending(question: Question) -> Refusal | None:
    """The operator hasn't stamped what the channel says: starting needs a stamp, stopping doesn't."""
    return None if question.group.stamp is not None else Refusal(Reason.ROLLOUT_PENDING)


def no_path(question: Question) -> Refusal | None:
    """Neither the next hop nor any floor takes instances of its version (minFromVersion)."""
    if question.way or question.group.target is None or versions.parse_or_none(question.instance.version) is None:
        return None
    return Refusal(Reason.NO_PATH)


def dead_end(question: Question) -> Refusal | None:
    """The package that it runs can't be updated (deadEnd)."""
    if not question.group.dead_ends:
        return None
    current = versions.parse_or_none(question.instance.version)
    if current is None or hops.dead_end(question.group, current, question.instance.arch) is None:
        return None
    return Refusal(Reason.DEAD_END)


def package_unavailable(question: Question) -> Refusal | None:
    """The stamped package of its architecture is gone or replaced, or its URL fits no answer; or a floor has none."""
    if question.group.target is None:
        return Refusal(Reason.PACKAGE_UNAVAILABLE)
    for hop in question.way:
        if unavailable(hop, question.instance.arch):
            return Refusal(Reason.PACKAGE_UNAVAILABLE)
    return None


def unavailable(hop: Hop, arch: str) -> bool:
    """Whether there is no package of a hop, or not the one that was stamped for an architecture."""
    return not hop.payloads or (bool(hop.lost) and hop.lost_for(arch) is not None)


def withdrawn(question: Question) -> Refusal | None:
    """The hop's package isn't given to anybody any more (withdrawn)."""
    arch = question.instance.arch
    for hop in question.way:
        payload = hop.payload_for(arch)
        if payload is not None and payload.withdrawn:
            return Refusal(Reason.WITHDRAWN)
    return None


def version_blocked(question: Question) -> Refusal | None:
    """The group's spec refuses the hop's version (versionPolicy.blockedVersions)."""
    blocked = question.group.blocked_versions
    if not blocked or not any(hop.version in blocked for hop in question.way):
        return None
    return Refusal(Reason.VERSION_BLOCKED)


def excluded(question: Question) -> Refusal | None:
    """The version isn't for this instance: not for its OEM or its architecture, or outside the client's or the group's prefix."""
    group, instance = question.group, question.instance
    oem = instance.oem in group.excluded_oems
    for hop in question.way:
        if hop.payloads and (oem or not within_prefixes(question, hop) or runs_on_others_only(hop, instance.arch)):
            return Refusal(Reason.EXCLUDED)
    return None


def within_prefixes(question: Question, hop: Hop) -> bool:
    """Whether a hop's version begins as the client and the group want it to."""
    own, of_group = question.instance.version_prefix, question.group.version_prefix
    if own and not versions.has_prefix(hop.version.text, own):
        return False
    return not of_group or versions.has_prefix(hop.version.text, of_group)


def runs_on_others_only(hop: Hop, arch: str) -> bool:
    """Whether a hop has packages, and none of them is or was for the architecture."""
    return bool(hop.payloads) and hop.payload_for(arch) is None and hop.lost_for(arch) is None


def paused(question: Question) -> Refusal | None:
    """The group is paused."""
    return Refusal(Reason.PAUSED) if question.group.paused else None


def halted(question: Question) -> Refusal | None:
    """Too many failed (haltOn), or a person stopped the rollout to this version (rollout.halt)."""
    return Refusal(Reason.HALTED) if admission.halted(question.group, question.fleet) else None


def frozen(question: Question) -> Refusal | None:
    """A freeze holds: nothing is given out, and nothing is offered again either. Until: its end."""
    schedule = question.group.schedule
    thaws = schedule.at(question.now).thaws_at if schedule.freezes else None
    return Refusal(Reason.FROZEN, thaws) if thaws is not None else None


def outside_window(question: Question) -> Refusal | None:
    """None of the maintenance windows is open; any that can't be read never is. Until: the next one opens."""
    schedule = question.group.schedule
    if schedule.problem:
        return Refusal(Reason.OUTSIDE_WINDOW)
    opens = schedule.at(question.now).opens_at if schedule.windows else None
    return Refusal(Reason.OUTSIDE_WINDOW, opens) if opens is not None else None


def stale_catalog(question: Question) -> Refusal | None:
    """The store has seen a later rollout of this track: this snapshot is old, and what it stamped isn't offered again either."""
    stamp = question.group.stamp
    stale = stamp is not None and stamp.sequence < question.fleet.highest_sequence
    return Refusal(Reason.STALE_CATALOG) if stale else None


def anonymous_instance(question: Question) -> Refusal | None:
    """An instance without an id can't be counted and has no place in the order: it gets nothing where either matters."""
    if question.instance.instance_id is not None:
        return None
    group = question.group
    if group.limits.none and admission.for_everybody(group, question.now):
        return None
    return Refusal(Reason.ANONYMOUS_INSTANCE)


def backing_off(question: Question) -> Refusal | None:
    """It failed on its way there, and waits, twice as long after each failure (retry). Until: it has waited."""
    attempts = _failures(question)
    if attempts is None or attempts.failures >= question.group.plan.retry.max_attempts:
        return None
    until = admission.backs_off_until(question.group, attempts)
    return Refusal(Reason.BACKING_OFF, until) if question.now < until else None


def attempts_exhausted(question: Question) -> Refusal | None:
    """It failed on its way there as often as the group lets it try (retry.maxAttempts)."""
    attempts = _failures(question)
    exhausted = attempts is not None and attempts.failures >= question.group.plan.retry.max_attempts
    return Refusal(Reason.ATTEMPTS_EXHAUSTED) if exhausted else None


def _failures(question: Question) -> Attempts | None:
    way = question.way if question.fleet.attempts else ()
    return admission.failures(question.group, question.fleet, way[-1].version.text) if way else None


def dependency_not_met(question: Question) -> Refusal | None:
    """Another group goes first (dependsOn), and isn't far enough."""
    return Refusal(Reason.DEPENDENCY_NOT_MET) if admission.dependency_pending(question.group) else None


def awaiting_approval(question: Question) -> Refusal | None:
    """It would be in the next wave, which somebody has to approve."""
    if question.wave is not None or _bypasses(question):
        return None
    waits = admission.waits_for_approval(question.group, question.instance)
    return Refusal(Reason.AWAITING_APPROVAL) if waits else None


def not_in_cohort(question: Question) -> Refusal | None:
    """No open wave lets it in, or the linear share hasn't reached it. Until: it does; unknown with waves."""
    if question.wave is not None or _bypasses(question):
        return None
    return Refusal(Reason.NOT_IN_COHORT, admission.comes_in_at(question.group, question.instance, question.now))


def _bypasses(question: Question) -> bool:
    """Whether somebody waits for the answer, and the group lets such a check past waves and rate."""
    return question.instance.on_demand and question.group.on_demand_bypasses


def enrolment_limited(question: Question) -> Refusal | None:
    """It is new, and no more new instances are taken in for now. Until: more are."""
    until = question.fleet.enrolment_until
    limited = until is not None and question.now < until and question.fleet.first_seen is None
    return Refusal(Reason.ENROLMENT_LIMITED, until) if limited else None


def too_many_in_flight(question: Question) -> Refusal | None:
    """maxInFlight other instances are updating: a grant that this one would replace isn't in its own way.

    Who is new has a tenth of the places where a rollout is judged by its outcomes. Until: the first in flight times out.
    """
    most, own, fleet = question.group.limits.max_in_flight, question.fleet.live_grant, question.fleet
    if most is None:
        return None
    replaced = 1 if own is not None and own.track == question.group.track else 0
    full = fleet.in_flight - replaced >= most
    if not full and question.newcomer:
        replaced = replaced if own is not None and not own.established else 0
        full = fleet.newcomers_in_flight - replaced >= admission.newcomers_share(most)
    return Refusal(Reason.TOO_MANY_IN_FLIGHT, fleet.in_flight_until) if full else None


def rate_limited(question: Question) -> Refusal | None:
    """maxUpdates grants were given within periodSeconds, or a tenth of them to who is new. Until: the next place."""
    if _bypasses(question):
        return None
    fleet = question.fleet
    newcomers = fleet.newcomer_slot if fleet.newcomer_slot is not None and question.newcomer else None
    slots = [at for at in (fleet.rate_slot, fleet.quiet_until, newcomers) if at is not None and question.now < at]
    return Refusal(Reason.RATE_LIMITED, max(slots)) if slots else None


def store_unavailable(question: Question) -> Refusal | None:
    """The grant can't be recorded now, so it isn't given."""
    return None if question.fleet.available else Refusal(Reason.STORE_UNAVAILABLE)


ELIGIBILITY: tuple[Rule, ...] = (
    updates_disabled_by_client,
    version_unparsable,
    up_to_date,
    rollout_pending,
    no_path,
    dead_end,
    package_unavailable,
    withdrawn,
    version_blocked,
    excluded,
    paused,
    halted,
    frozen,
    outside_window,
    stale_catalog,
)
LIMITS: tuple[Rule, ...] = (
    anonymous_instance,
    backing_off,
    attempts_exhausted,
    dependency_not_met,
    awaiting_approval,
    not_in_cohort,
    enrolment_limited,
    too_many_in_flight,
    rate_limited,
    store_unavailable,
)

OF_GROUP_AND_VERSION = frozenset(
    {
        Reason.VERSION_UNPARSABLE,
        Reason.UP_TO_DATE,
        Reason.ROLLOUT_PENDING,
        Reason.NO_PATH,
        Reason.DEAD_END,
        Reason.PACKAGE_UNAVAILABLE,
        Reason.WITHDRAWN,
        Reason.VERSION_BLOCKED,
        Reason.PAUSED,
    }
)
"""Refusals that are the same for every instance of a group at one version, with one OEM and architecture, that asks for nothing particular,
for as long as the group is the same. Frozen and OutsideWindow aren't among them: they end by themselves."""
