"""May this instance have its update? The decision on the rows themselves, and its record, inside one transaction."""

from dataclasses import replace
from datetime import datetime, timedelta

from omaha_api.store import grants, groups, instances, rollouts
from omaha_api.store.database import Connection
from omaha_api.store.groups import GroupRow
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.store import Granted, Sighting
from update_core.rollout import decide
from update_core.rollout.model import Fleet, Instance, Offer, Refusal, ResolvedGroup


def grant(
    connection: Connection,
    group: ResolvedGroup,
    instance: Instance,
    sighting: Sighting,
    now: datetime,
    written_at: datetime,
) -> Granted:
    """Decide, and write only if the answer is a new offer: a refusal and a repeated offer leave every row as it was."""
    row = _row(connection, group, now)
    # Going back in time would let grants of the same period through again.
    at = now if row.last_grant_at is None else max(now, row.last_grant_at)
    asking = instance.instance_id
    known = instances.stored(connection, group.app_id, asking) if asking is not None else None
    held = known.live_grant if known is not None else None
    slot = groups.rate_slot(connection, row, group.limits)
    decision = decide.decide(group, instance, _fleet(connection, group, row, held, slot), at)
    if isinstance(decision, Refusal) or decision.grant is not None or asking is None:
        return Granted(decision, row.ledger(slot))
    closed = grants.close(connection, held, group.track, at) if held else None
    granted = _new_grant(group, decision, row, asking, at)
    grants.add(connection, granted)
    same_group = closed is not None and closed.track == group.track
    row = replace(
        row, next_number=row.next_number + 1, in_flight=row.in_flight + (0 if same_group else 1), last_grant_at=at
    )
    groups.save(connection, row)
    # What it was refused for before is over.
    record = replace(instances.seen(known, sighting), last_refusal="")
    instances.save(connection, known, record, granted, written_at)
    return Granted(
        replace(decision, grant=granted), row.ledger(groups.rate_slot(connection, row, group.limits)), closed
    )


def fleet(connection: Connection, group: ResolvedGroup, instance_id: str, now: datetime) -> Fleet:
    """What `grant` would decide on, without writing anything."""
    row = groups.load(connection, group.app_id, group.track)
    if group.stamp is not None and (row is None or row.highest_sequence < group.stamp.sequence):
        row = groups.admit(connection, row, group, group.stamp, now)
    row = row or GroupRow(group.app_id, group.track)
    held = grants.live(connection, group.app_id, instance_id)
    return _fleet(connection, group, row, held, groups.rate_slot(connection, row, group.limits))


def _row(connection: Connection, group: ResolvedGroup, now: datetime) -> GroupRow:
    """The group's row as if its stamp had been mirrored: a grant may come before the mirror does."""
    row = groups.load(connection, group.app_id, group.track)
    if group.stamp is None:
        return row or GroupRow(group.app_id, group.track)
    if row is not None and row.highest_sequence >= group.stamp.sequence:
        return row
    return rollouts.mirror(connection, row, group, group.stamp, completed=False, now=now)


def _fleet(
    connection: Connection, group: ResolvedGroup, row: GroupRow, held: Grant | None, slot: datetime | None
) -> Fleet:
    most = group.limits.max_in_flight
    full = most is not None and row.in_flight >= most
    return Fleet(
        live_grant=held,
        highest_sequence=row.highest_sequence,
        in_flight=row.in_flight,
        in_flight_until=grants.first_deadline(connection, group.app_id, group.track) if full else None,
        rate_slot=slot,
        quiet_until=row.quiet_until,
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
    )
