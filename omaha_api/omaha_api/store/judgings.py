"""How does a group's row say what its outcomes are judged by, what halted it last, and how many were granted through each wave?

As short JSON. Few texts are read again and again, so what they say is kept.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from omaha_api.store import rows
from update_core.rollout.model import ResolvedGroup, Stamp
from update_core.rollout.plan import HaltOn, HaltReason, Latch

Through = Mapping[str, int]
"""By wave: the distinct instances that were granted through it."""

NOBODY: Through = MappingProxyType({})
_SEVERAL_GROUPS = 1024


@dataclass(frozen=True, slots=True)
class Judging:
    """What outcomes are judged by. Those of another rollout, or of another time since it was resumed, aren't."""

    sequence: int = 0
    epoch: int = 0
    opened: int = 0
    """How many waves are open."""
    wave: str = ""
    """The one that was opened last; empty where there are none."""
    halt_on: HaltOn | None = None

    @property
    def of(self) -> tuple[int, int]:
        """The rollout and its epoch."""
        return self.sequence, self.epoch


NOTHING = Judging()
"""Of a group of which nothing has been mirrored."""


def judged_by(group: ResolvedGroup, stamp: Stamp) -> Judging:
    """What the outcomes of a stamped rollout are judged by."""
    course, halt_on = group.course, group.plan.halt_on
    opened = course.opened
    if not opened:
        return Judging(stamp.sequence, course.epoch, halt_on=halt_on)
    return Judging(stamp.sequence, course.epoch, len(opened), opened[-1].name, halt_on)


@functools.lru_cache(_SEVERAL_GROUPS)
def from_judging(judging: Judging) -> str:
    """The text of the column judging."""
    if judging == NOTHING:
        return ""
    bounds = judging.halt_on
    halt_on = None if bounds is None else [bounds.failure_percent, bounds.min_samples, bounds.consecutive_failures]
    return _write([judging.sequence, judging.epoch, judging.opened, judging.wave, halt_on])


@functools.lru_cache(_SEVERAL_GROUPS)
def to_judging(text: str) -> Judging:
    """What such a text says."""
    if not text:
        return NOTHING
    sequence, epoch, opened, wave, halt_on = json.loads(text)
    return Judging(sequence, epoch, opened, wave, None if halt_on is None else HaltOn(*halt_on))


@functools.lru_cache(_SEVERAL_GROUPS)
def from_latch(latch: Latch | None) -> str:
    """The text of the column latch."""
    if latch is None:
        return ""
    at, errors = rows.micros(latch.at), [list(error) for error in latch.errors]
    return _write([latch.sequence, latch.epoch, at, latch.reason.value, latch.message, latch.wave, errors])


@functools.lru_cache(_SEVERAL_GROUPS)
def to_latch(text: str) -> Latch | None:
    """What such a text says."""
    if not text:
        return None
    sequence, epoch, at, reason, message, wave, errors = json.loads(text)
    counted = tuple((code, count) for code, count in errors)
    return Latch(sequence, epoch, rows.instant(at), HaltReason(reason), message, wave, counted)


def from_through(through: Through) -> str:
    """The text of the column through."""
    return _write(dict(through)) if through else ""


def to_through(text: str) -> Through:
    """What such a text says."""
    return MappingProxyType(json.loads(text)) if text else NOBODY


def one_more(through: Through, wave: str) -> Through:
    """The counts after another instance was granted through a wave."""
    return MappingProxyType({**through, wave: through.get(wave, 0) + 1})


def _write(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
