"""How far has a rollout grown that lets more in all the time? For people; whoever decides computes it at that moment.

It is refreshed in steps: at most a hundred in the whole of it, none shorter than a few seconds, and one at its end.
"""

from datetime import datetime, timedelta

from update_core import courses
from update_core.resources.rollout_status import Rollout
from update_core.rollout import waves
from update_core.rollout.cohort import PPM_OF_ALL

STEPS = 100
SHORTEST = timedelta(seconds=5)


def shown(rollout: Rollout, now: datetime) -> tuple[Rollout, datetime | None]:
    """The rollout with its share at the last step before `now`, and when the next step is; None where there is none."""
    course = courses.read(rollout)
    linear, state = course.linear, rollout.linear
    if linear is None or state is None:
        return rollout, None
    stopped, whole = course.stopped(now), timedelta(seconds=linear.duration_seconds)
    step = max(SHORTEST, whole / STEPS)
    steps = max((now - rollout.started_time - stopped) // step, 0)
    moved = min(step * steps, whole)
    # The end is a step too, wherever the last whole one was.
    if now - rollout.started_time - stopped >= whole:
        moved = whole
    begun = rollout.started_time + stopped
    ppm = waves.ppm_at(linear, begun, timedelta(0), begun + moved)
    percent = f"{ppm * 100 / PPM_OF_ALL:.4f}".rstrip("0").rstrip(".")
    at = None if moved == whole or course.stopped_since is not None else min(begun + step * (steps + 1), begun + whole)
    if percent != state.percent:
        rollout = rollout.model_copy(update={"linear": state.model_copy(update={"percent": percent})})
    return rollout, at
