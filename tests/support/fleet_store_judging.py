"""The part of the fleet store's contract about outcomes that holds for every course of events: what a plain model of it says."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleet_store_actions import OVER_STORES, ask, assert_in_flight_agrees, counts, known, ledger_of
from support.fleet_store_outcomes import EARLY, EVERYBODY, judged
from support.fleet_values import APP_ID, NOW, TIMEOUTS, sighting
from support.properties import examples
from update_core.fleet.evidence import Event
from update_core.fleet.grants import Grant, GrantState
from update_core.rollout.model import Offer, ResolvedGroup
from update_core.rollout.plan import HaltOn

OLD_HANDS = ("a", "b", "c", "d", "e", "f")
NEWCOMERS = ("x", "y")
BOUNDS = HaltOn(failure_percent=60, min_samples=3, consecutive_failures=4)
EVENTS = {"fail": Event(3, 0, 9), "download": Event(14, 1)}
OFTEN = ["ask", "update", "spoil", "spoil", "spoil"]
SELDOM = ["fail", "reach", "download", "sweep", "open", "resume", "promote", "reset"]
STEPS = st.lists(
    st.tuples(st.sampled_from([*OFTEN, *OFTEN, *SELDOM]), st.sampled_from([*OLD_HANDS, *NEWCOMERS])),
    min_size=20,
    max_size=60,
)


@dataclass
class Model:
    """What the store should know, kept as simply as possible: one outcome for each instance, the latest last."""

    group: ResolvedGroup = field(default_factory=lambda: judged(BOUNDS, EARLY))
    let_in: dict[str, set[str]] = field(default_factory=dict)
    outcomes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    halted: bool = False

    def granted(self, grant: Grant) -> None:
        """A new grant."""
        if grant.established:
            self.let_in.setdefault(grant.wave, set()).add(grant.instance_id)

    def ended(self, grants: Iterable[Grant]) -> bool:
        """Grants moved; whether that halts the rollout."""
        halts = False
        for grant in grants:
            of_now = (grant.sequence, grant.epoch) == (self.group.stamp.sequence, self.group.course.epoch)
            if not (grant.established and of_now):
                continue
            if grant.state in {GrantState.COMPLETE, GrantState.FAILED, GrantState.TIMED_OUT}:
                self.outcomes.pop(grant.instance_id, None)
                self.outcomes[grant.instance_id] = (grant.wave, grant.state is not GrantState.COMPLETE)
                halts |= not self.halted and self._too_many()
                self.halted |= halts
        return halts

    def _too_many(self) -> bool:
        wave = self.group.course.opened[-1].name
        everywhere = [failed for _, failed in self.outcomes.values()]
        here = [failed for of, failed in self.outcomes.values() if of == wave]
        shares = (sum(failed) * 10 >= 6 * len(failed) and len(failed) >= 3 for failed in (here, everywhere))
        return any(shares) or (len(everywhere) >= 4 and all(everywhere[-4:]))

    def go_on(self, what: str) -> None:
        """The next wave is opened, the rollout is resumed, or another begins."""
        group = self.group
        if what == "open":
            self.group = replace(group, course=replace(group.course, opened=(EARLY, EVERYBODY)))
            return
        self.outcomes, self.halted = {}, False
        if what == "resume":
            self.group = replace(group, course=replace(group.course, epoch=group.course.epoch + 1))
        else:
            sequence = group.stamp.sequence + 1
            self.group = judged(BOUNDS, EARLY, sequence=sequence, version=f"1.{sequence}.0")
            self.let_in = {}


class Judging:
    """Waves, tallies and halts."""

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=OVER_STORES)
    @given(steps=STEPS)
    def test_counts_and_halts_are_those_of_the_model(self, fresh_store, steps):
        async def run() -> None:
            model, now = Model(), NOW
            async with fresh_store() as store:
                await known(store, *OLD_HANDS)
                for what, name in steps:
                    now += timedelta(seconds=1)
                    await self._step(store, model, what, name, now)
                    await self._agrees(store, model, now)

        asyncio.run(run())

    async def _step(self, store, model, what, name, now) -> None:
        if what in {"update", "spoil"}:
            await self._step(store, model, "ask", name, now)
            await self._step(store, model, "reach" if what == "update" else "fail", name, now)
        elif what == "ask":
            decision = (await ask(store, name, model.group, at=now)).decision
            assert not (isinstance(decision, Offer) and model.halted)
            if isinstance(decision, Offer) and decision.grant.granted_at == now:
                model.granted(decision.grant)
        elif what == "reset":
            await store.reset(APP_ID, name, now)
        elif what in EVENTS:
            moved = await store.weigh(APP_ID, name, [EVENTS[what]], TIMEOUTS, now)
            assert bool(moved.halted) == model.ended(moved.grants)
        elif what == "sweep":
            moved = await store.sweep(now + timedelta(hours=2))
            assert bool(moved.halted) == model.ended(moved.grants)
        elif what == "reach":
            await self._reach(store, model, name, now)
        else:
            model.go_on(what)
            await store.record_rollout(model.group, model.group.stamp, completed=False, now=now)

    async def _reach(self, store, model, name, now) -> None:
        """The instance runs the version, and goes back to the one before, so that it asks again."""
        if await store.instance(APP_ID, name) is not None:
            moved = await store.observe(sighting(name, model.group.stamp.version, at=now), TIMEOUTS)
            assert bool(moved.halted) == model.ended(moved.grants)
            await store.observe(sighting(name, at=now), TIMEOUTS)

    async def _agrees(self, store, model, now) -> None:
        await assert_in_flight_agrees(store)
        ledgers = await store.ledgers()
        if not ledgers:
            return
        ledger = await ledger_of(store)
        stamp, epoch = model.group.stamp, model.group.course.epoch
        latched = ledger.latch is not None and (ledger.latch.sequence, ledger.latch.epoch) == (stamp.sequence, epoch)
        assert latched == model.halted
        assert {wave: count for wave, count in ledger.through.items() if count} == {
            wave: len(names) for wave, names in model.let_in.items()
        }
        assert ledger.through.get("early", 0) <= EARLY.instances
        told = (await counts(store, model.group, at=now)).waves
        for wave in ("early", "everybody"):
            failed = sum(failed for of, failed in model.outcomes.values() if of == wave)
            assert told[wave].failed == failed
