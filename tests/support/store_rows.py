"""What does the store of a running service hold? Its rows, read beside it."""

import contextlib

from omaha_api.store.sqlite import connections
from support.omaha_process import OmahaProcess


def instances(omaha: OmahaProcess, app_id: str) -> dict[str, str]:
    """The version of each instance of an application, by the id that it sends. First sights are written moments later."""
    with contextlib.closing(connections.connect_reader(omaha.database)) as database:
        rows = database.execute("SELECT instance_id, version FROM instances WHERE app_id = ?", (app_id,))
        return dict(rows.fetchall())


def grants(omaha: OmahaProcess, app_id: str, instance_id: str) -> list[tuple[str, str]]:
    """Version and state of each grant that an instance has had, in order."""
    with contextlib.closing(connections.connect_reader(omaha.database)) as database:
        rows = database.execute(
            "SELECT version, state FROM grants WHERE app_id = ? AND instance_id = ? ORDER BY number",
            (app_id, instance_id),
        )
        return rows.fetchall()
