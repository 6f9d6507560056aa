"""May this instance have its update? The decision on the rows themselves, and its record, inside one transaction."""

from dataclasses import replace
from datetime import datetime, timedelta

from omaha_api.store import enrolling, grants, groups, instances, judgings, outcomes, rollouts
from omaha_api.store.database import Connection
from omaha_api.store.groups import GroupRow
from omaha_api.store.instances import Stored
from update_core.fleet.enrolment import Growth
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.store import Granted, GroupLedger, Sighting
from update_core.rollout import admission, decide
from update_core.rollout.model import Fleet, Instance, Offer, Reason, Refusal, ResolvedGroup


def grant(
    connection: Connection,
    group: ResolvedGroup,
    instance: Instance,
    sighting: Sighting,
    now: datetime,
    growth: Growth,
    written_at: datetime,
) -> Granted:
    """Decide, and write only if the answer is a new offer: a refusal and a repeated offer leave every row as it was."""
    row = _row(connection, group, now)
    # Going back in time would let grants of the same period through again.
    at = now if row.last_grant_at is None else max(now, row.last_grant_at)
    asking = instance.instance_id
    known = instances.stored(connection, group.app_id, asking) if asking is not None else None
    held = known.live_grant if known is not None else None
    ledger = groups.ledger(connection, row, group)
    rest = _fleet(connection, group, ledger, known, asking)
    if known is None and asking is not None:
        closed_until = enrolling.closed_until(connection, group.app_id, growth, written_at)
        rest = replace(rest, enrolment_until=closed_until)
    decision = decide.decide(group, instance, rest, at)
    if isinstance(decision, Refusal) or decision.grant is not None or asking is None:
        return Granted(decision, ledger)
    source = sighting.source
    if source is not None and grants.crowded(connection, group.app_id, source, asking):
        return Granted(Refusal(Reason.TOO_MANY_IN_FLIGHT), ledger, crowded=True)
    closed = grants.close(connection, held, group.track, at) if held else None
    granted = _new_grant(group, decision, row, asking, at)
    newcomer = None if granted.established else row.next_newcomer
    grants.add(connection, granted, newcomer, source)
    row = _counted(row, granted, closed, first=outcomes.granted(connection, granted))
    groups.save(connection, row)
    # What it was refused for before is over.
    record = replace(instances.seen(known, sighting), last_refusal="")
    instances.save(connection, known, record, granted, written_at)
    return Granted(replace(decision, grant=granted), groups.ledger(connection, row, group), closed)


def fleet(connection: Connection, group: ResolvedGroup, instance_id: str, now: datetime) -> Fleet:
    """What `grant` would decide on, without writing anything."""
    row = groups.load(connection, group.app_id, group.track)
    if group.stamp is not None and (row is None or row.highest_sequence < group.stamp.sequence):
        row = groups.admit(connection, row, group, group.stamp, now)
    row = row or GroupRow(group.app_id, group.track)
    known = instances.stored(connection, group.app_id, instance_id)
    return _fleet(connection, group, groups.ledger(connection, row, group), known, instance_id)


def _row(connection: Connection, group: ResolvedGroup, now: datetime) -> GroupRow:
    """The group's row as if its stamp had been mirrored: a grant may come before the mirror does."""
    row = groups.load(connection, group.app_id, group.track)
    if group.stamp is None:
        return row or GroupRow(group.app_id, group.track)
    if row is not None and row.highest_sequence >= group.stamp.sequence:
        return groups.judged(row, group, group.stamp)
    return rollouts.mirror(connection, row, group, group.stamp, completed=False, now=now)


def _fleet(
    connection: Connection, group: ResolvedGroup, ledger: GroupLedger, known: Stored | None, asking: str | None
) -> Fleet:
    limits = group.limits if not group.plan.guarded else admission.limits_for_newcomers(group.limits)
    most = group.limits.max_in_flight
    full = most is not None and (
        ledger.in_flight >= most
        or (limits.max_in_flight is not None and ledger.newcomers_in_flight >= limits.max_in_flight)
    )
    # Only a wave that lets a number of instances in asks who was counted before.
    counts = asking is not None and any(opened.instances is not None for opened in group.course.opened or ())
    return Fleet(
        live_grant=known.live_grant if known is not None else None,
        highest_sequence=ledger.highest_sequence,
        in_flight=ledger.in_flight,
        in_flight_until=grants.first_deadline(connection, group.app_id, group.track) if full else None,
        rate_slot=ledger.rate_slot,
        quiet_until=ledger.quiet_until,
        latch=ledger.latch,
        through=ledger.through,
        counted_in=outcomes.counted_in(connection, ledger, asking) if counts and asking is not None else "",
        attempts=known.record.attempts if known is not None else (),
        first_seen=known.record.first_seen if known is not None else None,
        newcomers_in_flight=ledger.newcomers_in_flight,
        newcomer_slot=ledger.newcomer_slot,
    )


def _counted(row: GroupRow, granted: Grant, closed: Grant | None, *, first: bool) -> GroupRow:
    """The group's row after a grant. `first`: it is the first of its instance through its wave."""
    replaced = closed if closed is not None and closed.track == granted.track else None
    came = 0 if granted.established else 1
    went = 0 if replaced is None or replaced.established else 1
    return replace(
        row,
        next_number=row.next_number + 1,
        in_flight=row.in_flight + (1 if replaced is None else 0),
        last_grant_at=granted.granted_at,
        newcomers_in_flight=row.newcomers_in_flight + came - went,
        next_newcomer=row.next_newcomer + came,
        through=judgings.one_more(row.through, granted.wave) if first else row.through,
    )


def _new_grant(group: ResolvedGroup, offer: Offer, row: GroupRow, instance_id: str, at: datetime) -> Grant:
    return Grant(
        app_id=group.app_id,
        track=group.track,
        number=row.next_number,
        sequence=offer.sequence,
        version=offer.version,
        instance_id=instance_id,
        state=GrantState.GRANTED,
        granted_at=at,
        moved_at=at,
        deadline=at + timedelta(seconds=group.timeouts.update_seconds),
        wave=offer.wave,
        epoch=group.course.epoch,
        established=offer.established,
    )
