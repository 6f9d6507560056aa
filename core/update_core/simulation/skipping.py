"""Only the checks that can be answered with an update: whoever the group refuses anyway isn't asked before that can change.

An instance is out (no wave lets it in, it backs off, it can't be brought to the version) or waits. Those that wait are held together while
the group refuses them all: until a moment, or until something happens. Only the first of them that checks after that is asked. What
is offered or refused, the store's own transaction decides: what is held back here for too short a time is refused there.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum

from update_core.rollout import admission, decide, waves
from update_core.rollout.model import Decision, Fleet, Reason, Refusal
from update_core.simulation.admitting import Admitting
from update_core.simulation.waiting import Waiting
from update_core.simulation.world import Step, World

NEVER = 2**62

_FOR_GOOD = frozenset(
    {
        Reason.VERSION_UNPARSABLE,
        Reason.NO_PATH,
        Reason.DEAD_END,
        Reason.PACKAGE_UNAVAILABLE,
        Reason.WITHDRAWN,
        Reason.VERSION_BLOCKED,
        Reason.EXCLUDED,
    }
)
"""Refusals of a machine at a version that stay: nothing that they follow from changes in a simulation."""


class Place(IntEnum):
    """Where an instance is."""

    AWAY = 0
    """It doesn't check: it isn't there, or is being updated."""
    OUT = 1
    """No wave lets it in."""
    BACK_LATER = 2
    """At a known time."""
    WAITS = 3
    NEVER = 4
    """It can't be brought to the version."""
    DONE = 5


