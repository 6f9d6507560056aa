"""The table of a grant's moves: what has ended stays so but for two ways, and nothing in flight is without one out of it."""

import pytest

from update_core.fleet import moves
from update_core.fleet.grants import FAILURES, PROGRESS, GrantState
from update_core.fleet.moves import Cause

ENDED = [state for state in GrantState if not state.live]
ENDING = [cause for cause in Cause if any(not after.live for (_, c), after in moves.MOVES.items() if c is cause)]


@pytest.mark.parametrize("state", ENDED)
def test_what_has_ended_is_only_completed_after_the_clock_or_taken_back_as_a_failure(state):
    ways = {cause: moves.after(state, cause) for cause in Cause if moves.after(state, cause) is not None}

    completed = {Cause.REACHED: GrantState.COMPLETE} if state.revivable else {}
    assert ways == completed | ({Cause.BY_A_PERSON: GrantState.FORGOTTEN} if state in FAILURES else {})


@pytest.mark.parametrize("cause", [cause for cause in ENDING if cause is not Cause.OLD_VERSION])
@pytest.mark.parametrize("state", PROGRESS)
def test_whatever_ends_a_grant_ends_it_from_any_state_in_flight(state, cause):
    assert moves.after(state, cause) in ENDED


def test_every_state_is_reached():
    assert {*moves.MOVES.values(), GrantState.GRANTED} == set(GrantState)
