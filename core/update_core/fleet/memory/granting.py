"""May this instance have its update? The decision on what is in memory, and its record."""

from datetime import datetime, timedelta
from types import MappingProxyType

from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.memory import moving, rollouts
from update_core.fleet.memory.rows import GroupRow, Known, Memory
from update_core.fleet.store import Sighting
from update_core.rollout import admission, decide
from update_core.rollout.model import Decision, Fleet, Instance, Offer, Refusal, ResolvedGroup


def grant(
    memory: Memory, group: ResolvedGroup, instance: Instance, sighting: Sighting, now: datetime
) -> tuple[Decision, GroupRow, Grant | None, Grant | None]:
    """Decide, and write only if the answer is a new offer: a refusal and a repeated offer leave everything as it was.

    Returns the decision, the group's row after it, the new grant and the one that it closed.
    """
    row = rollouts.row(memory, group, now)
    # Going back in time would let grants of the same period through again.
    at = now if not row.granted_at else max(now, row.granted_at[-1])
    known = memory.known(group.app_id, instance.instance_id) if instance.instance_id is not None else None
    decision = decided(memory, group, row, instance, known, at)
    if isinstance(decision, Refusal) or decision.grant is not None or instance.instance_id is None:
        return decision, row, None, None
    given, closed = give(memory, group, row, memory.heard(sighting), decision, at)
    return decision, row, given, closed


def decided(
    memory: Memory, group: ResolvedGroup, row: GroupRow, instance: Instance, known: Known | None, at: datetime
) -> Decision:
    """The decision alone; `known` is the instance that asks."""
    return decide.decide(group, instance, fleet(memory, group, row, known), at)


def give(
    memory: Memory, group: ResolvedGroup, row: GroupRow, known: Known, offer: Offer, at: datetime
) -> tuple[Grant, Grant | None]:
    """Write the grant of a new offer; returns it, and the one that it closed."""
    held = known.live_grant
    closed = moving.close(memory, known, held, group.track, at) if held is not None else None
    # What it was refused for before is over.
    known.last_refusal = ""
    if group.stamp is not None:
        rollouts.follow(row, group, group.stamp)
    _count(row, known, offer)
    given = _new_grant(group, offer, row, known.instance_id, at)
    moving.give(memory, row, known, given)
    return given, closed


def fleet(memory: Memory, group: ResolvedGroup, row: GroupRow, known: Known | None) -> Fleet:
    """What the store knows that bears on the decision."""
    most = group.limits.max_in_flight
    full = most is not None and (row.in_flight >= most or row.newcomers_in_flight >= admission.newcomers_share(most))
    return Fleet(
        live_grant=None if known is None else known.live_grant,
        highest_sequence=row.highest_sequence,
        in_flight=row.in_flight,
        in_flight_until=moving.first_deadline(memory, row) if full else None,
        rate_slot=row.rate_slot(group.limits),
        quiet_until=row.quiet_until,
        latch=row.latch,
        through=MappingProxyType(row.through),
        counted_in="" if known is None else _counted_in(row, known),
        attempts=() if known is None else known.attempts,
        first_seen=None if known is None else known.first_seen,
        newcomers_in_flight=row.newcomers_in_flight,
        newcomer_slot=row.newcomer_slot(group.limits),
    )


def _counted_in(row: GroupRow, known: Known) -> str:
    waves = known.waves(row.track, row.highest_sequence)
    return next((wave for wave in waves if wave in row.counting_waves), waves[-1] if waves else "")


def _count(row: GroupRow, known: Known, offer: Offer) -> None:
    """Count an established instance in the wave that lets it in, once."""
    before = known.waves(row.track, offer.sequence)
    if not offer.established or not offer.wave or offer.wave in before:
        return
    known.let_in = (offer.sequence, row.track, (*before, offer.wave))
    row.through[offer.wave] = row.through.get(offer.wave, 0) + 1


def _new_grant(group: ResolvedGroup, offer: Offer, row: GroupRow, instance_id: str, at: datetime) -> Grant:
    return Grant(
        app_id=group.app_id,
        track=group.track,
        number=len(row.granted_at) + 1,
        sequence=offer.sequence,
        version=offer.version,
        instance_id=instance_id,
        state=GrantState.GRANTED,
        granted_at=at,
        moved_at=at,
        deadline=at + timedelta(0, group.timeouts.update_seconds),
        wave=offer.wave,
        epoch=group.course.epoch,
        established=offer.established,
    )
