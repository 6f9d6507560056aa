"""Which rollouts did a group have? The one that its status names, and those before."""

from typing import Any

from updatectl.fleet import moments
from updatectl.output import Column

Object = dict[str, Any]

COLUMNS = (
    Column("Sequence", lambda r: r["sequence"]),
    Column("Version", lambda r: r["version"]),
    Column("Kind", lambda r: r.get("kind", "Update")),
    Column("Outcome", lambda r: r["outcome"]),
    Column("Started", lambda r: _time(r.get("startedTime"))),
    Column("Ended", lambda r: _time(r.get("endedTime"))),
    Column("OnTarget", lambda r: r.get("onTarget")),
    Column("Failed", lambda r: r.get("failed")),
    Column("ChangedBy", lambda r: r.get("changedBy")),
    Column("Resumed", lambda r: r.get("epoch", 0), wide=True),
)
"""The columns of rollouts: one row for each, the latest first."""


def rollouts(group: Object) -> list[Object]:
    """The group's rollouts, the latest first. One that is complete is in the history already."""
    status = group.get("status") or {}
    past = list(status.get("history") or ())
    rollout = status.get("rollout")
    if not rollout or any(entry["sequence"] == rollout["sequence"] for entry in past):
        return past
    counts = status.get("instances") or {}
    known = {name: counts[name] for name in ("onTarget", "failed") if name in counts}
    return [{**rollout, **known, "outcome": _standing(rollout)}, *past]


def document(app_id: str, group: Object) -> Object:
    """The same for programs, as the Group has it."""
    status = group.get("status") or {}
    return {
        "appId": app_id,
        "track": group["spec"]["track"],
        "group": group["metadata"]["name"],
        "rollout": status.get("rollout"),
        "history": list(status.get("history") or ()),
    }


def _standing(rollout: Object) -> str:
    if rollout.get("halted"):
        return "(halted)"
    return "(complete)" if rollout.get("completedTime") else "(under way)"


def _time(text: object) -> str:
    moment = moments.parse(text)
    return "" if moment is None else moments.absolute(moment)
