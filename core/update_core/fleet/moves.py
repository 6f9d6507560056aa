"""Which moves of a grant are there? One table: from a state, by what has happened, to a state; anything else moves nothing.

`evidence` reads what arrives as one of the causes, and the store ends grants for the last three. docs/rollouts.md has the diagram of it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from update_core.fleet.grants import GrantState


class Cause(StrEnum):
    """What moves a grant, as the diagram says it."""

    DOWNLOADING = "downloads"
    DOWNLOADED = "has downloaded"
    INSTALLED = "has installed"
    ON_HOLD = "waits for its restart"
    PING_ALONE = "only pings"
    REACHED = "reports the version"
    FAILURE = "says that it failed"
    OLD_VERSION = "has started the old version"
    GIVEN_BACK = "gives it back"
    DEADLINE = "no step in time"
    GRANTED_ANEW = "is granted anew"
    OTHER_GROUP = "is in another group"
    BY_A_PERSON = "is reset or forgotten"


_LIVE = (
    GrantState.GRANTED,
    GrantState.DOWNLOADING,
    GrantState.DOWNLOADED,
    GrantState.INSTALLED,
    GrantState.ON_HOLD,
)
# Nobody was told that these failed but by the clock, which may have been wrong.
_ENDED_BY_THE_CLOCK = (GrantState.TIMED_OUT, GrantState.LAPSED)


def _rows(
    befores: tuple[GrantState, ...], cause: Cause, after: GrantState
) -> dict[tuple[GrantState, Cause], GrantState]:
    return {(before, cause): after for before in befores}


MOVES: Mapping[tuple[GrantState, Cause], GrantState] = MappingProxyType(
    {
        # Forward only, and skipped steps are legal.
        **_rows(_LIVE[:1], Cause.DOWNLOADING, GrantState.DOWNLOADING),
        **_rows(_LIVE[:2], Cause.DOWNLOADED, GrantState.DOWNLOADED),
        **_rows(_LIVE[:3], Cause.INSTALLED, GrantState.INSTALLED),
        **_rows(_LIVE[:4], Cause.ON_HOLD, GrantState.ON_HOLD),
        **_rows((GrantState.INSTALLED,), Cause.PING_ALONE, GrantState.ON_HOLD),
        **_rows((*_LIVE, *_ENDED_BY_THE_CLOCK), Cause.REACHED, GrantState.COMPLETE),
        **_rows(_LIVE, Cause.FAILURE, GrantState.FAILED),
        **_rows(_LIVE[3:], Cause.OLD_VERSION, GrantState.FAILED),
        **_rows(_LIVE, Cause.GIVEN_BACK, GrantState.RELEASED),
        # Before Downloaded nothing was risked, and so nothing has failed.
        **_rows(_LIVE[:2], Cause.DEADLINE, GrantState.LAPSED),
        **_rows(_LIVE[2:], Cause.DEADLINE, GrantState.TIMED_OUT),
        **_rows(_LIVE, Cause.GRANTED_ANEW, GrantState.SUPERSEDED),
        **_rows(_LIVE, Cause.OTHER_GROUP, GrantState.MOVED),
        # A failure that a person takes back counts no more.
        **_rows((*_LIVE, GrantState.FAILED, GrantState.TIMED_OUT), Cause.BY_A_PERSON, GrantState.FORGOTTEN),
    }
)
"""(state, cause) → the state after it."""


def after(state: GrantState, cause: Cause) -> GrantState | None:
    """The state after the cause, None where it moves nothing."""
    return MOVES.get((state, cause))
