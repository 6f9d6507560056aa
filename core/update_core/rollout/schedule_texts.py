"""How does one say that a group is frozen, or outside its windows, and until when? For an instance's answer and for a group's status.

Moments are told twice: on the clock that a window was written for, and in UTC. None says how far away it is, so a text stays the same as
long as what it tells of.
"""

from datetime import datetime

from update_core.rollout import schedule, windows
from update_core.rollout.moments import instant
from update_core.rollout.schedule import Schedule
from update_core.rollout.windows import Freeze, Window


def frozen(of: Schedule, now: datetime) -> str:
    """Until when a schedule is frozen that is so at `now`, and why: `frozen until 2027-01-04T00:00:00Z (holidays: year's end)`."""
    thaws = of.at(now).thaws_at
    told = [said for freeze in schedule.active_freezes(of, now) if (said := _why(freeze))]
    why = told[0] + (f", and {len(told) - 1} more" if len(told) > 1 else "") if told else ""
    until = f"frozen until {instant(thaws)}" if thaws is not None else "not frozen"
    return f"{until} ({why})" if why else until


def outside(of: Schedule, now: datetime) -> str:
    """When a schedule opens that is outside its windows at `now`: `the next opens on Saturday 2026-11-28 at 02:00 in Europe/Berlin, …`."""
    if of.problem:
        return f"they can't be read, so none ever opens: {of.problem}"
    opens = of.at(now).opens_at
    if opens is None:
        return "one is open"
    return f"the next opens {opening(of, opens)}{_frozen_then(of, opens)}"


def opening(of: Schedule, opens: datetime) -> str:
    """When a window opens, on its own clock and in UTC; in UTC alone where none opens then."""
    window = schedule.opening_window(of, opens)
    return f"at {instant(opens)}" if window is None else _local(window, opens)


def _local(window: Window, opens: datetime) -> str:
    shown = opens.astimezone(window.zone)
    # The day by our own word: strftime's is of the machine's language.
    day = windows.DAYS[shown.weekday()]
    clock = shown.strftime("%H:%M:%S" if shown.second else "%H:%M")
    if window.zone.key in {"UTC", "Etc/UTC"}:
        return f"on {day} at {instant(opens)}"
    return f"on {day} {shown:%Y-%m-%d} at {clock} in {window.zone.key}, {instant(opens)}"


def _frozen_then(of: Schedule, opens: datetime) -> str:
    """What opens in a freeze lets nothing through; then it matters when something does."""
    clear = of.clear_at(opens)
    if clear is None or clear == opens:
        return ""
    return f", but is frozen then; updates are given out again from {instant(clear)} on"


def _why(freeze: Freeze) -> str:
    return ": ".join(part for part in (freeze.name, freeze.reason) if part)
