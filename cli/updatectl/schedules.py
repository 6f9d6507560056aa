"""When may a group give anything out? The options for its maintenance windows and freezes ↔ the fields of its spec.

A window is typed as it is said: "Sat,Sun 02:00 4h Europe/Berlin". What is shown can be typed again.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from updatectl import durations
from updatectl.session import Changes, Object

Windows = Annotated[
    list[str] | None,
    typer.Option(
        "--window",
        metavar='"DAYS TIME LENGTH ZONE"',
        help='Give updates out in this window only, such as "Sat,Sun 02:00 4h Europe/Berlin" or "daily 22:30 90m UTC"; may be given '
        "several times, and replaces the windows that there are.",
    ),
]
NoWindows = Annotated[
    bool, typer.Option("--no-windows", help="Take all windows away: updates are given out at any time.")
]
Freezes = Annotated[
    list[str] | None,
    typer.Option(
        "--freeze",
        metavar="START/END[=REASON]",
        help='Give nothing out from START until END, such as "2026-12-20T00:00Z/2027-01-04T00:00Z=holidays"; may be given several times, '
        "and replaces the freezes that there are.",
    ),
]
NoFreezes = Annotated[bool, typer.Option("--no-freezes", help="Take all freezes away.")]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = 3
_TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?", re.ASCII)
_WEEK_SECONDS = 7 * 86400
_WINDOW_FORM = 'write days, time, length and zone, such as --window "Sat,Sun 02:00 4h Europe/Berlin"'
_FREEZE_FORM = 'write start and end, such as --freeze "2026-12-20T00:00Z/2027-01-04T00:00Z=holidays"'


@dataclass(frozen=True)
class Schedule:
    """Windows and freezes as given; None is left as it is, none at all are taken away."""

    windows: tuple[str, ...] | None = None
    freezes: tuple[str, ...] | None = None

    def changes(self) -> Changes:
        """The spec's fields. Raises typer.BadParameter for what can't be read."""
        changes: dict[str, object] = {}
        if self.windows is not None:
            changes["maintenanceWindows"] = [window(text) for text in self.windows] or None
        if self.freezes is not None:
            changes["freezes"] = [freeze(text) for text in self.freezes] or None
        return changes


def given(
    windows: list[str] | None, freezes: list[str] | None, *, no_windows: bool = False, no_freezes: bool = False
) -> Schedule:
    """The schedule of the options. Raises typer.BadParameter for an option and its opposite."""
    return Schedule(
        _one(windows, without=no_windows, name="--window"), _one(freezes, without=no_freezes, name="--freeze")
    )


def _one(texts: list[str] | None, *, without: bool, name: str) -> tuple[str, ...] | None:
    if texts and without:
        raise typer.BadParameter(f"{name} and --no-{name[2:]}s contradict each other")
    return () if without else tuple(texts) if texts else None


def window(text: str) -> Object:
    """The window of `DAYS TIME LENGTH ZONE`. Raises typer.BadParameter if it is none."""
    parts = text.split()
    if len(parts) != len(("days", "time", "length", "zone")):
        raise _bad("--window", f"{text!r} has {len(parts)} parts and not four", _WINDOW_FORM)
    days, start, length, zone = parts
    if not _TIME.fullmatch(start):
        raise _bad("--window", f"{start!r} is no time of day from 00:00 to 23:59:59", _WINDOW_FORM)
    return {
        "days": _days(days),
        "startTime": start.rjust(len(start) + (start.index(":") == 1), "0"),
        "durationSeconds": _seconds(length),
        "timeZone": _zone(zone),
    }


def freeze(text: str) -> Object:
    """The freeze of `START/END[=REASON]`. Raises typer.BadParameter if it is none."""
    start, slash, rest = text.partition("/")
    end, _, reason = rest.partition("=")
    if not slash:
        raise _bad("--freeze", f"{text!r} has no '/' between start and end", _FREEZE_FORM)
    first, after = _moment(start), _moment(end)
    if first >= after:
        raise _bad("--freeze", f"it ends at {end}, and begins at {start}: it must end after it begins", _FREEZE_FORM)
    wire = {"start": _rfc3339(first), "end": _rfc3339(after)}
    return wire | ({"reason": reason.strip()} if reason.strip() else {})


def window_text(wire: Object) -> str:
    """A window as it can be typed."""
    days = [day[:_SHORT] for day in _DAYS if day in wire["days"]]
    named = "daily" if len(days) == len(_DAYS) else ",".join(days)
    return f"{named} {wire['startTime']} {durations.text(wire['durationSeconds'])} {wire['timeZone']}"


def freeze_text(wire: Object) -> str:
    """A freeze as it can be typed."""
    why = ": ".join(wire[field] for field in ("name", "reason") if wire.get(field))
    return f"{wire['start']}/{wire['end']}" + (f"={why}" if why else "")


def _days(text: str) -> list[str]:
    if text.lower() == "daily":
        return list(_DAYS)
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last) if dash else _day(first)
        found.update(number % len(_DAYS) for number in range(begin, (end if end >= begin else end + len(_DAYS)) + 1))
    return [_DAYS[number] for number in sorted(found)]


def _day(text: str) -> int:
    for number, day in enumerate(_DAYS):
        if len(text) >= _SHORT and day.lower().startswith(text.lower()):
            return number
    raise _bad(
        "--window", f"{text!r} is no day: they are Mon, Tue, Wed, Thu, Fri, Sat, Sun, Mon-Fri or daily", _WINDOW_FORM
    )


def _seconds(text: str) -> int:
    seconds = durations.parse(text)
    if seconds is None or not 1 <= seconds <= _WEEK_SECONDS:
        raise _bad("--window", f"{text!r} is no length from 1s to 7d, such as 4h, 90m or 1h30m", _WINDOW_FORM)
    return seconds


def _zone(text: str) -> str:
    from update_core.rollout import zones  # kept out of help and completion

    try:
        return zones.zone(text).key
    except zones.UnknownZoneError as error:
        raise typer.BadParameter(f"{error}", param_hint="--window") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _bad("--freeze", f"{text!r} is no moment", _FREEZE_FORM) from None
    if moment.tzinfo is None:
        raise _bad(
            "--freeze", f"{text!r} doesn't say on whose clock: end it with Z or an offset such as +01:00", _FREEZE_FORM
        )
    return moment


def _rfc3339(moment: datetime) -> str:
    text = moment.isoformat()
    return text.replace("+00:00", "Z") if moment.utcoffset() == UTC.utcoffset(None) else text


def _bad(option: str, what: str, form: str) -> Any:
    return typer.BadParameter(f"{what}; {form}", param_hint=option)
