"""Where is a rollout, and what comes next? Its phases, and one table of the moves between them: from a phase, by what happens, to a phase.

`advance` decides when each move is made, and the operator stamps it; this names what they do. docs/rollouts.md has the diagram of it.
"""

from enum import StrEnum

from update_core.rollout import admission
from update_core.rollout.advance import Happening
from update_core.rollout.model import Stamp
from update_core.rollout.plan import Course, Plan


class Phase(StrEnum):
    """What a rollout is at."""

    NOT_BEGUN = "NotBegun"
    WAITING = "WaitingForDependencies"
    NONE_OPEN = "NoWaveOpen"
    OPEN = "WaveOpen"
    SETTLED = "WaveSettled"
    """It bakes, and then the next wave opens, once it is approved where that is required."""
    GROWING = "ShareGrows"
    """It is linear."""
    ALL_OPEN = "AllOpen"
    HALTED = "Halted"
    """By its failures. While a person halts it, or it is paused or frozen, it stands still in its phase."""

    COMPLETE = "Complete"
    SUPERSEDED = "Superseded"
    ROLLED_BACK = "RolledBack"


UNDER_WAY = (Phase.WAITING, Phase.NONE_OPEN, Phase.OPEN, Phase.SETTLED, Phase.GROWING, Phase.ALL_OPEN)

Move = tuple[Phase, Happening, Phase]


def _rows(befores: tuple[Phase, ...], what: Happening, afters: tuple[Phase, ...]) -> set[Move]:
    return {(before, what, after) for before in befores for after in afters}


MOVES: frozenset[Move] = frozenset(
    {
        *_rows((Phase.NOT_BEGUN,), Happening.STARTED, (Phase.WAITING, Phase.NONE_OPEN, Phase.GROWING, Phase.ALL_OPEN)),
        # Of the rollout that moves instances back, and of the one that they are moved back from.
        *_rows((Phase.NOT_BEGUN,), Happening.ROLLED_BACK, (Phase.ALL_OPEN,)),
        *_rows((Phase.HALTED,), Happening.ROLLED_BACK, (Phase.ROLLED_BACK,)),
        *_rows((Phase.WAITING,), Happening.DEPENDENCIES_MET, (Phase.NONE_OPEN, Phase.GROWING)),
        # One that is open and hasn't settled is followed by the next only if somebody lets it skip the bake.
        *_rows(
            (Phase.NONE_OPEN, Phase.OPEN, Phase.SETTLED),
            Happening.WAVE_OPENED,
            (Phase.OPEN, Phase.SETTLED, Phase.ALL_OPEN),
        ),
        *_rows((Phase.OPEN,), Happening.WAVE_SETTLED, (Phase.SETTLED,)),
        # Nobody is expected in the one that was just opened: it has settled then.
        *((phase, Happening.WAVE_EMPTY, phase) for phase in (Phase.SETTLED, Phase.ALL_OPEN)),
        *_rows((*UNDER_WAY, Phase.COMPLETE), Happening.HALTED, (Phase.HALTED,)),
        *_rows((Phase.HALTED,), Happening.RESUMED, (*UNDER_WAY, Phase.COMPLETE)),
        # Resumed before it was halted: its failures are counted anew.
        *((phase, Happening.RESUMED, phase) for phase in (*UNDER_WAY, Phase.COMPLETE)),
        # It may be done before groups are far enough that were named when all of its waves were open.
        *_rows((Phase.WAITING, Phase.GROWING, Phase.ALL_OPEN), Happening.COMPLETED, (Phase.COMPLETE,)),
        *_rows((*UNDER_WAY, Phase.HALTED), Happening.SUPERSEDED, (Phase.SUPERSEDED,)),
    }
)


def of(plan: Plan, stamp: Stamp, course: Course, *, complete: bool = False) -> Phase:
    """The phase of a rollout that is stamped. `complete`: it is latched as that."""
    if course.halted is not None:
        return Phase.HALTED
    if complete:
        return Phase.COMPLETE
    if plan.depends_on and course.dependencies_met_at is None:
        return Phase.WAITING
    if course.linear is not None:
        return Phase.GROWING
    if course.opened is None or stamp.kind == "Rollback":
        return Phase.ALL_OPEN
    if not course.opened:
        return Phase.NONE_OPEN
    if admission.following(plan.waves, tuple(opened.name for opened in course.opened)) is None:
        return Phase.ALL_OPEN
    last = course.opened[-1]
    # Of whom nobody is expected, nothing is waited for.
    return Phase.SETTLED if last.settled_at is not None or not last.expected else Phase.OPEN


def following(phases: frozenset[Phase], what: Happening) -> frozenset[Phase]:
    """The phases that a rollout can be in after this has happened to it in one of these; none if it can't."""
    return frozenset(after for before, happening, after in MOVES if before in phases and happening is what)
