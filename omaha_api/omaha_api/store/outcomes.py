"""What became of the instances of a rollout, and is it too much? Each outcome is counted, and judged, by the transaction that records it.

An established instance has one row in a group: the wave that it was granted through in the latest rollout, and its latest outcome there.
Tallies by wave change with these rows, so that nothing is counted when somebody asks or when an outcome is judged.
"""

import json
from collections.abc import Iterable

from omaha_api.store import groups
from omaha_api.store.database import Connection
from omaha_api.store.groups import GroupRow
from omaha_api.store.judgings import Judging
from update_core.fleet.grants import FAILURES, Grant, GrantState
from update_core.fleet.store import GroupLedger
from update_core.rollout import judging as judges
from update_core.rollout.judging import Tally
from update_core.rollout.plan import HaltOn, Latch

OUTCOMES = FAILURES | {GrantState.COMPLETE}
"""The states of a grant that are an outcome of its rollout."""
ERRORS_TOLD = 5
"""How many of the errors that were reported most a halt tells of."""

_THROUGH = "SELECT through FROM samples WHERE app_id = ? AND track = ? AND instance_id = ? AND sequence = ?"
# Of a later rollout there is no outcome yet: without an epoch it counts nowhere. Nothing is written where nothing differs, and that says
# that the instance has been counted.
_GRANTED = """
    INSERT INTO samples (app_id, track, instance_id, sequence, through) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (app_id, track, instance_id) DO UPDATE SET
        epoch = CASE WHEN samples.sequence = excluded.sequence THEN samples.epoch END,
        sequence = excluded.sequence, through = excluded.through
    WHERE samples.sequence <> excluded.sequence OR samples.through <> excluded.through
"""
_LATEST = """
    SELECT wave, failed FROM samples WHERE app_id = ? AND track = ? AND instance_id = ? AND sequence = ? AND epoch = ?
"""
_OUTCOME = """
    INSERT INTO samples (app_id, track, instance_id, sequence, through, epoch, wave, failed, error_code, network, place)
    VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, (
        SELECT coalesce(max(place), 0) + 1 FROM samples INDEXED BY samples_by_place
        WHERE app_id = ? AND track = ? AND sequence = ? AND epoch = ? AND place IS NOT NULL
    ))
    ON CONFLICT (app_id, track, instance_id) DO UPDATE SET
        through = CASE WHEN samples.sequence = excluded.sequence THEN samples.through ELSE '' END,
        sequence = excluded.sequence, epoch = excluded.epoch, wave = excluded.wave, failed = excluded.failed,
        error_code = excluded.error_code, network = excluded.network, place = excluded.place
"""
# Networks are written where one may have a share alone.
_NETWORK = (
    "SELECT network, sample_percent FROM grants WHERE app_id = ? AND track = ? AND number = ? AND sample_percent < 100"
)
_SAMPLES = """
    SELECT coalesce(sum(succeeded + failed), 0) FROM tallies WHERE app_id = ? AND track = ? AND sequence = ? AND epoch = ?
"""
_OF_NETWORK = """
    SELECT count(*) FROM samples INDEXED BY samples_by_network
    WHERE app_id = ? AND track = ? AND sequence = ? AND epoch = ? AND network = ? AND network <> ''
"""
_COUNT = """
    INSERT INTO tallies (app_id, track, sequence, epoch, wave, succeeded, failed) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (app_id, track, sequence, epoch, wave) DO UPDATE SET
        succeeded = tallies.succeeded + excluded.succeeded, failed = tallies.failed + excluded.failed
"""
_TALLY = (
    "SELECT succeeded, failed FROM tallies WHERE app_id = ? AND track = ? AND sequence = ? AND epoch = ? AND wave = ?"
)
_RECENT = """
    SELECT json_group_array(failed) FROM (
        SELECT failed FROM samples INDEXED BY samples_by_place
        WHERE app_id = ? AND track = ? AND sequence = ? AND epoch = ? AND place IS NOT NULL ORDER BY place DESC LIMIT ?
    ) AS recent
"""
_ERRORS = """
    SELECT error_code, count(*) AS instances FROM samples INDEXED BY failed_samples
    WHERE app_id = ? AND track = ? AND sequence = ? AND epoch = ? AND failed = 1 AND error_code IS NOT NULL
    GROUP BY error_code ORDER BY instances DESC, error_code LIMIT ?
"""


