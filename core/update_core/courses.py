"""How far is a rollout? Group.status.rollout ⇄ a Course."""

from update_core import plans
from update_core.resources import rollout_policy as spec
from update_core.resources import rollout_status as wire
from update_core.rollout.plan import Course, HaltReason, Latch
from update_core.rollout.waves import Linear, Match, Opened


def read(rollout: wire.Rollout) -> Course:
    """The course of a stamped rollout."""
    linear = rollout.linear
    return Course(
        opened=None if rollout.open is None else tuple(_opened(wave) for wave in rollout.open),
        linear=None if linear is None else Linear(linear.start_threshold, linear.duration_seconds),
        epoch=rollout.epoch,
        halted=_latch(rollout),
        stopped_seconds=rollout.stopped_seconds,
        stopped_since=rollout.stopped_since,
        dependencies_met_at=rollout.dependencies_met_time,
        soaking=tuple((each.group, each.since) for each in rollout.soaking),
    )


def written(rollout: wire.Rollout, course: Course) -> wire.Rollout:
    """The stamp with a course in it."""
    return rollout.model_copy(
        update={
            "open": None if course.opened is None else [_open_wave(opened) for opened in course.opened],
            "linear": _linear(rollout.linear, course.linear),
            "epoch": course.epoch,
            "halted": None if course.halted is None else halted(course.halted),
            "stopped_seconds": course.stopped_seconds,
            "stopped_since": course.stopped_since,
            "dependencies_met_time": course.dependencies_met_at,
            "soaking": [wire.SoakingDependency(group=group, since=since) for group, since in course.soaking],
        }
    )


def halted(latch: Latch) -> wire.Halted:
    """Why a rollout was halted, for its status."""
    return wire.Halted(
        time=latch.at,
        reason=latch.reason.value,
        message=latch.message,
        wave=latch.wave,
        errors=[wire.ErrorCount(code=code, count=count) for code, count in latch.errors],
    )


def _latch(rollout: wire.Rollout) -> Latch | None:
    found = rollout.halted
    if found is None:
        return None
    return Latch(
        sequence=rollout.sequence,
        epoch=rollout.epoch,
        at=found.time,
        reason=HaltReason(found.reason),
        message=found.message,
        wave=found.wave,
        errors=tuple((each.code, each.count) for each in found.errors),
    )


def _opened(wave: wire.OpenWave) -> Opened:
    return Opened(
        name=wave.name,
        opened_at=wave.opened_time,
        ppm=wave.threshold,
        instances=wave.cap,
        match=plans.match(wave.match),
        expected=wave.expected,
        settled_at=wave.settled_time,
        settled_after_stopped_seconds=wave.settled_after_stopped_seconds,
    )


def _open_wave(opened: Opened) -> wire.OpenWave:
    return wire.OpenWave(
        name=opened.name,
        threshold=opened.ppm,
        cap=opened.instances,
        match=_requirements(opened.match),
        opened_time=opened.opened_at,
        expected=opened.expected,
        settled_time=opened.settled_at,
        settled_after_stopped_seconds=opened.settled_after_stopped_seconds,
    )


def _requirements(match: Match) -> list[spec.Requirement]:
    return [
        spec.Requirement.model_validate(
            {
                "attribute": needed.attribute,
                "operator": "NotIn" if needed.negated else "In",
                "values": sorted(needed.values),
            }
        )
        for needed in match
    ]


def _linear(before: wire.LinearState | None, linear: Linear | None) -> wire.LinearState | None:
    if linear is None:
        return None
    return wire.LinearState(
        start_threshold=linear.start_ppm,
        duration_seconds=linear.duration_seconds,
        percent=before.percent if before is not None else None,
    )
