"""How does a rollout go on by itself? From the plan, the course so far and what the fleet counted: the course after it, and what happened.

Decided once, by the operator (and by a simulation, which calls the same), and stamped: no replica opens a wave. Nothing here starts because
time passes alone, unless what the fleet store says is fresh: `Facts.fresh` is False while it is away or has been back for too short a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from update_core.rollout import admission, waves
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Stamp
from update_core.rollout.plan import Course, Latch, Plan
from update_core.rollout.waves import Opened, Wave


@dataclass(frozen=True, slots=True)
class WaveCounts:
    """Established instances of one wave, planned or open."""

    granted: int = 0
    """Distinct instances that were granted through it."""
    succeeded: int = 0
    """Since the rollout began: who is there isn't granted again after a resume, and would be missed when the wave settles."""
    failed: int = 0
    """By their latest outcome since the last resume."""
    waiting: int = 0
    """Active instances below the target that match it and can be moved, whatever its share."""
    ahead: int | None = None
    """Of those, how many it would let in that no open wave does; None but for the next wave, and until they have been counted."""


NOBODY = WaveCounts()


@dataclass(frozen=True, slots=True)
class DependencyFacts:
    """How a group of dependsOn stands."""

    far_enough: bool
    text: str = ""
    """Why it isn't, or doesn't count: missing, halted, without instances, so many percent. Empty where it is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the fleet in one rollout. Counts of an earlier rollout are no facts of this one."""

    fresh: bool = True
    waves: Mapping[str, WaveCounts] = field(default_factory=lambda: MappingProxyType({}))
    latch: Latch | None = None
    active: int = 0
    on_target: int = 0
    finished: int = 0
    """Active instances that aren't on the target and can't be brought there: exhausted, dead ends, excluded."""
    in_flight: int = 0
    """Live grants of this rollout."""
    dependencies: Mapping[str, DependencyFacts] = field(default_factory=lambda: MappingProxyType({}))
    stopped: bool = False
    """Whether the group is paused or frozen, or halted by a person."""


class Happening(StrEnum):
    """A transition of a rollout; each is an Event. `advance` tells of those from DEPENDENCIES_MET on."""

    STARTED = "RolloutStarted"
    COMPLETED = "RolloutCompleted"
    SUPERSEDED = "RolloutSuperseded"
    ROLLED_BACK = "RolloutRolledBack"
    DEPENDENCIES_MET = "DependenciesMet"
    WAVE_OPENED = "WaveOpened"
    WAVE_SETTLED = "WaveSettled"
    WAVE_EMPTY = "WaveEmpty"
    HALTED = "RolloutHalted"
    RESUMED = "RolloutResumed"


@dataclass(frozen=True, slots=True)
class Happened:
    """One transition, in a sentence for people."""

    what: Happening
    text: str


class Waiting(StrEnum):
    """What a rollout waits for that lets nobody new in meanwhile."""

    DEPENDENCY = "DependencyNotMet"
    APPROVAL = "AwaitingApproval"
    BAKING = "Baking"
    SETTLING = "Settling"
    HALTED = "Halted"


@dataclass(frozen=True, slots=True)
class Wait:
    """What the rollout waits for, in a sentence; `until` is when that ends by itself."""

    what: Waiting
    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """The course as it is from now on, what happened, and what it waits for. `again_at`: when time alone changes something."""

    course: Course
    happened: tuple[Happened, ...] = ()
    wait: Wait | None = None
    again_at: datetime | None = None


def begin(plan: Plan, *, all_open: bool, now: datetime) -> Course:
    """The course of a rollout that begins; a rollback lets everybody in at once."""
    if all_open:
        return Course(opened=(Opened(waves.EVERYBODY, now, ppm=PPM_OF_ALL),), dependencies_met_at=now)
    met = None if plan.depends_on else now
    if plan.linear is not None:
        return Course(linear=plan.linear, dependencies_met_at=met)
    only = plan.waves[0]
    if len(plan.waves) == 1 and not (plan.depends_on or only.approval_required or plan.problem):
        # Nothing is waited for, so nothing has to be counted first.
        return Course(opened=(Opened(only.name, now, ppm=only.ppm),), dependencies_met_at=met)
    return Course(opened=(), dependencies_met_at=met)


