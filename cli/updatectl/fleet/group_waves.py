"""How do the waves of a group's rollout stand? Those that are open and those to come, with what was counted of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from update_core.rollout import admission, advance
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Course, Plan
from update_core.rollout.waves import Opened, Wave
from updatectl import output
from updatectl.fleet import moments
from updatectl.fleet.group_picture import Picture
from updatectl.fleet.group_rollout import Read

_HEADER = ("Wave", "Share", "Expected", "Granted", "Succeeded", "Failed", "State")
_COUNTED = ("granted", "succeeded", "failed")
_PERCENT_PPM = PPM_OF_ALL // 100


@dataclass(frozen=True)
class Row:
    """A wave. Counts are those of instances that were known before the rollout began; None before they were counted."""

    name: str
    share: str
    expected: int | None
    counts: tuple[int | None, ...]
    state: str


def lines(picture: Picture, read: Read, now: datetime) -> Iterator[str]:
    """The table; none for a rollout that has nothing but everybody."""
    found = rows(picture, read, now)
    if len(found) < 2:
        return
    cells = [_HEADER]
    for row in found:
        counts = ["-" if count is None else str(count) for count in (row.expected, *row.counts)]
        cells.append((row.name, row.share, counts[0], counts[1], counts[2], counts[3], row.state))
    yield from output.aligned(cells)


def rows(picture: Picture, read: Read, now: datetime) -> list[Row]:
    """The waves, those that are open first."""
    opened = read.course.opened
    if opened is None or read.course.linear is not None:
        return []
    found = [
        Row(each.name, share(each), each.expected, _counts(picture, each.name), _open(picture, read, each, now))
        for each in opened
    ]
    following = admission.following(read.plan.waves, tuple(each.name for each in opened))
    if following is None or read.back or picture.complete:
        return found
    coming = read.plan.waves[(read.plan.index(following.name) or 0) :]
    return found + [
        Row(wave.name, share(wave), None, _counts(picture, wave.name), _coming(read, wave, following))
        for wave in coming
    ]


def share(wave: Wave | Opened) -> str:
    """`20 instances`, `5 %`, `5 % of those that match`."""
    part = f"{wave.instances} instances" if wave.ppm is None else f"{wave.ppm / _PERCENT_PPM:g} %"
    return f"{part} of those that match" if wave.match else part


def settles_at(planned: Wave, opened: Opened) -> int:
    """How many outcomes settle it."""
    return -(-planned.settle_percent * opened.expected // 100)


def _counts(picture: Picture, name: str) -> tuple[int | None, ...]:
    counted = picture.waves.get(name)
    return tuple(None if counted is None else counted.get(field, 0) for field in _COUNTED)


def _open(picture: Picture, read: Read, opened: Opened, now: datetime) -> str:
    plan, course = read.plan, read.course
    last = (course.opened or ())[-1]
    planned = _planned(plan, opened)
    if opened != last:
        return "settled" if opened.settled_at is not None else "open, not waited for"
    if admission.following(plan.waves, tuple(each.name for each in course.opened or ())) is None:
        return "open"
    if opened.settled_at is None:
        counted = picture.waves.get(opened.name)
        if counted is None:
            return "open"
        outcomes = counted.get("succeeded", 0) + counted.get("failed", 0)
        return f"open, {outcomes} of {settles_at(planned, opened)} outcomes that settle it"
    return _bake(planned, opened, course, now)


def _bake(planned: Wave, opened: Opened, course: Course, now: datetime) -> str:
    ends = advance.baked_at(planned, opened, course, now)
    if ends <= now:
        return "settled"
    if course.stopped_since is not None:
        return f"baking, {moments.duration(round((ends - now).total_seconds()))} left, stands still"
    return f"baking until {moments.both(ends, now)}"


def _planned(plan: Plan, opened: Opened) -> Wave:
    place = plan.index(opened.name)
    return plan.waves[place] if place is not None else Wave(opened.name, settle_percent=0)


def _coming(read: Read, wave: Wave, following: Wave) -> str:
    when = "next" if wave.name == following.name else "later"
    if admission.plan_approves(read.plan, read.version, wave):
        skips = read.plan.approval is not None and read.plan.approval.skip_bake
        return f"{when}, to be opened at once" if skips else f"{when}, approved"
    return f"{when}, waits for an approval" if wave.approval_required else when