def counted_in(connection: Connection, group: GroupLedger, instance_id: str) -> str:
    """The wave through which an instance was granted last in the latest rollout, empty for none."""
    found = connection.execute(_THROUGH, (group.app_id, group.track, instance_id, group.highest_sequence)).fetchone()
    return str(found[0]) if found else ""


def granted(connection: Connection, grant: Grant) -> bool:
    """Note an instance's new grant; whether it is the first through its wave in this rollout. Newcomers aren't noted."""
    if not grant.established or not grant.wave:
        return False
    values = (grant.app_id, grant.track, grant.instance_id, grant.sequence, grant.wave)
    return connection.execute(_GRANTED, values).rowcount > 0


def record(connection: Connection, moved: Iterable[Grant]) -> set[tuple[str, str]]:
    """Count the outcomes among moves that were just written, in order. Returns the groups (app_id, track) that they halted."""
    return {
        (grant.app_id, grant.track)
        for grant in moved
        if grant.state in OUTCOMES and grant.established and _record(connection, grant)
    }


def ledgers(connection: Connection, halted: Iterable[tuple[str, str]]) -> tuple[GroupLedger, ...]:
    """The ledgers of groups that were halted, as they are at the end of the transaction; rate slots aren't known in them."""
    found = [groups.load(connection, app_id, track) for app_id, track in halted]
    return tuple(row.ledger(None) for row in found if row is not None)


def _record(connection: Connection, grant: Grant) -> bool:
    row = groups.load(connection, grant.app_id, grant.track)
    if row is None or (grant.sequence, grant.epoch) != row.judging.of:
        return False
    if not _sample(connection, grant, row.judging.halt_on):
        return False
    judging, latch = row.judging, row.latch
    if judging.halt_on is None or (latch is not None and (latch.sequence, latch.epoch) >= judging.of):
        return False
    verdict = judges.judge(
        judging.halt_on,
        judging.wave,
        _tally(connection, row, judging),
        _recent(connection, row, judging, judging.halt_on),
    )
    if verdict is None:
        return False
    latch = Latch(
        sequence=judging.sequence,
        epoch=judging.epoch,
        at=grant.moved_at,
        reason=verdict.reason,
        message=verdict.message,
        wave=judging.wave,
        errors=_errors(connection, row, judging),
    )
    groups.latch(connection, row, latch)
    return True


def _sample(connection: Connection, grant: Grant, halt_on: HaltOn | None) -> bool:
    """Replace the instance's outcome by its latest, and move the tallies by the difference. False: its network had its share."""
    failed, code = int(grant.state in FAILURES), grant.error_code if grant.state in FAILURES else None
    group, rollout = (grant.app_id, grant.track), (grant.sequence, grant.epoch)
    before = connection.execute(_LATEST, (*group, grant.instance_id, *rollout)).fetchone()
    network, percent = connection.execute(_NETWORK, (*group, grant.number)).fetchone() or ("", 100)
    if network and before is None and halt_on is not None:
        (samples,) = connection.execute(_SAMPLES, (*group, *rollout)).fetchone()
        (own,) = connection.execute(_OF_NETWORK, (*group, *rollout, network)).fetchone()
        if own >= judges.share(percent, samples + 1, halt_on):
            return False
    told = (grant.wave, failed, code, network)
    connection.execute(_OUTCOME, (*group, grant.instance_id, *rollout, *told, *group, *rollout))
    if before == (grant.wave, failed):
        return True
    if before is not None:
        wave, had_failed = before
        connection.execute(_COUNT, (*group, *rollout, wave, had_failed - 1, -had_failed))
    connection.execute(_COUNT, (*group, *rollout, grant.wave, 1 - failed, failed))
    return True


def _tally(connection: Connection, row: GroupRow, judging: Judging) -> Tally:
    found = connection.execute(_TALLY, (row.app_id, row.track, *judging.of, judging.wave)).fetchone()
    return Tally(*found) if found else Tally()


def _recent(connection: Connection, row: GroupRow, judging: Judging, halt_on: HaltOn) -> list[bool]:
    limit = max(judges.RECENT, halt_on.consecutive_failures or 0)
    (told,) = connection.execute(_RECENT, (row.app_id, row.track, *judging.of, limit)).fetchone()
    return [bool(failed) for failed in json.loads(told)]


def _errors(connection: Connection, row: GroupRow, judging: Judging) -> tuple[tuple[int, int], ...]:
    found = connection.execute(_ERRORS, (row.app_id, row.track, *judging.of, ERRORS_TOLD))
    return tuple((code, count) for code, count in found)