def advance(plan: Plan, stamp: Stamp, course: Course, facts: Facts, now: datetime) -> Advanced:
    """The course after all that can happen at `now`."""
    happened: list[Happened] = []
    course = _resumed(plan, stamp, course, happened)
    course = _halted(stamp, course, facts, happened)
    course = _stopped(course, stopped=facts.stopped or course.halted is not None, now=now)
    if course.halted is not None:
        return Advanced(course, tuple(happened), Wait(Waiting.HALTED, course.halted.message))
    if plan.problem or not facts.fresh:
        return Advanced(course, tuple(happened))
    course, wait = _dependencies(plan, course, facts, now, happened)
    if course.dependencies_met_at is None or course.opened is None or course.linear is not None:
        return Advanced(course, tuple(happened), wait, wait.until if wait is not None else None)
    while True:
        course, wait, opened = _next(plan, stamp, course, facts, now, happened)
        if not opened:
            return Advanced(course, tuple(happened), wait, wait.until if wait is not None else None)


def all_open(plan: Plan, stamp: Stamp, course: Course, now: datetime) -> bool:
    """Whether everybody may move: all waves are open, or the growing share has reached all."""
    if course.linear is not None:
        return waves.ppm_at(course.linear, stamp.started_at, course.stopped(now), now) >= PPM_OF_ALL
    if course.opened is None:
        return True
    names = tuple(opened.name for opened in course.opened)
    return stamp.kind == "Rollback" or (bool(names) and admission.following(plan.waves, names) is None)


def complete(plan: Plan, stamp: Stamp, course: Course, facts: Facts, now: datetime) -> bool:
    """Whether the rollout is done: nobody is on the way, and enough of the active instances are there or can't get there."""
    if not facts.fresh or facts.in_flight or course.halted is not None or not all_open(plan, stamp, course, now):
        return False
    done = facts.on_target + facts.finished
    return facts.on_target > 0 and done * 100 >= plan.complete_percent * facts.active


def _resumed(plan: Plan, stamp: Stamp, course: Course, happened: list[Happened]) -> Course:
    resume = plan.resume
    if resume is None or resume.sequence != stamp.sequence or resume.epoch <= course.epoch:
        return course
    happened.append(
        Happened(
            Happening.RESUMED, f"Rollout {stamp.sequence} to {stamp.version} goes on; its failures are counted anew."
        )
    )
    return replace(course, epoch=resume.epoch, halted=None)


def _halted(stamp: Stamp, course: Course, facts: Facts, happened: list[Happened]) -> Course:
    latch = facts.latch
    if latch is None or course.halted is not None or (latch.sequence, latch.epoch) != (stamp.sequence, course.epoch):
        return course
    happened.append(
        Happened(Happening.HALTED, f"Rollout {stamp.sequence} to {stamp.version} is halted: {latch.message}")
    )
    return replace(course, halted=latch)


