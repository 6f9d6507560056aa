"""How does the Group's rollout go on, and is it complete? What `rollout.advance` decides, put into the stamp and told as Events."""

from dataclasses import replace
from datetime import datetime

from update_core import courses, versions
from update_core.resources.conditions import Reason
from update_core.resources.rollout_status import Rollout
from update_core.rollout import advance, plan
from update_core.rollout.advance import Advanced, Facts, Happened, Happening, Wait
from update_core.rollout.plan import Course
from update_operator.reconcile import growth, history, room, stamps, whole_seconds
from update_operator.reconcile.grounds import Grounds
from update_operator.reconcile.outcome import Contact, Notice, Severity
from update_operator.reconcile.stamps import Stamps

_ACTIONS = {
    Happening.DEPENDENCIES_MET: "MeetDependencies",
    Happening.WAVE_OPENED: "OpenWave",
    Happening.WAVE_SETTLED: "SettleWave",
    Happening.WAVE_EMPTY: "OpenWave",
    Happening.HALTED: "HaltRollout",
    Happening.RESUMED: "ResumeRollout",
}


def advanced(grounds: Grounds, present: Stamps) -> Stamps:
    """The stamps after all that can happen now."""
    rollout = present.rollout
    if rollout is None:
        return present
    before, known = _unbroken(courses.read(rollout), grounds), facts(grounds, rollout)
    result = advance.advance(grounds.plan, stamps.of(rollout), before, known, grounds.now)
    written = courses.written(rollout, _in_whole_seconds(room.made(before, result.course)))
    shown, grows_at = growth.shown(written, grounds.now)
    return replace(
        present,
        rollout=shown,
        notices=(*present.notices, *(_told(happened, result.course) for happened in result.happened)),
        wait=result.wait or _still_waiting(grounds, rollout, result, known),
        again_at=min((at for at in (result.again_at, grows_at) if at is not None), default=None),
    )


def _still_waiting(grounds: Grounds, rollout: Rollout, result: Advanced, known: Facts) -> Wait | None:
    """What it waited for when it was counted last, while nothing is concluded from that: people still have to know."""
    counted = grounds.record
    if known.fresh or not grounds.ready or counted is None or counted.sequence != rollout.sequence:
        return None
    if rollout.completed_time is not None or not _counted_by_wave(grounds, rollout):
        return None
    as_known = advance.advance(grounds.plan, stamps.of(rollout), result.course, replace(known, fresh=True), grounds.now)
    return None if as_known.happened or as_known.course != result.course else as_known.wait


def completed(grounds: Grounds, present: Stamps) -> Stamps:
    """The stamps with the rollout latched as complete, where the counts of that very rollout say so."""
    rollout, progress = present.rollout, grounds.fleet.progress
    if rollout is None or rollout.completed_time is not None or progress is None:
        return present
    known = facts(grounds, rollout)
    if not advance.complete(grounds.plan, stamps.of(rollout), courses.read(rollout), known, grounds.now):
        return present
    done = rollout.model_copy(update={"completed_time": whole_seconds.down(grounds.now)})
    note = f"Rollout {rollout.sequence} to {rollout.version} is complete: {known.on_target} of {known.active} active instances."
    return replace(
        present,
        rollout=done,
        history=history.added(present.history, done, "Promoted", grounds),
        notices=(*present.notices, Notice(Severity.NORMAL, Reason.ROLLOUT_COMPLETED, "CompleteRollout", note)),
        wait=None,
    )


def halted_by_a_person(grounds_plan: plan.Plan, rollout: Rollout | None) -> str:
    """Why spec.rollout.halt stops the rollout, empty where it doesn't."""
    request = grounds_plan.halt
    if request is None or rollout is None or not versions.same(request.version, rollout.version):
        return ""
    return request.reason


def facts(grounds: Grounds, rollout: Rollout) -> Facts:
    """What is known of the fleet in this very rollout.

    A latch is always looked at: it names its rollout, and stopping needs no fresh counts.
    """
    progress = grounds.fleet.progress
    by_hand = bool(halted_by_a_person(grounds.plan, rollout))
    stopped = grounds.stopped or by_hand or not grounds.served
    if progress is None:
        return Facts(fresh=False, stopped=stopped, dependencies=grounds.dependencies)
    return Facts(
        fresh=_fresh(grounds, rollout) and not by_hand,
        waves=progress.waves,
        latch=progress.latch,
        active=progress.active,
        on_target=progress.on_target,
        finished=progress.finished,
        in_flight=progress.in_progress_current,
        dependencies=grounds.dependencies,
        stopped=stopped,
    )


def _fresh(grounds: Grounds, rollout: Rollout) -> bool:
    counted = grounds.record
    return (
        grounds.ready
        and grounds.fleet.contact is Contact.ANSWERING
        and grounds.fleet.progress is not None
        and grounds.fleet.progress.settled
        and rollout.completed_time is None
        and counted is not None
        and (counted.sequence, counted.version) == (rollout.sequence, rollout.version)
        and _counted_by_wave(grounds, rollout)
    )


def _counted_by_wave(grounds: Grounds, rollout: Rollout) -> bool:
    """Whether the counts know every wave that may open.

    One that was just written isn't counted yet. Taken for one with nobody in it, it would open, and the next with it.
    """
    if rollout.open is None or rollout.linear is not None or grounds.fleet.progress is None:
        return True
    known = {wave.name for wave in rollout.open} | grounds.fleet.progress.waves.keys()
    return all(wave.name in known for wave in grounds.plan.waves)


def _unbroken(course: Course, grounds: Grounds) -> Course:
    """Who isn't far enough any more begins to soak anew, also while nothing else can be said."""
    found = grounds.dependencies
    kept = tuple((group, since) for group, since in course.soaking if group in found and found[group].far_enough)
    return course if kept == course.soaking else replace(course, soaking=kept)


def _in_whole_seconds(course: Course) -> Course:
    """Rounded so that no bake and no soak becomes shorter."""
    return replace(
        course,
        opened=None
        if course.opened is None
        else tuple(
            replace(wave, opened_at=whole_seconds.up(wave.opened_at), settled_at=_up(wave.settled_at))
            for wave in course.opened
        ),
        halted=None if course.halted is None else replace(course.halted, at=whole_seconds.down(course.halted.at)),
        stopped_since=None if course.stopped_since is None else whole_seconds.down(course.stopped_since),
        dependencies_met_at=_up(course.dependencies_met_at),
        soaking=tuple((group, whole_seconds.up(since)) for group, since in course.soaking),
    )


def _up(moment: datetime | None) -> datetime | None:
    return None if moment is None else whole_seconds.up(moment)


def _told(happened: Happened, course: Course) -> Notice:
    text, bad = happened.text, happened.what is Happening.HALTED
    if bad and course.halted is not None and course.halted.errors:
        text = f"{text} {errors_text(course.halted.errors)}"
    return Notice(
        Severity.WARNING if bad else Severity.NORMAL, Reason(happened.what.value), _ACTIONS[happened.what], text
    )


def errors_text(errors: tuple[tuple[int, int], ...]) -> str:
    """The errors that were reported most, in a sentence."""
    named = ", ".join(f"{code} by {count}" for code, count in errors)
    return f"Reported most: error {named}."
