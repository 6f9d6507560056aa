"""The fleet, the store and the clock of a simulation: who asks, what is answered, and what is counted of it.

What becomes of an instance after that is `lives`'; who checks when, and which checks can be left out, the crowd's.
"""

import heapq
from array import array
from collections import Counter
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Protocol

from update_core import versions
from update_core.fleet import census
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import FAILURES, Grant, GrantState
from update_core.fleet.memory import granting, moving, rollouts
from update_core.fleet.memory.moving import Halted
from update_core.fleet.memory.rows import Known, Memory
from update_core.rollout.model import Decision, Instance, Offer, ResolvedGroup, Stamp
from update_core.simulation import waiting
from update_core.simulation.assumptions import MICROSECONDS, Assumptions
from update_core.simulation.board import Board, Kind
from update_core.simulation.journal import Entry, Journal
from update_core.simulation.polls import Polls
from update_core.simulation.population import Population, asked_by

KNOWN_BEFORE = timedelta(days=400)
"""For how long the fleet was known when the rollout began: longer than any minAgeSeconds."""
_MICROSECOND = timedelta(microseconds=1)
_STEP_BITS = 4
_STEPS = (1 << _STEP_BITS) - 1


class Step(IntEnum):
    """What happens at a time, in the order in which it happens where several things do at once. Checks come after all of them."""

    LEAVES = 0
    JOINS = 1
    FAILS = 2
    DOWNLOADS = 3
    INSTALLS = 4
    RETURNS = 5
    SWEEP = 6
    SILENT = 7
    READY = 8
    CHANGES = 9
    """Windows or freezes begin or end."""
    APPROVED = 10
    OPERATOR = 11
    CHECKS = 12
    """An instance checks whose answer is wanted though it gets nothing."""


class Crowd(Protocol):
    """The instances that wait for an update, and who of them checks next."""

    def next(self, now: int) -> tuple[int, int] | None:
        """(when, which instance) asks next, None if nobody will before something else happens."""
        ...

    def begin(self) -> None:
        """Everybody who was there before checks from now on."""
        ...

    def idle(self, instance: int, now: int) -> None:
        """An instance checks from now on: it is on no way to a version."""
        ...

    def answered(self, instance: int, now: int, decision: Decision) -> None:
        """It asked, and wasn't given anything; or was."""
        ...

    def gone(self, instance: int) -> None:
        """It doesn't check any more."""
        ...

    def room(self) -> None:
        """An update is no longer in flight."""
        ...

    def changed(self, now: int) -> None:
        """The group isn't what it was, or its windows and freezes."""
        ...

    def ready(self, instance: int, now: int) -> None:
        """A Step.READY of an instance is due."""
        ...


