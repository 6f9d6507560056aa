"""How does a rollout stand in a row and in the log, and how is it read back? Its course is JSON, without what is as it is by default."""

import json
from datetime import datetime
from typing import Any

from omaha_api.store import judgings, rows
from update_core.fleet.progress import RolloutRecord
from update_core.rollout.plan import UNGUARDED, Course
from update_core.rollout.waves import Linear, Match, Opened, Requirement

COLUMNS = "sequence, version, salt, started_at, kind, completed_at, from_version, course"

Read = dict[str, Any]


def from_record(rollout: RolloutRecord) -> rows.Row:
    """The row of COLUMNS."""
    return (
        rollout.sequence,
        rollout.version,
        rollout.salt,
        rows.micros(rollout.started_at),
        rollout.kind,
        _micros(rollout.completed_at),
        rollout.from_version,
        to_text(rollout.course),
    )


def to_record(row: rows.Row) -> RolloutRecord:
    """The rollout of COLUMNS."""
    sequence, version, salt, started_at, kind, completed_at, from_version, course = row
    return RolloutRecord(
        sequence=sequence,
        version=version,
        salt=salt,
        started_at=rows.instant(started_at),
        kind=kind,
        completed_at=rows.instant_or_none(completed_at),
        from_version=from_version,
        course=from_text(course),
    )


def to_text(course: Course) -> str:
    """The column of a course; empty text for one that lets everybody in."""
    if course == UNGUARDED:
        return ""
    written: Read = {
        "opened": None if course.opened is None else [_from_opened(opened) for opened in course.opened],
        "linear": None if course.linear is None else [course.linear.start_ppm, course.linear.duration_seconds],
        "epoch": course.epoch,
        "halted": judgings.from_latch(course.halted),
        "stopped": course.stopped_seconds,
        "stopped_since": _micros(course.stopped_since),
        "dependencies_met": _micros(course.dependencies_met_at),
        "soaking": [[group, rows.micros(since)] for group, since in course.soaking],
    }
    said = {name: value for name, value in written.items() if value not in (None, "")}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Course:
    """The course of such a column."""
    if not text:
        return UNGUARDED
    read: Read = json.loads(text)
    opened, linear = read.get("opened"), read.get("linear")
    return Course(
        opened=None if opened is None else tuple(_to_opened(each) for each in opened),
        linear=None if linear is None else Linear(*linear),
        epoch=read.get("epoch", 0),
        halted=judgings.to_latch(read.get("halted", "")),
        stopped_seconds=read.get("stopped", 0),
        stopped_since=rows.instant_or_none(read.get("stopped_since")),
        dependencies_met_at=rows.instant_or_none(read.get("dependencies_met")),
        soaking=tuple((group, rows.instant(since)) for group, since in read.get("soaking", ())),
    )


def _from_opened(opened: Opened) -> list[Any]:
    return [
        opened.name,
        rows.micros(opened.opened_at),
        opened.ppm,
        opened.instances,
        [[needed.attribute, sorted(needed.values), needed.negated] for needed in opened.match],
        opened.expected,
        _micros(opened.settled_at),
        opened.settled_after_stopped_seconds,
    ]


def _to_opened(read: list[Any]) -> Opened:
    name, opened_at, ppm, instances, match, expected, settled_at, stopped = read
    return Opened(
        name=name,
        opened_at=rows.instant(opened_at),
        ppm=ppm,
        instances=instances,
        match=_to_match(match),
        expected=expected,
        settled_at=rows.instant_or_none(settled_at),
        settled_after_stopped_seconds=stopped,
    )


def _to_match(read: list[Any]) -> Match:
    return tuple(Requirement(attribute, frozenset(values), negated=negated) for attribute, values, negated in read)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else rows.micros(at)
