"""Is there room in a status for the waves that are open? A plan may be edited while it is carried out, so there may be more than it has.

What has been opened never narrows. A wave that another one includes may go from the list, though: it lets nobody in whom that doesn't.
"""

from dataclasses import replace

from update_core.resources.rollout_policy import MAX_WAVES
from update_core.rollout.plan import Course
from update_core.rollout.waves import Opened

MOST = MAX_WAVES + 1
MOST_VALUE_BYTES = 6144


def fits(opened: tuple[Opened, ...]) -> bool:
    """Whether a status has room for these."""
    values = sum(
        len(value.encode()) + 3 for wave in opened for requirement in wave.match for value in requirement.values
    )
    return len(opened) <= MOST and values <= MOST_VALUE_BYTES


def made(before: Course, after: Course) -> Course:
    """The course after, with as many open waves as fit; those of `before` where that can't be had without narrowing them."""
    kept = list(after.opened or ())
    while kept and not fits(tuple(kept)):
        spare = next(
            (wave for wave in kept[:-1] if any(_includes(other, wave) for other in kept if other is not wave)), None
        )
        if spare is None:
            return replace(after, opened=before.opened)
        kept.remove(spare)
    return after if after.opened is None or len(kept) == len(after.opened) else replace(after, opened=tuple(kept))


def _includes(one: Opened, other: Opened) -> bool:
    """Whether one wave lets everybody in whom the other does."""
    if one.ppm is None or (one.match and one.match != other.match):
        return False
    return other.ppm is not None and other.ppm <= one.ppm
