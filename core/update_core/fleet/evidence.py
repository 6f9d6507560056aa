"""What moves a grant: one table from what arrives to what it means, and nothing else moves one.

Everything an instance says is a claim on a public endpoint. It counts only for a live grant, and only forward.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from update_core import versions
from update_core.fleet.grants import PROGRESS, Grant, GrantState, Timeouts
from update_core.omaha import events


@dataclass(frozen=True, slots=True)
class Reported:
    """A request of the instance that carries no event about an update: the version that it runs, and its boot."""

    version: str
    boot_id: str = ""
    ping_alone: bool = False
    asked: bool = False
    """Whether it asked for an update."""


@dataclass(frozen=True, slots=True)
class Event:
    """An Omaha event: type and result as numbers, the error code as sent. `own_codes`: the code is none of update_engine's."""

    eventtype: int
    eventresult: int
    errorcode: int | None = None
    boot_id: str = ""
    own_codes: bool = False


Evidence = Reported | Event

FORWARD: dict[tuple[int, int], GrantState] = {
    (13, 1): GrantState.DOWNLOADING,
    (14, 1): GrantState.DOWNLOADED,
    (1, 1): GrantState.DOWNLOADED,
    (3, 1): GrantState.INSTALLED,
    (2, 1): GrantState.INSTALLED,
    (6, 1): GrantState.INSTALLED,
    (800, 1): GrantState.INSTALLED,
    (3, 9): GrantState.ON_HOLD,
}
"""(event type, result) → the state that it proves. 3:1 is never Complete: it comes before a restart, with the old version."""

FAILED: frozenset[tuple[int, int]] = frozenset({(3, 0), (3, 5), (3, 6), (3, 8), (2, 0)})
RELEASED: tuple[int, int] = (3, 4)

ROLLED_BACK_CODE = 44
"""update_engine's code for "the machine came up on the old partition"."""
TRANSPORT_CODES = range(2001, 3000)
"""2000 + an HTTP status: talking to us failed, not the update. 2000 itself is what clients send for any failure."""
OMAHA_CODES = frozenset({2, 3, 30, 31, 34, 37})
"""update_engine's codes for a request to, or an answer from, the update service that went wrong."""


def is_told_by(eventtype: int, eventresult: int) -> bool:
    """Whether events of this kind can move a grant at all."""
    kind = (eventtype, eventresult)
    return kind in FORWARD or kind in FAILED or kind == RELEASED


def weigh(grant: Grant, evidence: Evidence, timeouts: Timeouts, now: datetime) -> Grant | None:
    """The grant after the evidence, or None where the evidence is nothing to it.

    The caller passes an instance's live grant, or its latest one where that ended by the clock (TimedOut, Lapsed).
    """
    if isinstance(evidence, Reported):
        return _weigh_report(grant, evidence, timeouts, now)
    if not grant.state.live:
        return None
    return _weigh_event(grant, evidence, timeouts, now)


def expire(grant: Grant, now: datetime) -> Grant | None:
    """The grant after its deadline, or None while it lies ahead. Before Downloaded nothing was risked: Lapsed, not a failure."""
    if not grant.state.live or now < grant.deadline:
        return None
    risked = PROGRESS[grant.state] >= PROGRESS[GrantState.DOWNLOADED]
    return replace(grant, state=GrantState.TIMED_OUT if risked else GrantState.LAPSED, moved_at=now)


def _weigh_report(grant: Grant, report: Reported, timeouts: Timeouts, now: datetime) -> Grant | None:
    if versions.same(report.version, grant.version):
        if grant.state.live or grant.state.revivable:
            return replace(grant, state=GrantState.COMPLETE, moved_at=now)
        return None
    if grant.state not in {GrantState.INSTALLED, GrantState.ON_HOLD}:
        return None
    if report.asked and grant.boot_id and report.boot_id and report.boot_id != grant.boot_id:
        return replace(grant, state=GrantState.FAILED, moved_at=now, detail="BootedOldVersion")
    if report.ping_alone:
        return _forward(grant, GrantState.ON_HOLD, timeouts, now, "")
    return None


def _weigh_event(grant: Grant, event: Event, timeouts: Timeouts, now: datetime) -> Grant | None:
    what = (event.eventtype, event.eventresult)
    if what in FAILED:
        return _failed(grant, event, now)
    if what == RELEASED:
        return replace(grant, state=GrantState.RELEASED, moved_at=now)
    state = FORWARD.get(what)
    return _forward(grant, state, timeouts, now, event.boot_id) if state else None


def _failed(grant: Grant, event: Event, now: datetime) -> Grant | None:
    # A client's own code says nothing here: it might be any of these by chance.
    code = None if event.errorcode is None or event.own_codes else events.decode(event.errorcode)
    if code is not None and (code.base in OMAHA_CODES or code.base in TRANSPORT_CODES):
        return None
    rolled_back = code is not None and code.base == ROLLED_BACK_CODE
    return replace(
        grant,
        state=GrantState.FAILED,
        moved_at=now,
        error_code=event.errorcode,
        detail="RolledBack" if rolled_back else "",
    )


def _forward(grant: Grant, state: GrantState, timeouts: Timeouts, now: datetime, boot_id: str) -> Grant | None:
    if PROGRESS[state] <= PROGRESS[grant.state]:
        return None
    installed = PROGRESS[state] >= PROGRESS[GrantState.INSTALLED]
    return replace(
        grant,
        state=state,
        moved_at=now,
        deadline=now + timedelta(seconds=timeouts.of(state)),
        boot_id=grant.boot_id or (boot_id if installed else ""),
    )
