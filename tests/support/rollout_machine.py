"""A fleet store under any course of events: instances, groups whose rollouts go on, lost and repeated events, clocks, old snapshots.

Each answer and each counter is held against `rollout_model`; what must hold of the answers whatever the model says is asked of them alone.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.fleet_values import APP_ID, NOW, asking, group, sighting
from support.rollout_model import RolloutModel
from support.rollout_story import FAILED, LIVE
from update_core.fleet.evidence import Event
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.store import Moved
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Limits, Refusal, ResolvedGroup, Stamp
from update_core.rollout.plan import Course, HaltOn, HaltReason, Latch, Plan, Retry
from update_core.rollout.waves import LAST, Opened, Wave

TRACKS = ("stable", "beta")
NAMES = tuple(f"i{number}" for number in range(9))
TIMEOUTS = Timeouts(update_seconds=600, reboot_seconds=1800)
EVENTS = [(13, 1), (14, 1), (3, 1), (3, 0), (3, 0), (3, 4)]
MOST_ROLLOUTS = 6
"""Of one group: a store keeps the failures of a bounded number of versions."""

WAVES: list[tuple[Wave, ...]] = [
    (),
    (Wave("first", instances=2),),
    (Wave("third", ppm=333_333),),
    (Wave("one", instances=1), Wave("few", instances=3), Wave("half", ppm=500_000)),
]
HALTS = [None, HaltOn(consecutive_failures=2), HaltOn(failure_percent=50, min_samples=3), HaltOn(34, 2, 4)]
LIMITS = st.builds(
    Limits,
    max_updates=st.sampled_from([None, 1, 2, 25]),
    period_seconds=st.sampled_from([60, 900]),
    max_in_flight=st.sampled_from([None, 1, 3, 25]),
)
RETRIES = st.builds(Retry, max_attempts=st.integers(1, 3), backoff_seconds=st.sampled_from([0, 60]))
STEPS_OF_TIME = st.sampled_from([1, 30, 59, 60, 61, 600, 3600, -1, -45, -3600])
NAMED = st.sampled_from(NAMES)
SEVERAL = st.lists(NAMED, min_size=1, max_size=5, unique=True)
TRACKED = st.runner().flatmap(lambda machine: st.sampled_from(machine.tracks))
OPENED = st.sampled_from([1, 2, 4, 4])
AGES = st.sampled_from([0] * 7 + [1, 2, 4])
"""How many changes a replica has missed."""


class Place(Protocol):
    """Where stores keep what they know."""

    def made(self) -> Any:
        """A store on what is there, not yet open."""
        ...

    def leave(self) -> None:
        """Nobody comes back."""
        ...


class RolloutMachine(RuleBasedStateMachine):
    """One store; `place` is a new one for each run."""

    keeps = True
    """Whether what it knows outlives it."""
    ends = True
    """Whether people can end what it knows of an instance."""
    tracks = (TRACKS[0],) * 4 + (TRACKS[1],)
    """The groups. Most happens in one, so that things come together there."""

    def __init__(self, place: Callable[[], Place]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.place = place()
        self.store = self.place.made()
        self.run(self.store.open())
        self.model = RolloutModel()
        self.now = NOW
        self.versions: dict[str, str] = {}
        """What instances run."""
        self.snapshots: dict[str, list[ResolvedGroup]] = defaultdict(list)
        self.given: list[tuple[Grant, ResolvedGroup]] = []
        """New grants, as they were answered, with the snapshot that they were given by."""

    def run(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(act)

    def teardown(self) -> None:
        try:
            self.check_counts()
        finally:
            self.run(self.store.close())
            self.runner.close()
            self.place.leave()

    # People and the operator

    @initialize(
        waves=st.sampled_from(WAVES),
        halt_on=st.sampled_from(HALTS),
        newcomers=st.sets(NAMED, max_size=3),
        opened=OPENED,
    )
    def begin(self, waves, halt_on, newcomers, opened):
        for name in sorted(set(NAMES) - newcomers):
            self.hear(name, TRACKS[0], at=NOW - timedelta(hours=1))
        for track in set(self.tracks):
            plan = Plan(waves=(*waves, LAST), halt_on=halt_on)
            self._stamp(
                track, group(track=track, plan=plan, timeouts=TIMEOUTS), sequence=1, version="1.1.0", opened=opened
            )

    @rule(track=TRACKED, waves=st.sampled_from(WAVES), opened=OPENED)
    def promote(self, track, waves, opened):
        latest = self.latest(track)
        assume(latest.stamp.sequence < MOST_ROLLOUTS)
        plan = replace(latest.plan, waves=(*waves, LAST))
        sequence = latest.stamp.sequence + 1
        self._stamp(track, replace(latest, plan=plan), sequence=sequence, version=f"1.{sequence}.5", opened=opened)

    @rule(track=TRACKED)
    def open_a_wave(self, track):
        latest = self.latest(track)
        planned = [wave for wave in latest.plan.waves if not latest.course.is_open(wave.name)]
        assume(planned and latest.stamp.kind == "Update")
        self._go_on(track, opened=(*(latest.course.opened or ()), _open(planned[0], self.now)))

    @precondition(lambda self: any(track.latch for track in self.model.tracks.values()))
    @rule(track=TRACKED)
    def resume(self, track):
        self._go_on(track, epoch=self.latest(track).course.epoch + 1, halted=None)

    @precondition(lambda self: any(track.latch for track in self.model.tracks.values()))
    @rule(track=TRACKED)
    def copy_the_halt(self, track):
        self._go_on(track, halted=self._halted(track))

    @rule(track=TRACKED, how=st.sampled_from(["lose the status", "move back", "pause", "go on", "go on"]))
    def interfere(self, track, how):
        latest = self.latest(track)
        sequence = latest.stamp.sequence + 1
        if how in ("pause", "go on"):
            changed = replace(latest, paused=how == "pause")
        elif sequence > MOST_ROLLOUTS:
            return
        elif how == "lose the status":
            # The operator takes the rollout over from the store's row, with the next number; a halt stays.
            course = replace(latest.course, epoch=0, halted=self._halted(track))
            changed = replace(latest, stamp=replace(latest.stamp, sequence=sequence), course=course)
        else:
            # A rollback is a rollout of its own, and lets everybody in.
            stamp = Stamp(sequence, "1.0.0", "back", self.now, "Rollback", latest.stamp.version)
            course = Course(opened=(Opened("everybody", self.now, ppm=PPM_OF_ALL),))
            changed = replace(latest, stamp=stamp, course=course, target_version="1.0.0")
        self.snapshots[track].append(changed)

    @rule(track=TRACKED, limits=LIMITS, retry=RETRIES, halt_on=st.sampled_from(HALTS))
    def change_the_spec(self, track, limits, retry, halt_on):
        latest = self.latest(track)
        plan = replace(latest.plan, retry=retry, halt_on=halt_on)
        self.snapshots[track].append(replace(latest, limits=limits, plan=plan))

    @rule(track=TRACKED, age=AGES)
    def mirror(self, track, age):
        of_group = self.snapshot(track, age)
        answer = self.run(self.store.record_rollout(of_group, of_group.stamp, completed=False, now=self.now))
        expected = self.model.mirror(of_group, self.now)
        assert (answer.reason if isinstance(answer, Refusal) else "") == expected

    @precondition(lambda self: self.ends)
    @rule(name=NAMED, how=st.sampled_from(["reset", "forget"]))
    def end(self, name, how):
        self.run(getattr(self.store, how)(APP_ID, name, self.now))
        getattr(self.model, how)(name)
        if how == "forget":
            self.versions.pop(name, None)

    # Instances

    @rule(name=NAMED, track=TRACKED)
    def hear(self, name, track, at=None):
        version, at = self.versions.setdefault(name, "1.0.0"), at or self.now
        moved = self.run(self.store.observe(sighting(name, version, track=track, at=at), TIMEOUTS))
        self._moved(moved, self.model.hear(name, version, track, at))

    @rule(names=SEVERAL, track=TRACKED, age=AGES, times=st.integers(1, 2))
    def ask(self, names, track, age=0, times=1):
        """Twice: the first answer was lost."""
        for name, _ in itertools.product(names, range(times)):
            of_group, version = self.snapshot(track, age), self.versions.get(name, "1.0.0")
            seen = sighting(name, version, track=track, at=self.now)
            answer = self.run(self.store.grant(of_group, asking(name, version), seen, self.now))
            said = self.model.ask(of_group, name, version, self.now)
            if isinstance(answer.decision, Refusal):
                assert answer.decision.reason == said.reason, (answer.decision, said)
                continue
            grant = answer.decision.grant
            assert said.given is not None, (answer.decision, said)
            assert _told(grant) == _told(said.given)
            if said.new:
                self.model.take(said.given, version, self.now)
                self.versions[name] = version
                self.given.append((grant, of_group))
                self._assert_limits(grant, of_group)

    @rule(names=SEVERAL, track=TRACKED, ends=st.sampled_from(["new version", (3, 0), (3, 0), (14, 1), (3, 4)]))
    def update(self, names, track, ends):
        """Ask, and tell at once what came of it."""
        for name in names:
            self.ask([name], track)
            if ends == "new version":
                self.come_up_on_the_new_version([name])
            else:
                self.report([name], ends)

    @rule(names=SEVERAL, what=st.sampled_from(EVENTS), times=st.integers(1, 2))
    def report(self, names, what, times=1):
        for name, _ in itertools.product(names, range(times)):
            moved = self.run(self.store.weigh(APP_ID, name, [Event(*what)], TIMEOUTS, self.now))
            expected = self.model.report(name, what, TIMEOUTS.update_seconds, TIMEOUTS.reboot_seconds, self.now)
            self._moved(moved, expected)

    @rule(names=SEVERAL)
    def come_up_on_the_new_version(self, names):
        for name in names:
            known = self.model.known.get(name)
            if known is not None and known.latest is not None:
                self.versions[name] = known.latest.version
                self.hear(name, known.track)

    # Time and machines

    @rule(seconds=STEPS_OF_TIME)
    def pass_time(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self):
        expected = self.model.due(self.now)
        moved = self.run(self.store.sweep(self.now))
        assert {(grant.track, grant.number): grant.state.value for grant in moved.grants} == expected
        before = self._latches()
        for grant in moved.grants:
            self.model.time_out(grant.track, grant.number, grant.state.value, self.now)
        self._assert_halted(moved, before)

    @precondition(lambda self: self.keeps)
    @rule()
    def restart(self):
        self.run(self.store.close())
        self.store = self.place.made()
        self.run(self.store.open())

    # What holds

    @invariant()
    def counters_are_what_counting_says(self):
        ledgers = {ledger.track: ledger for ledger in self.run(self.store.ledgers())}
        for name, track in self.model.tracks.items():
            if not track.highest:
                continue
            ledger, live = ledgers[name], [given for given in track.grants if given.live]
            assert ledger.highest_sequence == track.highest
            assert ledger.next_number == len(track.grants) + 1
            assert ledger.in_flight == len(live)
            assert ledger.newcomers_in_flight == sum(not given.established for given in live)
            assert (ledger.latch and (ledger.latch.sequence, ledger.latch.epoch)) == track.latch
            assert (ledger.latch.wave if ledger.latch else "") == track.latched_wave
            counting = [wave.name for waves in WAVES for wave in waves if wave.instances is not None]
            told = {wave: count for wave, count in ledger.through.items() if wave in counting and count}
            counted = {wave: len(self.model.let_in(name, track.highest, wave)) for wave in counting}
            assert told == {wave: count for wave, count in counted.items() if count}

    @invariant()
    def live_grants_are_those_that_were_given_one_per_instance(self):
        live = self.run(self.store.live_grants())
        assert len({grant.instance_id for grant in live}) == len(live)
        expected = [given for track in self.model.tracks.values() for given in track.grants if given.live]
        assert sorted(map(_told, live)) == sorted(map(_told, expected))

    @invariant()
    def nobody_is_let_into_a_wave_beyond_its_number(self):
        through = defaultdict(set)
        for grant, of_group in self.given:
            through[grant.track, grant.sequence, grant.wave].add(grant.instance_id)
            for opened in of_group.course.opened or ():
                if opened.instances is not None:
                    assert len(through[grant.track, grant.sequence, opened.name]) <= opened.instances

    @rule()
    def check_counts(self):
        groups = [self.latest(track) for track in self.snapshots]
        counted = self.run(self.store.progress(groups, self.now))
        for name, track in self.model.tracks.items():
            progress = counted[APP_ID, name]
            live = [given for given in track.grants if given.live]
            assert progress.in_progress == len(live)
            assert progress.in_progress_current == sum(given.sequence == track.highest for given in live)
            last = {given.name: given for given in track.grants if given.sequence == track.highest}
            assert progress.failed == sum(given.state in FAILED for given in last.values())
        for name in self.model.known:
            record = self.run(self.store.instance(APP_ID, name))
            assert {each.version: each.failures for each in record.attempts} == self.model.failures(name)
            assert record.first_seen == self.model.known[name].first_seen

    # Within

    def latest(self, track: str) -> ResolvedGroup:
        return self.snapshots[track][-1]

    def snapshot(self, track: str, age: int) -> ResolvedGroup:
        """What a replica has that missed so many changes."""
        return self.snapshots[track][max(0, len(self.snapshots[track]) - 1 - age)]

    def _stamp(self, track: str, of_group: ResolvedGroup, *, sequence: int, version: str, opened: int) -> None:
        moving = group(sequence=sequence, version=version)
        stamp = Stamp(sequence, version, f"salt-{track}-{sequence}", self.now)
        course = Course(opened=tuple(_open(wave, self.now) for wave in of_group.plan.waves[:opened]))
        self.snapshots[track].append(
            replace(
                of_group,
                stamp=stamp,
                course=course,
                wanted=moving.wanted,
                payloads=moving.payloads,
                target_version=version,
            )
        )

    def _go_on(self, track: str, **changes: Any) -> None:
        latest = self.latest(track)
        self.snapshots[track].append(replace(latest, course=replace(latest.course, **changes)))

    def _halted(self, track: str) -> Latch | None:
        """What the operator copies of the store's latch into the status."""
        latest, latch = self.latest(track), self.model.track(track).latch
        if latest.course.halted is not None:
            return latest.course.halted
        if latch != (latest.stamp.sequence, latest.course.epoch):
            return None
        return Latch(*latch, at=self.now, reason=HaltReason.CONSECUTIVE_FAILURES, message="too many")

    def _moved(self, moved: Moved, expected: list[str]) -> None:
        assert [grant.state.value for grant in moved.grants] == expected
        told = {(ledger.track, ledger.latch.sequence, ledger.latch.epoch) for ledger in moved.halted if ledger.latch}
        assert told <= self._latches()

    def _assert_halted(self, moved: Moved, before: set[tuple[str, int, int]]) -> None:
        told = {(ledger.track, ledger.latch.sequence, ledger.latch.epoch) for ledger in moved.halted if ledger.latch}
        assert told == self._latches() - before

    def _latches(self) -> set[tuple[str, int, int]]:
        return {(name, *track.latch) for name, track in self.model.tracks.items() if track.latch is not None}

    def _assert_limits(self, grant: Grant, of_group: ResolvedGroup) -> None:
        """The limits that it was given under hold in the interval that ends with it; later ones are asked about with later grants."""
        limits = of_group.limits
        since = grant.granted_at - timedelta(seconds=limits.period_seconds)
        recent = [each for each, _ in self.given if each.track == grant.track and each.granted_at > since]
        assert limits.max_updates is None or len(recent) <= limits.max_updates
        live = [each for each in self.run(self.store.live_grants()) if each.track == grant.track]
        assert limits.max_in_flight is None or len(live) <= limits.max_in_flight
        assert not of_group.paused


def _open(wave: Wave, at: datetime) -> Opened:
    return Opened(wave.name, at, ppm=wave.ppm, instances=wave.instances)


def _told(grant: Any) -> tuple[Any, ...]:
    """What the model knows of a grant as well."""
    name = grant.instance_id if isinstance(grant, Grant) else grant.name
    at = grant.granted_at if isinstance(grant, Grant) else grant.at
    state = str(getattr(grant.state, "value", grant.state))
    assert state in LIVE
    wave = grant.wave, grant.epoch, grant.established
    return (grant.track, grant.number, name, grant.sequence, grant.version, *wave, at, grant.deadline, state)