class World:
    """Everything that both crowds share. Times are microseconds since the rollout began."""

    crowd: Crowd

    def __init__(self, group: ResolvedGroup, stamp: Stamp, assumptions: Assumptions, journal: Journal) -> None:
        self.group = group
        self.stamp = stamp
        self.assumptions = assumptions
        self._started_at = assumptions.started_at
        self._known_since = assumptions.started_at - KNOWN_BEFORE
        self.journal = journal
        self.polls = Polls(assumptions)
        self.population = Population(assumptions, self.polls, stamp.salt)
        self.memory = Memory(assumptions.started_at)
        self.row = rollouts.mirror(self.memory, group, stamp, completed=False, now=assumptions.started_at)
        self.board = Board(tuple(part.attributes for part in assumptions.machines), self.reached)
        self.heap: list[int] = []
        """What lies ahead, each as one number: when, what, and of which instance."""
        self.known: list[Known | None] = [None] * self.population.size
        self.busy = bytearray(self.population.size)
        """Whether an instance is downloading, installing or restarting: it doesn't ask meanwhile."""
        self.active = bytearray(self.population.size)
        self.gone = bytearray(self.population.size)
        self.attempts = array("L", bytes(array("L").itemsize * self.population.size))
        """How often an instance was given an update."""
        self.finished: set[int] = set()
        """Active instances whose last refusal says that they can't be brought to the version."""
        self.dirty = True
        """Whether anything was counted since the operator looked."""
        self.checks = self.granted = self.succeeded = self.failed = 0
        self.until = assumptions.until_seconds * MICROSECONDS
        self._questions: dict[tuple[int, str], Instance] = {}
        self._reached: dict[str, bool] = {}

    def instant(self, at: int) -> datetime:
        """A time as the store takes it."""
        return self._started_at + timedelta(0, 0, at)

    def since_start(self, moment: datetime) -> int:
        """The time of an instant."""
        return (moment - self._started_at) // _MICROSECOND

    def later(self, at: int, step: Step, instance: int = 0) -> None:
        """Something happens then, unless that is after the time looked at."""
        if at <= self.until:
            heapq.heappush(self.heap, (at << _STEP_BITS | step) << waiting.INDEX_BITS | instance)

    def first_at(self) -> int | None:
        """When the first thing happens that lies ahead; None if nothing does."""
        return self.heap[0] >> _STEP_BITS + waiting.INDEX_BITS if self.heap else None

    def pop(self) -> tuple[int, int, int]:
        """(when, what, of which instance) that is."""
        first = heapq.heappop(self.heap)
        rest = first >> waiting.INDEX_BITS
        return rest >> _STEP_BITS, rest & _STEPS, first & waiting.INDEX

    def asked(self, machine: int, version: str) -> Instance:
        """What a part of the fleet asks at a version."""
        key = (machine, version)
        found = self._questions.get(key)
        if found is None:
            found = self._questions[key] = asked_by(self.assumptions.machines[machine], version)
        return found

    def reached(self, version: str) -> bool:
        """Whether a version is the rollout's, or above it."""
        found = self._reached.get(version)
        if found is None:
            current, wanted = versions.parse_or_none(version), versions.parse_or_none(self.stamp.version)
            found = self._reached[version] = current is not None and wanted is not None and current >= wanted
        return found

    def version(self, instance: int) -> str:
        """What an instance runs."""
        known = self.known[instance]
        return self.assumptions.from_version if known is None else known.version

    def kind(self, instance: int) -> Kind:
        """What an instance counts as."""
        established = instance < self.population.established
        return Kind(established, self.population.machines[instance], self.version(instance))

    def begin(self) -> None:
        """Everybody who was there before is active."""
        for instance in range(self.population.established):
            self.active[instance] = 1
        version = self.assumptions.from_version
        for machine, count in Counter(self.population.machines[: self.population.established]).items():
            self.board.come(Kind(established=True, machine=machine, version=version), count)
        self.crowd.begin()

    def hear(self, instance: int, first_seen: datetime | None = None) -> Known:
        """The store's record of an instance; one that was there before is made when it is needed first."""
        known = self.known[instance]
        if known is None:
            since = first_seen or self._known_since
            machine = self.assumptions.machines[self.population.machines[instance]]
            name, group = self.population.ids[instance], self.group
            known = Known(group.app_id, name, since, since, group.track, self.assumptions.from_version)
            known.attributes = machine.attributes
            self.known[instance] = known
            self.memory.instances[group.app_id, name] = known
        return known

    def ask(self, instance: int, now: int) -> Grant | None:
        """An instance checks, and is answered by the store's own transaction; the grant, if it was given one."""
        known, moment = self.hear(instance), self.instant(now)
        question = self.population.question(instance, self.asked(self.population.machines[instance], known.version))
        decision = granting.decided(self.memory, self.group, self.row, question, known, moment)
        self.checks += 1
        known.last_seen = moment
        given: Grant | None = None
        if isinstance(decision, Offer):
            given = self._give(instance, now, known, decision, moment)
        else:
            known.last_refusal = decision.reason.value
        self._count_finished(instance, known)
        self.crowd.answered(instance, now, decision)
        return given

    def weigh(self, instance: int, now: int, evidence: tuple[Evidence, ...]) -> None:
        """An instance reports; what that moves is counted."""
        known, moment = self.hear(instance), self.instant(now)
        known.last_seen = moment
        halted: Halted = []
        for moved in moving.weigh(self.memory, known, evidence, self.group.timeouts, moment, halted):
            self._moved(instance, now, moved)

    def sweep(self, now: int) -> None:
        """What is due times out."""
        for moved in moving.expire(self.memory, self.instant(now), []):
            self._moved(self.population.number(moved.instance_id), now, moved)

    def come(self, instance: int) -> None:
        """An instance is active, if it wasn't."""
        if not self.active[instance]:
            self.active[instance] = 1
            self.board.come(self.kind(instance))
            self.dirty = True

    def becomes(self, instance: int, known: Known, version: str) -> None:
        """An instance runs another version. It counts as what it was until it says what it is."""
        if self.active[instance]:
            self._finish(instance, finished=False)
            self.board.go(self.kind(instance))
        known.version = version
        self.active[instance] = 1
        self.board.come(self.kind(instance))
        self.dirty = True

    def go(self, instance: int) -> None:
        """It isn't, if it was."""
        if self.active[instance]:
            self.active[instance] = 0
            self._finish(instance, finished=False)
            self.board.go(self.kind(instance))
            self.dirty = True

    def _give(self, instance: int, now: int, known: Known, offer: Offer, moment: datetime) -> Grant:
        given, _ = granting.give(self.memory, self.group, self.row, known, offer, moment)
        self.granted += 1
        self.busy[instance] = 1
        self.dirty = True
        hour = self.journal.hour(now)
        hour.granted += 1
        hour.in_flight = self.row.in_flight
        if self.journal.logged:
            self.journal.log.append(Entry(now, instance, given.state.value, given.wave, given.version))
        return given

    def _moved(self, instance: int, now: int, moved: Grant) -> None:
        state = moved.state
        if state.live:
            return
        hour = self.journal.hour(now)
        if state is GrantState.COMPLETE:
            self.succeeded += 1
            hour.succeeded += 1
        elif state in FAILURES:
            self.failed += 1
            hour.failed += 1
        else:
            hour.lapsed += 1
        hour.in_flight, hour.on_target = self.row.in_flight, self.board.on_target
        self.dirty = True
        self.crowd.room()
        if self.journal.logged:
            self.journal.log.append(Entry(now, instance, state.value, moved.wave, moved.version))

    def _count_finished(self, instance: int, known: Known) -> None:
        refused = known.last_refusal in census.OUT_OF_REACH and not self.reached(known.version)
        self._finish(instance, finished=refused and self.active[instance] == 1)

    def _finish(self, instance: int, *, finished: bool) -> None:
        if finished is (instance in self.finished):
            return
        self.board.refuse(self.kind(instance), for_good=finished)
        (self.finished.add if finished else self.finished.discard)(instance)
        self.dirty = True
