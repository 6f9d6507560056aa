"""The operator of a simulation: it lets the rollout go on by `rollout.advance`, as the real one does.

It looks at fixed moments, a reaction apart, and only if there is anything new: what follows from the same facts it has done already.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from update_core import versions
from update_core.fleet.memory import rollouts
from update_core.rollout import advance
from update_core.rollout.advance import Advanced, DependencyFacts, Facts, Waiting
from update_core.rollout.plan import Approval, Course
from update_core.simulation.assumptions import MICROSECONDS
from update_core.simulation.world import Step, World

CountFacts = Callable[[World, datetime], Facts]
"""What is counted of a rollout at an instant, but for what `Operator` adds."""


class Operator:
    """What decides the slow things. `always`: it looks at every moment, whether or not there is anything new."""

    def __init__(self, world: World, count: CountFacts, *, always: bool) -> None:
        self._world = world
        self._count = count
        self._always = always
        self._reaction = world.assumptions.reaction_seconds * MICROSECONDS
        self._looks_at: int | None = None
        self._asked_for: set[str] = set()
        self._wait: Waiting | None = None
        self.complete = False

    def begin(self) -> None:
        """The first look, and the windows and freezes that lie ahead."""
        self._look_at(0)
        self._next_change(0)

    def notice(self, at: int) -> None:
        """Something was counted: look as soon as it does from `at` on, if that can matter to what it waits for."""
        self._world.dirty = False
        if self._matters():
            self._look_at(at)

    def waiting_for(self, now: int) -> str:
        """What the rollout waits for, in words; empty where nothing is left to open."""
        world = self._world
        moment = world.instant(now)
        wait = advance.advance(world.group.plan, world.stamp, world.group.course, self._facts(moment), moment).wait
        return "" if wait is None else wait.text

    def _matters(self) -> bool:
        """Whether counts may let the rollout go on now. While a wave bakes, or waits for somebody, only time or that person does."""
        world = self._world
        match self._wait:
            case Waiting.SETTLING:
                last = (world.group.course.opened or ())[-1]
                place = world.group.plan.index(last.name)
                percent = world.group.plan.waves[place].settle_percent if place is not None else 0
                return 100 * sum(world.row.tallies.get((world.row.epoch, last.name), ())) >= percent * last.expected
            case None:
                # All are open: it is complete, or isn't, when nobody is on the way.
                return not world.row.in_flight
        return False

    def look(self, now: int) -> None:
        """Let the rollout go on."""
        world = self._world
        if self._looks_at != now:
            # Another look was put down before this one, and has been made.
            return
        self._looks_at = None
        moment = world.instant(now)
        facts = self._facts(moment)
        before, plan = world.group.course, world.group.plan
        advanced = advance.advance(plan, world.stamp, before, facts, moment)
        self._wait = None if advanced.wait is None else advanced.wait.what
        self._keep(advanced, before, now)
        self.complete = advance.complete(plan, world.stamp, advanced.course, facts, moment)
        self._again(advanced, now)

    def approved(self, now: int) -> None:
        """Somebody approves what waits for it."""
        world = self._world
        plan, course = world.group.plan, world.group.course
        names = [wave.name for wave in plan.waves if not course.is_open(wave.name)]
        if names:
            approval = Approval(world.stamp.version, names[0])
            world.group = replace(world.group, plan=replace(plan, approval=approval))
            self._world.crowd.changed(now)
            self._look_at(now)

    def schedule_changed(self, now: int) -> None:
        """Windows or freezes began or ended."""
        self._world.crowd.changed(now)
        self._look_at(now)
        self._next_change(now)

    def _facts(self, moment: datetime) -> Facts:
        world = self._world
        group = world.group
        request = group.plan.halt
        stopped = (
            group.paused
            or group.schedule.at(moment).thaws_at is not None
            or (request is not None and versions.same(request.version, world.stamp.version))
        )
        met = {each.group: DependencyFacts(far_enough=True) for each in group.plan.depends_on}
        return replace(self._count(world, moment), latch=world.row.latch, dependencies=met, stopped=stopped)

    def _keep(self, advanced: Advanced, before: Course, now: int) -> None:
        world = self._world
        world.journal.transitions(now, advanced.happened)
        if advanced.course == before:
            return
        world.group = replace(world.group, course=advanced.course)
        rollouts.mirror(world.memory, world.group, world.stamp, completed=False, now=world.instant(now))
        world.crowd.changed(now)
        # Once a wave has settled, those of the next are counted: it may open then.
        self._look_at(now + 1)

    def _again(self, advanced: Advanced, now: int) -> None:
        world, course = self._world, advanced.course
        wait = advanced.wait
        if wait is not None and wait.what is Waiting.APPROVAL and wait.text not in self._asked_for:
            self._asked_for.add(wait.text)
            if world.assumptions.approval_seconds is not None:
                world.later(now + world.assumptions.approval_seconds * MICROSECONDS, Step.APPROVED)
        if advanced.again_at is not None:
            self._look_at(world.since_start(advanced.again_at))
        if course.linear is not None:
            ends = world.stamp.started_at + course.stopped(world.instant(now))
            ends += timedelta(seconds=course.linear.duration_seconds)
            if world.since_start(ends) > now:
                self._look_at(world.since_start(ends))
        if self._always:
            self._look_at(now + 1)

    def _next_change(self, now: int) -> None:
        world = self._world
        schedule = world.group.schedule
        if schedule.problem or schedule.always:
            return
        changes = world.since_start(schedule.at(world.instant(now)).until)
        world.later(changes, Step.CHANGES)

    def _look_at(self, at: int) -> None:
        """Look at the first moment from `at` on that it looks at anything, unless it does so sooner."""
        moment = -(-at // self._reaction) * self._reaction
        if self._looks_at is None or moment < self._looks_at:
            self._looks_at = moment
            self._world.later(moment, Step.OPERATOR)