class Skipping:
    """A crowd of which only those ask whose answer matters."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._admitting = Admitting(world)
        size = world.population.size
        self._places = bytearray(size)
        # Newcomers have limits of their own where a rollout is judged by its outcomes: what refuses them may let others through.
        self._waiting = [Waiting(world.polls, size), Waiting(world.polls, size - world.population.established)]
        self._classes = (0, 1) if size > world.population.established else (0,)
        self._held_until = [0, 0]
        self._full = [False, False]
        self._candidates: list[tuple[int, int] | None] = [None, None]
        self._refused_for_good: dict[tuple[int, str], Reason | None] = {}
        self._filled: frozenset[str] = frozenset()
        self._opened: tuple[str, ...] = ()
        self._exhausted: set[int] = set()
        """Those of Place.NEVER that failed too often: windows, freezes and halts come before that as a reason."""

    def next(self, now: int) -> tuple[int, int] | None:
        """See Crowd.next."""
        first: tuple[int, int] | None = None
        for which in self._classes:
            if self._full[which] or not self._waiting[which].count or self._held_until[which] >= NEVER:
                continue
            candidate = self._candidates[which]
            if candidate is None or candidate[0] < now:
                candidate = self._waiting[which].first(max(now, self._held_until[which]))
                self._candidates[which] = candidate
            if candidate is not None and (first is None or candidate < first):
                first = candidate
        return first

    def begin(self) -> None:
        """See Crowd.begin."""
        world = self._world
        everybody = range(world.population.established)
        reasons = {
            machine: self._for_good(machine, world.assumptions.from_version)
            for machine in set(world.population.machines)
        }
        if any(reasons.values()) or world.group.course.linear is not None:
            for instance in everybody:
                self.idle(instance, 0)
            return
        self._places[: len(everybody)] = bytes([Place.OUT]) * len(everybody)
        self._let_in()

    def idle(self, instance: int, now: int) -> None:
        """See Crowd.idle."""
        world = self._world
        version = world.version(instance)
        reason = self._for_good(world.population.machines[instance], version)
        if reason is Reason.UP_TO_DATE:
            self._places[instance] = Place.DONE
        elif reason is not None:
            self._never(instance, now)
        else:
            self._after_failures(instance, now)

    def answered(self, instance: int, now: int, decision: Decision) -> None:
        """See Crowd.answered."""
        which = self._class(instance)
        if self._places[instance] == Place.NEVER:
            return
        if not isinstance(decision, Refusal):
            self._put(instance, Place.AWAY)
            self._note_limits()
            return
        until = decision.until
        match decision.reason:
            case Reason.RATE_LIMITED if until is not None:
                self._hold(which, self._world.since_start(until))
            case Reason.TOO_MANY_IN_FLIGHT:
                self._full[which] = True
            case Reason.FROZEN | Reason.OUTSIDE_WINDOW:
                clear = self._world.group.schedule.clear_at(self._world.instant(now))
                self._hold(which, NEVER if clear is None else self._world.since_start(clear))
            case Reason.NOT_IN_COHORT | Reason.AWAITING_APPROVAL:
                self._out(instance, now + 1)
            case Reason.ATTEMPTS_EXHAUSTED | Reason.BACKING_OFF:
                self._after_failures(instance, now + 1)
            case _:
                # Paused, halted, or a group that goes first: over when the group changes.
                self._hold(which, NEVER)

    def gone(self, instance: int) -> None:
        """See Crowd.gone."""
        self._exhausted.discard(instance)
        self._put(instance, Place.AWAY)

    def room(self) -> None:
        """See Crowd.room."""
        self._full = [False, False]

    def changed(self, now: int) -> None:
        """See Crowd.changed: waves may have opened, and whoever never gets anything may be told another reason."""
        self._held_until = [0, 0]
        self._candidates = [None, None]
        self._full = [False, False]
        course = self._world.group.course
        if course.linear is not None:
            for instance in self._all(Place.OUT):
                self._out(instance, now)
        opened = tuple(wave.name for wave in course.opened or ())
        if opened != self._opened:
            self._opened = opened
            self._let_in()
        for instance in sorted(self._exhausted):
            self._check(instance, now)

    def ready(self, instance: int, now: int) -> None:
        """See Crowd.ready."""
        if self._places[instance] == Place.BACK_LATER:
            self._after_failures(instance, now, timed=False)

    def _after_failures(self, instance: int, now: int, *, timed: bool = True) -> None:
        """It waits, unless it has failed before and has to wait for longer, or for ever."""
        world = self._world
        known = world.known[instance]
        for attempts in known.attempts if known is not None else ():
            counted = admission.failures(world.group, Fleet(attempts=(attempts,)), attempts.version)
            if counted is None:
                continue
            if counted.failures >= world.group.plan.retry.max_attempts:
                self._exhausted.add(instance)
                self._never(instance, now)
                return
            until = world.since_start(admission.backs_off_until(world.group, counted))
            if until > now:
                self._back(instance, until)
                return
        if world.group.course.linear is not None and timed:
            self._out(instance, now)
        else:
            self._put(
                instance, Place.WAITS if world.group.course.linear or self._admitting.admits(instance) else Place.OUT
            )

    def _out(self, instance: int, now: int) -> None:
        """No wave lets it in; where the share grows, it is known when it will."""
        world = self._world
        linear, course = world.group.course.linear, world.group.course
        if linear is None or course.stopped_since is not None:
            self._put(instance, Place.OUT)
            return
        stopped = course.stopped(world.stamp.started_at)
        reached = waves.reached_at(
            linear, world.stamp.started_at, stopped, world.stamp.salt, world.population.ids[instance]
        )
        self._back(instance, max(now, world.since_start(reached)))

    def _back(self, instance: int, at: int) -> None:
        self._put(instance, Place.BACK_LATER)
        self._world.later(at, Step.READY, instance)

    def _never(self, instance: int, now: int) -> None:
        """It gets nothing any more; but what it is refused for counts, so its next check is made."""
        self._put(instance, Place.NEVER)
        self._check(instance, now)

    def _check(self, instance: int, now: int) -> None:
        world = self._world
        world.later(world.polls.next(world.population.places[instance], now), Step.CHECKS, instance)

    def _put(self, instance: int, place: Place) -> None:
        before, self._places[instance] = self._places[instance], place
        if (before == Place.WAITS) is (place is Place.WAITS):
            return
        which, at = self._class(instance), self._world.population.places[instance]
        waiting, candidate = self._waiting[which], self._candidates[which]
        if place is Place.WAITS:
            waiting.add(instance, at)
            self._candidates[which] = None
        else:
            waiting.remove(instance, at)
            if candidate is not None and candidate[1] == instance:
                self._candidates[which] = None

    def _all(self, place: Place) -> Iterator[int]:
        """The instances of a place, in their order; each may be put elsewhere meanwhile."""
        found = self._places.find(place)
        while found >= 0:
            yield found
            found = self._places.find(place, found + 1)

    def _let_in(self) -> None:
        """Whoever is in the waves that are open now waits."""
        share, needed = self._admitting.share(), self._world.population.needed
        others = not self._admitting.by_shares_alone()
        for instance in self._all(Place.OUT):
            if needed[instance] <= share or (others and self._admitting.admits(instance)):
                self._put(instance, Place.WAITS)

    def _hold(self, which: int, until: int) -> None:
        candidate = self._candidates[which]
        if candidate is not None and (candidate[0] < until or until < self._held_until[which]):
            self._candidates[which] = None
        self._held_until[which] = until

    def _note_limits(self) -> None:
        """After a grant: what the group's row says of the next one."""
        row, limits = self._world.row, self._world.group.limits
        slot: datetime | None = row.rate_slot(limits)
        if slot is not None:
            until = self._world.since_start(slot)
            self._hold(0, until)
            self._hold(1, max(self._held_until[1], until))
        if limits.max_in_flight is not None and row.in_flight >= limits.max_in_flight:
            self._full = [True, True]
        filled = self._admitting.full()
        if filled != self._filled:
            self._filled = filled
            for waiting in self._waiting:
                for instance in waiting.instances():
                    if not self._admitting.admits(instance):
                        self._put(instance, Place.OUT)

    def _class(self, instance: int) -> int:
        return 0 if instance < self._world.population.established else 1

    def _for_good(self, machine: int, version: str) -> Reason | None:
        """UpToDate, or why a machine at a version gets nothing, whatever happens; None for who may get something."""
        key = (machine, version)
        if key not in self._refused_for_good:
            world = self._world
            decision = decide.decide(world.group, world.asked(machine, version), Fleet(), world.assumptions.started_at)
            reason = decision.reason if isinstance(decision, Refusal) else None
            stays = reason is Reason.UP_TO_DATE or reason in _FOR_GOOD
            self._refused_for_good[key] = reason if stays else None
        return self._refused_for_good[key]
