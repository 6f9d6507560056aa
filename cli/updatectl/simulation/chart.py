"""What is drawn of a simulation? Updates given out in each hour as bars, the instances on the target as a line, a mark where a wave opens.

The picture is rectangles, lines and words at places in pixels; `svg` and `png` know how these are written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from update_core.rollout.advance import Happening
from updatectl.simulation import screen
from updatectl.simulation.screen import Told

WIDTH, HEIGHT = 960, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 80, 60, 50
_ACROSS, _DOWN = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_MOST_BARS = 240
_DAY = 24

INK, GRID, BARS, LINE, MARK = "#222222", "#dddddd", "#8fb8de", "#1f6f43", "#b3541e"


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    left: int
    top: int
    width: int
    height: int
    colour: str


@dataclass(frozen=True)
class Path:
    """A line through points."""

    points: tuple[tuple[int, int], ...]
    colour: str


@dataclass(frozen=True)
class Word:
    """Text on a baseline that begins, is centred, or ends at a point."""

    left: int
    base: int
    text: str
    anchor: str = "start"
    colour: str = INK


Shape = Box | Path | Word


def drawn(told: Told) -> list[Shape]:
    """The picture's shapes, the first at the back."""
    return [Box(0, 0, WIDTH, HEIGHT, "#ffffff"), *_bars(told), *_axes(told), *_line(told), *_waves(told), *_title(told)]


def _title(told: Told) -> Iterator[Shape]:
    yield Word(
        _LEFT,
        24,
        f"{told.group}: {told.assumptions.from_version} to {told.version}, {told.assumptions.fleet:,} instances",
    )
    yield Word(_LEFT, 42, screen.ending(told).partition(":")[0] + f", seed {told.assumptions.seed}")
    yield Word(_LEFT - 8, _TOP - 6, "per hour", "end", BARS)
    yield Word(WIDTH - _RIGHT + 8, _TOP - 6, "on target", "start", LINE)


def _bars(told: Told) -> Iterator[Shape]:
    hours = told.result.hours
    step = max(1, -(-len(hours) // _MOST_BARS))
    most = _most_granted(told)
    for start in range(0, len(hours), step):
        part = hours[start : start + step]
        height = sum(hour.granted for hour in part) * _DOWN // (most * len(part)) if most else 0
        left, right = _across(told, start), _across(told, start + len(part))
        if height:
            yield Box(left, _TOP + _DOWN - height, max(right - left - 1, 1), height, BARS)


def _line(told: Told) -> Iterator[Shape]:
    whole = max(told.result.active, told.assumptions.fleet, 1)
    points = [(_LEFT, _TOP + _DOWN)]
    for number, hour in enumerate(told.result.hours):
        points.append((_across(told, number + 1), _TOP + _DOWN - hour.on_target * _DOWN // whole))
    yield Path(tuple(points), LINE)


def _waves(told: Told) -> Iterator[Shape]:
    for number, moment in enumerate(m for m in told.result.moments if m.happened.what is Happening.WAVE_OPENED):
        hours = (moment.at - told.result.started_at) / timedelta(hours=1)
        left = _LEFT + round(hours * _ACROSS / _length(told))
        yield Path(((left, _TOP), (left, _TOP + _DOWN)), MARK)
        name = moment.happened.text.removeprefix("Wave ").partition(" ")[0]
        yield Word(left + 4, _TOP + 14 + 14 * (number % 4), name, colour=MARK)


def _axes(told: Told) -> Iterator[Shape]:
    most, whole = _most_granted(told), max(told.result.active, told.assumptions.fleet, 1)
    for quarter in range(5):
        height = _TOP + _DOWN - quarter * _DOWN // 4
        yield Path(((_LEFT, height), (_LEFT + _ACROSS, height)), GRID)
        yield Word(_LEFT - 8, height + 4, f"{most * quarter // 4:,}", "end")
        yield Word(_LEFT + _ACROSS + 8, height + 4, f"{whole * quarter // 4:,}")
    length = _length(told)
    unit, name = (_DAY, "day") if length >= 3 * _DAY else (1, "hour")
    step = unit * max(1, -(-length // (unit * 10)))
    for hour in range(0, length + 1, step):
        left = _across(told, hour)
        yield Path(((left, _TOP + _DOWN), (left, _TOP + _DOWN + 5)), INK)
        yield Word(left, _TOP + _DOWN + 20, str(hour // unit), "middle")
    yield Word(
        _LEFT + _ACROSS // 2, HEIGHT - 10, f"{name}s since {told.result.started_at:%Y-%m-%d %H:%M} UTC", "middle"
    )


def _length(told: Told) -> int:
    return max(len(told.result.hours), 1)


def _across(told: Told, hour: int) -> int:
    return _LEFT + min(hour, _length(told)) * _ACROSS // _length(told)


def _most_granted(told: Told) -> int:
    hours = told.result.hours
    step = max(1, -(-len(hours) // _MOST_BARS))
    parts = [hours[start : start + step] for start in range(0, len(hours), step)]
    return max([-(-sum(hour.granted for hour in part) // len(part)) for part in parts], default=0)