def _stopped(course: Course, *, stopped: bool, now: datetime) -> Course:
    if stopped:
        return course if course.stopped_since is not None else replace(course, stopped_since=now)
    if course.stopped_since is None:
        return course
    # Whole seconds, rounded up: a bake is never cut short.
    seconds = -((course.stopped_since - now) // timedelta(seconds=1))
    return replace(course, stopped_seconds=course.stopped_seconds + max(seconds, 0), stopped_since=None)


def _dependencies(
    plan: Plan, course: Course, facts: Facts, now: datetime, happened: list[Happened]
) -> tuple[Course, Wait | None]:
    if course.dependencies_met_at is not None:
        return course, None
    before, soaking, missing = dict(course.soaking), [], []
    ready_at = now
    for dependency in plan.depends_on:
        found = facts.dependencies.get(dependency.group, DependencyFacts(far_enough=False, text="it isn't known yet"))
        if not found.far_enough:
            missing.append(f'Group "{dependency.group}": {found.text}')
            continue
        since = before.get(dependency.group, now)
        soaking.append((dependency.group, since))
        ready_at = max(ready_at, since + timedelta(seconds=dependency.soak_seconds))
    course = replace(course, soaking=tuple(soaking))
    if missing:
        return course, Wait(Waiting.DEPENDENCY, f"Groups that go first aren't far enough. {'; '.join(missing)}.")
    if ready_at > now:
        text = "Groups that go first are far enough, and have to stay so for a while."
        return course, Wait(Waiting.DEPENDENCY, text, ready_at)
    if plan.depends_on:
        happened.append(Happened(Happening.DEPENDENCIES_MET, "The groups that go first are far enough."))
    return replace(course, dependencies_met_at=now, soaking=()), None


def _next(
    plan: Plan, stamp: Stamp, course: Course, facts: Facts, now: datetime, happened: list[Happened]
) -> tuple[Course, Wait | None, bool]:
    """Settle the wave that was opened last, and open the next if it is ready; the third says whether one was opened."""
    opened = course.opened or ()
    wave = admission.following(plan.waves, tuple(each.name for each in opened))
    if wave is None:
        return course, None, False
    if plan.linear is not None:
        # The plan's only wave is everybody's then: it would open what the share is to let in little by little.
        text = "It began in waves, and spec.rollout.linear holds from the next rollout on: put the waves back to have this one go on."
        return course, Wait(Waiting.SETTLING, text), False
    if opened:
        course, wait = _settle(plan, course, facts, now, happened)
        skips = admission.skips_bake(plan, stamp.version, wave)
        if wait is not None and not (skips and not facts.stopped):
            return course, wait, False
    if wave.approval_required and not admission.plan_approves(plan, stamp.version, wave):
        return course, Wait(Waiting.APPROVAL, f"Wave {wave.name} waits for somebody to approve it."), False
    if course.stopped_since is not None:
        # A wave without a bake would open in the middle of a pause, and those of whom nobody is expected all at once.
        return course, None, False
    expected = _expected(plan, wave, course, facts)
    if expected is None:
        # They are counted when they have to be, which takes a moment.
        return course, None, False
    return _open(plan, course, wave, expected, now, happened), None, True


def _settle(
    plan: Plan, course: Course, facts: Facts, now: datetime, happened: list[Happened]
) -> tuple[Course, Wait | None]:
    opened = course.opened or ()
    last = opened[-1]
    place = plan.index(last.name)
    # A wave that the plan no longer has needs nothing more: only what it says now can ask for a bake.
    planned = plan.waves[place] if place is not None else Wave(last.name, settle_percent=0)
    counts = facts.waves.get(last.name, NOBODY)
    if last.settled_at is None:
        outcomes = counts.succeeded + counts.failed
        if outcomes * 100 < planned.settle_percent * last.expected:
            text = (
                f"Wave {last.name} is under way: {outcomes} of {last.expected} instances have succeeded or failed, "
                f"{planned.settle_percent} percent settle it."
            )
            return course, Wait(Waiting.SETTLING, text)
        if last.expected:
            text = f"Wave {last.name} has settled: {counts.succeeded} instances succeeded, {counts.failed} failed."
            happened.append(Happened(Happening.WAVE_SETTLED, text))
        # Rounded down, as what comes after it is rounded up: a bake is never cut short.
        stopped = course.stopped(now) // timedelta(seconds=1)
        # Nobody was expected: it has baked since it was opened.
        since = now if last.expected else last.opened_at
        last = replace(
            last,
            settled_at=since,
            settled_after_stopped_seconds=stopped if last.expected else last.settled_after_stopped_seconds,
        )
        course = replace(course, opened=(*opened[:-1], last))
    ends = baked_at(planned, last, course, now)
    if now >= ends:
        return course, None
    until = None if course.stopped_since is not None else ends
    return course, Wait(
        Waiting.BAKING, f"Wave {last.name} has settled and is watched for {planned.bake_seconds} seconds.", until
    )


def baked_at(planned: Wave, last: Opened, course: Course, now: datetime) -> datetime:
    """When an open wave that has settled has been watched for long enough, if the rollout doesn't stand still any more."""
    settled_at = last.settled_at or now
    stood_still = course.stopped(now) - timedelta(seconds=last.settled_after_stopped_seconds)
    return settled_at + timedelta(seconds=planned.bake_seconds) + max(stood_still, timedelta(0))


def _open(plan: Plan, course: Course, wave: Wave, expected: int, now: datetime, happened: list[Happened]) -> Course:
    opened = Opened(
        wave.name,
        now,
        ppm=wave.ppm,
        instances=wave.instances,
        match=wave.match,
        expected=expected,
        settled_after_stopped_seconds=course.stopped(now) // timedelta(seconds=1),
    )
    happened.append(Happened(Happening.WAVE_OPENED, f"Wave {wave.name} is open: {_share(wave)}, {expected} expected."))
    if not expected and len(plan.waves) > 1:
        text = f"Wave {wave.name} has nobody to move among the active instances that are known; its bake has begun."
        happened.append(Happened(Happening.WAVE_EMPTY, text))
    return replace(course, opened=(*(course.opened or ()), opened))


def _expected(plan: Plan, wave: Wave, course: Course, facts: Facts) -> int | None:
    """How many the wave is to move: of those who wait now, whoever no open wave lets in. None where they have yet to be counted."""
    counts = facts.waves.get(wave.name, NOBODY)
    if wave is plan.waves[-1]:
        # None waits for it to settle.
        everybody = any(opened.ppm == PPM_OF_ALL and not opened.match for opened in course.opened or ())
        return 0 if everybody else counts.waiting
    new = counts.ahead if course.opened or wave.instances is None else counts.waiting
    return new if new is None or wave.instances is None else min(wave.instances, new)


def _share(wave: Wave) -> str:
    if wave.ppm is None:
        return f"{wave.instances} instances"
    return f"{wave.ppm / 10_000:g} percent"
