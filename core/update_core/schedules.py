"""When may a group give anything out? Group.spec.maintenanceWindows and freezes → intervals.

Whether a zone exists no schema can say. What can't be read is never taken for "always": such a group is shut until somebody corrects it.
"""

from datetime import UTC, time

from update_core.resources.group import Freeze, GroupSpec, MaintenanceWindow
from update_core.rollout import windows, zones
from update_core.rollout.schedule import ALWAYS, Schedule


def read(spec: GroupSpec) -> Schedule:
    """The schedule of a group; one with a `problem` where its windows or freezes can't be read."""
    if not (spec.maintenance_windows or spec.freezes):
        return ALWAYS
    problems: list[str] = []
    opened = [_window(number, window, problems) for number, window in enumerate(spec.maintenance_windows)]
    frozen = [_freeze(number, freeze, problems) for number, freeze in enumerate(spec.freezes)]
    if problems:
        more = f" {len(problems) - 1} more can't be read either." if len(problems) > 1 else ""
        return Schedule(problem=problems[0] + "." + more)
    return Schedule(
        tuple(window for window in opened if window is not None),
        tuple(freeze for freeze in frozen if freeze is not None),
    )


def _window(number: int, window: MaintenanceWindow, problems: list[str]) -> windows.Window | None:
    try:
        return windows.Window(
            days=frozenset(windows.DAYS.index(day) for day in window.days),
            start=time.fromisoformat(window.start_time),
            seconds=window.duration_seconds,
            zone=zones.zone(window.time_zone),
        )
    except ValueError as error:
        field = ".timeZone" if isinstance(error, zones.UnknownZoneError) else ""
        problems.append(f"spec.maintenanceWindows[{number}]{field}: {error}")
        return None


def _freeze(number: int, freeze: Freeze, problems: list[str]) -> windows.Freeze | None:
    try:
        return windows.Freeze(
            freeze.start.astimezone(UTC), freeze.end.astimezone(UTC), freeze.reason or "", freeze.name or ""
        )
    except (ValueError, OverflowError) as error:
        problems.append(f"spec.freezes[{number}]: {error}")
        return None
