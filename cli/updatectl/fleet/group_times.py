"""When does a group give anything out? Its windows and freezes as they can be typed, and how they stand at this moment."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from updatectl import output, schedules
from updatectl.fleet import moments

Object = dict[str, Any]


def rows(spec: Object, now: datetime) -> Iterator[tuple[str, str]]:
    """The rows of the screen, name and value; none for a group that gives out at any time. Freezes that are over aren't told."""
    windows = [output.printable(schedules.window_text(window)) for window in spec.get("maintenanceWindows", ())]
    if windows:
        yield from _listed("Windows", windows)
    freezes = [freeze for freeze in spec.get("freezes", ()) if not _over(freeze, now)]
    if freezes:
        yield from _listed("Freezes", [output.printable(schedules.freeze_text(freeze)) for freeze in freezes])
    if (windows or freezes) and (standing := _standing(spec, now)):
        yield "Gives out", standing


def _listed(name: str, values: list[str]) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values):
        yield (name if number == 0 else ""), value


def _over(freeze: Object, now: datetime) -> bool:
    end = moments.parse(freeze.get("end"))
    return end is not None and end <= now


def _standing(spec: Object, now: datetime) -> str:
    """Empty where that can't be told: the operator says why in the condition Ready."""
    from update_core import schedules as core_schedules  # pydantic, which no help text should cost
    from update_core.resources.group import GroupSpec

    try:
        schedule = core_schedules.read(GroupSpec.model_validate(spec))
    except ValueError:
        return ""
    if schedule.problem:
        return f"never: {output.printable(schedule.problem)}"
    again, shut = schedule.clear_at(now), schedule.shut_at(now)
    if again is not None and again > now:
        return f"not now; again from {moments.both(again, now)} on"
    return "now" if shut is None else f"now, until {moments.both(shut, now)}"
