"""What moves a grant: tables from what arrives to what it means; `moves` has what that does to a grant, and nothing else moves one.

Everything an instance says is a claim on a public endpoint. It counts only for a live grant, and only forward.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from update_core import versions
from update_core.fleet import moves
from update_core.fleet.grants import PROGRESS, Grant, GrantState, Timeouts
from update_core.fleet.moves import Cause
from update_core.omaha import events
from update_core.values import value


@value
class Reported:
    """A request of the instance that carries no event about an update: the version that it runs, and its boot."""

    version: str
    boot_id: str = ""
    ping_alone: bool = False
    asked: bool = False
    """Whether it asked for an update."""


@value
class Event:
    """An Omaha event: type and result as numbers, the error code as sent. `own_codes`: the code is none of update_engine's."""

    eventtype: int
    eventresult: int
    errorcode: int | None = None
    boot_id: str = ""
    own_codes: bool = False


Evidence = Reported | Event

FORWARD: dict[tuple[int, int], Cause] = {
    (13, 1): Cause.DOWNLOADING,
    (14, 1): Cause.DOWNLOADED,
    (1, 1): Cause.DOWNLOADED,
    (3, 1): Cause.INSTALLED,
    (2, 1): Cause.INSTALLED,
    (6, 1): Cause.INSTALLED,
    (800, 1): Cause.INSTALLED,
    (3, 9): Cause.ON_HOLD,
}
"""(event type, result) → the step that it proves. 3:1 is never Complete: it comes before a restart, with the old version."""

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
    return _weigh_event(grant, evidence, timeouts, now)


def expire(grant: Grant, now: datetime) -> Grant | None:
    """The grant after its deadline, or None while it lies ahead."""
    if now < grant.deadline:
        return None
    return _moved(grant, Cause.DEADLINE, now)


def _weigh_report(grant: Grant, report: Reported, timeouts: Timeouts, now: datetime) -> Grant | None:
    if versions.same(report.version, grant.version):
        return _moved(grant, Cause.REACHED, now)
    if report.asked and grant.boot_id and report.boot_id and report.boot_id != grant.boot_id:
        after = _moved(grant, Cause.OLD_VERSION, now)
        return None if after is None else replace(after, detail="BootedOldVersion")
    if report.ping_alone:
        return _forward(grant, Cause.PING_ALONE, timeouts, now, "")
    return None


def _weigh_event(grant: Grant, event: Event, timeouts: Timeouts, now: datetime) -> Grant | None:
    what = (event.eventtype, event.eventresult)
    if what in FAILED:
        return _failed(grant, event, now)
    if what == RELEASED:
        return _moved(grant, Cause.GIVEN_BACK, now)
    step = FORWARD.get(what)
    return _forward(grant, step, timeouts, now, event.boot_id) if step else None


def _failed(grant: Grant, event: Event, now: datetime) -> Grant | None:
    # A client's own code says nothing here: it might be any of these by chance.
    code = None if event.errorcode is None or event.own_codes else events.decode(event.errorcode)
    if code is not None and (code.base in OMAHA_CODES or code.base in TRANSPORT_CODES):
        return None
    after = _moved(grant, Cause.FAILURE, now)
    if after is None:
        return None
    rolled_back = code is not None and code.base == ROLLED_BACK_CODE
    return replace(after, error_code=event.errorcode, detail="RolledBack" if rolled_back else "")


def _forward(grant: Grant, step: Cause, timeouts: Timeouts, now: datetime, boot_id: str) -> Grant | None:
    after = _moved(grant, step, now)
    if after is None:
        return None
    installed = PROGRESS[after.state] >= PROGRESS[GrantState.INSTALLED]
    return replace(
        after,
        deadline=now + timedelta(seconds=timeouts.of(after.state)),
        boot_id=grant.boot_id or (boot_id if installed else ""),
    )


def _moved(grant: Grant, cause: Cause, now: datetime) -> Grant | None:
    state = moves.after(grant.state, cause)
    if state is None:
        return None
    # By place: every outcome makes one, and `replace` takes twice as long.
    return Grant(
        grant.app_id,
        grant.track,
        grant.number,
        grant.sequence,
        grant.version,
        grant.instance_id,
        state,
        grant.granted_at,
        now,
        grant.deadline,
        grant.boot_id,
        grant.error_code,
        grant.detail,
        grant.wave,
        grant.epoch,
        grant.established,
    )
