"""Values that tests of a rollout's life begin with: a plan of three waves, its stamp, and what the fleet counted."""

from datetime import timedelta
from typing import Any

from support.fleet_values import NOW, stamp
from update_core.rollout.advance import Facts, WaveCounts
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Course, HaltReason, Latch, Plan
from update_core.rollout.waves import Opened, Wave

CANARY = Wave("canary", ppm=50_000, bake_seconds=600)
EARLY = Wave("early", ppm=200_000, bake_seconds=600)
LAST = Wave("everybody", ppm=PPM_OF_ALL)
PLAN = Plan(waves=(CANARY, EARLY, LAST))
STAMP = stamp()
NONE_OPEN = Course(opened=(), dependencies_met_at=NOW)


def later(seconds: float) -> Any:
    """A moment after NOW, at which the rollout began."""
    return NOW + timedelta(seconds=seconds)


def opened(wave: Wave = CANARY, at: float = 0, **changes: Any) -> Opened:
    """A wave that was opened so many seconds after the rollout began."""
    values = {
        "name": wave.name,
        "opened_at": later(at),
        "ppm": wave.ppm,
        "instances": wave.instances,
        "match": wave.match,
    }
    return Opened(**values | {"expected": 10} | changes)


def course(*waves: Opened, **changes: Any) -> Course:
    """The course of a rollout with these waves open."""
    return Course(**{"opened": waves, "dependencies_met_at": NOW} | changes)


def latch(**changes: Any) -> Latch:
    """Rollout 1 was halted by its failures at NOW."""
    values = {"sequence": 1, "epoch": 0, "at": NOW, "reason": HaltReason.FAILURE_PERCENT, "message": "3 of 10 failed."}
    return Latch(**values | changes)


def counted(**waves: WaveCounts) -> Facts:
    """Facts with the counts of these waves; of the others of PLAN nobody was granted or waits."""
    return Facts(waves={wave.name: WaveCounts(ahead=0) for wave in PLAN.waves} | waves)
