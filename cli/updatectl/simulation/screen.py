"""How is a simulation told? What was assumed, what happened when, what was given in each hour; or a document for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from update_core.simulation.assumptions import PPM, Assumptions
from update_core.simulation.journal import End, Hour, Result
from updatectl import durations, output
from updatectl.fleet import moments
from updatectl.fleet.signs import Signs

_ROWS = 48
"""So many rows fit a page: where there are more hours, a row is of several."""
_BAR = 30
_LONGEST = len("+29d23h59m59s")


@dataclass(frozen=True)
class Told:
    """A simulation with what it is of."""

    group: str
    version: str
    assumptions: Assumptions
    result: Result
    made_up: tuple[str, ...] = ()


def lines(told: Told, signs: Signs) -> Iterator[str]:
    """Everything for people."""
    yield f"Group {told.group}: {told.assumptions.from_version} {signs.arrow} {told.version}, simulated"
    yield ""
    yield "Assumed:"
    yield from (f"  {line}" for line in assumed(told))
    yield ""
    yield "What happens:"
    for moment in told.result.moments:
        yield f"  {moments.absolute(moment.at)}  {_after(moment.at - told.result.started_at)}  {moment.happened.text}"
    yield f"  {moments.absolute(told.result.ended_at)}  {_after(told.result.ended_at - told.result.started_at)}  {ending(told)}"
    yield ""
    yield from _table(told, signs)


def assumed(told: Told) -> Iterator[str]:
    """What was taken for granted, a sentence each."""
    given = told.assumptions
    yield f"{given.fleet:,} instances at {given.from_version}, known for more than a year; seed {given.seed}."
    yield f"Each checks every {durations.text(given.interval_seconds)}, at most {given.jitter_percent} % of that earlier or later."
    yield (
        f"{_percent(given.failure_ppm)} of the updates fail after the download, and after {_percent(given.silence_ppm)} the instance is "
        "never heard again; each attempt alike."
    )
    yield (
        f"A download takes {durations.text(given.download_seconds)} and the restart after it {durations.text(given.reboot_seconds)}, half "
        "to one and a half of it."
    )
    yield (
        f"In a day {_percent(given.leave_ppm)} of the fleet leave and {_percent(given.join_ppm)} join; those that join run "
        f"{given.from_version}."
    )
    yield f"The operator acts within {durations.text(given.reaction_seconds)}; nothing is down."
    if given.approval_seconds is None:
        yield "Nobody approves a wave."
    else:
        yield f"A wave that needs an approval gets it after {durations.text(given.approval_seconds)}."
    yield "Groups that go first are far enough. What a halt leads to isn't looked at."
    yield from told.made_up


def ending(told: Told) -> str:
    """How it ended, in a sentence."""
    result = told.result
    counts = f"{result.on_target:,} of {result.active:,} active instances run {told.version}"
    if result.end is End.COMPLETE:
        beyond = f", {result.exhausted:,} can't be brought there" if result.exhausted else ""
        return f"Complete: {counts}{beyond}."
    if result.end is End.HALTED:
        return f"Halted: {result.why} {counts}."
    waits = f" {result.why}" if result.why else ""
    return f"Not finished after {durations.text(told.assumptions.until_seconds)}: {counts}.{waits}"


def document(told: Told) -> dict[str, Any]:
    """The same for programs."""
    result = told.result
    assumptions = asdict(told.assumptions)
    del assumptions["machines"]
    return {
        "group": told.group,
        "version": told.version,
        "assumptions": assumptions
        | {"started_at": told.assumptions.started_at.isoformat(), "made_up": list(told.made_up)},
        "outcome": result.end.value,
        "message": ending(told),
        "endedAt": result.ended_at.isoformat(),
        "instances": {
            "all": result.fleet,
            "active": result.active,
            "onTarget": result.on_target,
            "outOfReach": result.exhausted,
        },
        "updates": {"granted": result.granted, "succeeded": result.succeeded, "failed": result.failed},
        "waves": [
            {
                "name": wave.name,
                "openedAt": wave.opened_at.isoformat(),
                "settledAt": None if wave.settled_at is None else wave.settled_at.isoformat(),
                "expected": wave.expected,
            }
            for wave in result.course.opened or ()
        ],
        "moments": [
            {"at": moment.at.isoformat(), "reason": moment.happened.what.value, "message": moment.happened.text}
            for moment in result.moments
        ],
        "hours": [{"hour": number} | _camel(hour) for number, hour in enumerate(result.hours)],
    }


def _camel(hour: Hour) -> dict[str, int]:
    return {
        "granted": hour.granted,
        "succeeded": hour.succeeded,
        "failed": hour.failed,
        "lapsed": hour.lapsed,
        "onTarget": hour.on_target,
        "inFlight": hour.in_flight,
    }


def _table(told: Told, signs: Signs) -> Iterator[str]:
    hours = told.result.hours
    step = max(1, -(-len(hours) // _ROWS))
    rows = [summed(hours[start : start + step]) for start in range(0, len(hours), step)]
    most = max([row.granted for row in rows], default=0)
    head = ["After", "Granted", "Succeeded", "Failed", "Lapsed", "InFlight", "OnTarget", ""]
    cells = [head]
    for number, row in enumerate(rows):
        bar = signs.full * (-(-row.granted * _BAR // most) if most else 0)
        counts = (row.granted, row.succeeded, row.failed, row.lapsed, row.in_flight, row.on_target)
        cells.append([durations.text(number * step * 3600), *(f"{count:,}" for count in counts), bar])
    yield from output.aligned(cells)


def summed(hours: tuple[Hour, ...]) -> Hour:
    """Several hours as one: what happened is added up, what stands is as it was in the end."""
    return Hour(
        granted=sum(hour.granted for hour in hours),
        succeeded=sum(hour.succeeded for hour in hours),
        failed=sum(hour.failed for hour in hours),
        lapsed=sum(hour.lapsed for hour in hours),
        on_target=hours[-1].on_target,
        in_flight=hours[-1].in_flight,
    )


def _after(passed: timedelta) -> str:
    return f"{'+' + durations.text(passed // timedelta(seconds=1)):<{_LONGEST}}"


def _percent(ppm: int) -> str:
    return f"{ppm * 100 / PPM:g} %"
