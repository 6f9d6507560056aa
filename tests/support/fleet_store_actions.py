"""What tests do to a fleet store, and what they look at."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck

from support.fleet_values import APP_ID, NOW, OLD, TIMEOUTS, TRACK, asking, group, sighting
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import Grant
from update_core.fleet.store import FleetStore, Granted, GroupLedger
from update_core.rollout.model import Offer, ResolvedGroup

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

OVER_STORES = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""What hypothesis needn't warn of: its examples make stores of their own, and each contract is for several kinds."""


async def ask(
    store: FleetStore,
    instance_id: str | None,
    of_group: ResolvedGroup | None = None,
    *,
    at: datetime = NOW,
    version: str = OLD,
) -> Granted:
    """Ask the store for a grant."""
    of_group = of_group or group()
    seen = sighting(instance_id, version, track=of_group.track, app_id=of_group.app_id, at=at)
    return await store.grant(of_group, asking(instance_id, version), seen, at)


async def granted(
    store: FleetStore, instance_id: str, of_group: ResolvedGroup | None = None, *, at: datetime = NOW
) -> Grant:
    """A grant that the test begins with."""
    decision = (await ask(store, instance_id, of_group, at=at)).decision
    assert isinstance(decision, Offer), decision
    assert decision.grant is not None
    return decision.grant


async def known(store: FleetStore, *instance_ids: str, track: str = TRACK, version: str = OLD) -> None:
    """Instances that the store has heard of for an hour when the rollout begins."""
    for instance_id in instance_ids:
        await store.observe(sighting(instance_id, version, track=track, at=NOW - HOUR), None)


async def ledger_of(store: FleetStore, track: str = TRACK) -> GroupLedger:
    """A group's ledger."""
    (found,) = [ledger for ledger in await store.ledgers() if ledger.track == track]
    return found


async def weigh(store: FleetStore, instance_id: str, *items: Evidence, at: datetime = NOW) -> Sequence[Grant]:
    """Tell the store what the instance reported."""
    return (await store.weigh(APP_ID, instance_id, items, TIMEOUTS, at)).grants


async def counts(store: FleetStore, of_group: ResolvedGroup | None = None, *, at: datetime = NOW) -> Any:
    """The group's progress."""
    of_group = of_group or group()
    return (await store.progress([of_group], at))[of_group.app_id, of_group.track]


async def assert_in_flight_agrees(store: FleetStore) -> None:
    """The groups' counters say what counting the live grants says."""
    live, ledgers = await store.live_grants(), await store.ledgers()
    counted = Counter(grant.track for grant in live)
    newcomers = Counter(grant.track for grant in live if not grant.established)
    assert {ledger.track: ledger.in_flight for ledger in ledgers if ledger.in_flight} == dict(counted)
    assert {ledger.track: ledger.newcomers_in_flight for ledger in ledgers if ledger.newcomers_in_flight} == dict(
        newcomers
    )
