"""How many instances does each application have, and is there room for one more? Counted in the transaction in which one comes or goes."""

from datetime import datetime

from omaha_api.store import rows
from omaha_api.store.database import Connection
from update_core.fleet import enrolment
from update_core.fleet.enrolment import Enrolled, Growth

_SELECT = "SELECT known, baseline, baseline_at FROM applications WHERE app_id = ?"
_COUNT = "SELECT count(*) FROM instances WHERE app_id = ?"
_INSERT = "INSERT INTO applications (app_id, known, baseline, baseline_at) VALUES (?, ?, ?, ?)"
_RENEW = "UPDATE applications SET baseline = ?, baseline_at = ? WHERE app_id = ?"
_ADD = "UPDATE applications SET known = known + ? WHERE app_id = ?"


def closed_until(connection: Connection, app_id: str, growth: Growth, at: datetime) -> datetime | None:
    """Until when an instance that was never seen isn't taken in; None if it is. A baseline that is too old is taken anew."""
    if not growth.factor:
        return None
    held = _enrolled(connection, app_id, at)
    current = enrolment.renewed(held, at)
    if current is not held:
        connection.execute(_RENEW, (current.baseline, rows.micros(current.taken_at), app_id))
    return enrolment.closed_until(current, growth)


def came(connection: Connection, app_id: str, at: datetime) -> None:
    """Count an instance whose row was just written."""
    if connection.execute(_ADD, (1, app_id)).rowcount == 0:
        _begin(connection, app_id, at)


def went(connection: Connection, app_id: str) -> None:
    """Count one less, whose row was just deleted."""
    connection.execute(_ADD, (-1, app_id))


def _enrolled(connection: Connection, app_id: str, at: datetime) -> Enrolled:
    row = connection.execute(_SELECT, (app_id,)).fetchone()
    if row is None:
        return _begin(connection, app_id, at)
    known, baseline, taken_at = row
    return Enrolled(known, baseline, rows.instant(taken_at))


def _begin(connection: Connection, app_id: str, at: datetime) -> Enrolled:
    """An application's row, out of the instances that it has."""
    (known,) = connection.execute(_COUNT, (app_id,)).fetchone()
    connection.execute(_INSERT, (app_id, known, known, rows.micros(at)))
    return Enrolled(known, known, at)
