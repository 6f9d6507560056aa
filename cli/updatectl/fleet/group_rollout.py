"""How does a group's rollout go on, beside its waves? What halts it and has halted it, who goes first, the share that grows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from update_core import courses, plans
from update_core.resources.group import GroupSpec
from update_core.resources.rollout_status import Rollout
from update_core.rollout import waves
from update_core.rollout.plan import Course, HaltOn, Plan
from updatectl import dependencies, output
from updatectl.fleet import moments
from updatectl.fleet.group_picture import Picture

Object = dict[str, Any]

_PERCENT_PPM = 10_000


@dataclass(frozen=True)
class Read:
    """What spec plans and status has of a rollout, as the rules read them."""

    plan: Plan
    course: Course
    version: str
    started_at: datetime
    back: bool
    """Whether it moves instances back."""


def read(picture: Picture) -> Read | None:
    """The group's rollout; None where it has none, or none that can be read."""
    if picture.group is None or not picture.rollout:
        return None
    try:
        spec = GroupSpec.model_validate(picture.group["spec"])
        rollout = Rollout.model_validate(picture.rollout)
    except ValueError:
        return None
    back = rollout.kind == "Rollback"
    return Read(plans.read(spec), courses.read(rollout), rollout.version, rollout.started_time, back)


def rows(picture: Picture, found: Read | None, now: datetime) -> Iterator[tuple[str, str]]:
    """The rows of the screen, name and value; none where there is nothing to say."""
    policy = (picture.group or {}).get("spec", {}).get("rollout") or {}
    first = policy.get("dependsOn") or ()
    if first:
        yield "Goes after", f"{'; '.join(dependencies.text(each) for each in first)}{_far_enough(found, now)}"
    if found is None:
        return
    if found.course.linear is not None:
        yield "Lets in", _grows(found, found.course.linear, now)
    if found.plan.halt_on is not None:
        yield "Halts at", _bounds(found.plan.halt_on, back=found.plan.roll_back)
    yield from _halts(picture, policy, now)
    if found.course.epoch:
        times = "once" if found.course.epoch == 1 else f"{found.course.epoch} times"
        yield "Resumed", f"{times}; outcomes count since then"


def _far_enough(found: Read | None, now: datetime) -> str:
    if found is None:
        return ""
    if found.course.dependencies_met_at is not None:
        return ": far enough"
    soaking = [f"{group} far enough since {moments.both(since, now)}" for group, since in found.course.soaking]
    return f": {'; '.join(soaking)}" if soaking else ": not far enough yet"


def _grows(found: Read, linear: waves.Linear, now: datetime) -> str:
    stopped = found.course.stopped(now)
    share = waves.ppm_at(linear, found.started_at, stopped, now) / _PERCENT_PPM
    if found.course.stopped_since is not None:
        return f"{share:.4g} %, and stands still"
    ends = found.started_at + stopped + timedelta(seconds=linear.duration_seconds)
    return "everybody" if ends <= now else f"{share:.4g} % by now, everybody from {moments.both(ends, now)} on"


def _bounds(halt_on: HaltOn, *, back: bool) -> str:
    parts = []
    if halt_on.failure_percent is not None:
        parts.append(f"{halt_on.failure_percent} % failures, from {halt_on.min_samples} outcomes on")
    if halt_on.consecutive_failures is not None:
        parts.append(f"{halt_on.consecutive_failures} failures in a row")
    return ", or ".join(parts) + ("; instances are moved back then" if back else "")


def _halts(picture: Picture, policy: Object, now: datetime) -> Iterator[tuple[str, str]]:
    halted = picture.rollout.get("halted")
    if halted:
        since = moments.parse(halted.get("time"))
        when = f" {moments.both(since, now)}" if since is not None else ""
        wave = f", in wave {halted['wave']}" if halted.get("wave") else ""
        yield "Halted", f"by its failures{when}{wave}: {output.printable(halted.get('message', ''))}"
        errors = ", ".join(f"error {each['code']} of {each['count']}" for each in halted.get("errors") or ())
        if errors:
            yield "", f"reported most: {errors}"
    if picture.halted_by_hand:
        yield "" if halted else "Halted", f"by spec.rollout.halt: {output.printable(policy['halt'].get('reason', ''))}"
