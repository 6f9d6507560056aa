"""Which columns have instances and what became of them?"""

from datetime import datetime
from typing import Any

from updatectl.fleet import moments
from updatectl.output import Column

Object = dict[str, Any]


def instances(now: datetime) -> tuple[Column, ...]:
    """The columns of instances, as they are at a moment."""
    return (
        Column("Id", lambda o: o["spec"]["instanceId"]),
        Column("Group", lambda o: o["spec"]["track"]),
        Column("Version", lambda o: o["status"]["version"]),
        Column("State", lambda o: o["status"]["state"]),
        Column("Refusal", lambda o: o["status"].get("lastRefusal")),
        Column("LastSeen", lambda o: moments.ago(o["status"].get("lastSeenTime"), now)),
        Column("Alias", lambda o: o["spec"].get("alias"), wide=True),
        Column("Update", lambda o: _update(o).get("version"), wide=True),
        Column("Error", lambda o: _update(o).get("errorCode"), wide=True),
        Column("Oem", lambda o: o["spec"].get("attributes", {}).get("oem"), wide=True),
        Column("Name", lambda o: o["metadata"]["name"], wide=True),
    )


MOVES = (
    Column("Time", lambda m: _time(m["time"])),
    Column("Group", lambda m: m["track"]),
    Column("Update", lambda m: m["number"]),
    Column("Version", lambda m: m["version"]),
    Column("From", lambda m: m.get("fromState")),
    Column("To", lambda m: m["toState"]),
    Column("Error", lambda m: m.get("errorCode")),
    Column("Detail", lambda m: m.get("detail")),
    Column("Rollout", lambda m: m["sequence"], wide=True),
)
"""The columns of an instance's history: one row for each move."""


def _update(instance: Object) -> Object:
    return dict(instance["status"].get("update") or {})


def _time(text: str) -> str:
    moment = moments.parse(text)
    return text if moment is None else moments.absolute(moment)
