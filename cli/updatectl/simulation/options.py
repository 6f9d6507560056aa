"""What is assumed of the fleet? The options of both commands, as they are typed → Assumptions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from updatectl import durations

if TYPE_CHECKING:
    from update_core.simulation.assumptions import Assumptions  # help does without

Fleet = Annotated[
    int | None,
    typer.Option("--fleet", min=1, help="How many instances there are; else as many as the group has, or 10000."),
]
Interval = Annotated[str, typer.Option("--interval", metavar="LENGTH", help="How often an instance checks.")]
Jitter = Annotated[
    int, typer.Option("--jitter", metavar="PERCENT", min=0, max=50, help="How much earlier or later a check may come.")
]
FailureRate = Annotated[
    str, typer.Option("--failure-rate", metavar="PERCENT", help="Of the updates: those that fail after the download.")
]
SilenceRate = Annotated[
    str,
    typer.Option(
        "--silence-rate",
        metavar="PERCENT",
        help="Of the updates: those whose instance is never heard again after the download.",
    ),
]
Download = Annotated[
    str, typer.Option("--download", metavar="LENGTH", help="How long a download takes; half to one and a half of it.")
]
Reboot = Annotated[
    str, typer.Option("--reboot", metavar="LENGTH", help="How long after it the new version checks; the same.")
]
Leave = Annotated[
    str, typer.Option("--leave", metavar="PERCENT", help="Of the fleet in a day: instances that go for good.")
]
Join = Annotated[str, typer.Option("--join", metavar="PERCENT", help="Of the fleet in a day: instances that appear.")]
Approve = Annotated[
    str,
    typer.Option("--approve-after", metavar="LENGTH", help='How long a wave waits for its approval; "never" for ever.'),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="VERSION", help="What the instances run; else the package before the channel's version."
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start", metavar="TIME", help="When the rollout begins, such as 2026-03-02T09:00Z; else now, to the hour."
    ),
]
Until = Annotated[str, typer.Option("--until", metavar="LENGTH", help="How long to look.")]
Seed = Annotated[int, typer.Option("--seed", help="Another seed, other chances; the same, the same.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it too: an SVG or a PNG file.")]


@dataclass(frozen=True)
class Typed:
    """The options as they were given."""

    fleet: int | None
    interval: str
    jitter: int
    failure_rate: str
    silence_rate: str
    download: str
    reboot: str
    leave: str
    join: str
    approve_after: str
    from_version: str | None
    start: str | None
    until: str
    seed: int


def assumptions(typed: Typed, from_version: str, fleet: int, now: datetime) -> "Assumptions":
    """The assumptions; what isn't said of version and fleet is as given. Raises typer.BadParameter for what can't be read."""
    from update_core import versions
    from update_core.simulation.assumptions import Assumptions

    if typed.from_version is not None and versions.parse_or_none(typed.from_version) is None:
        raise typer.BadParameter(f"{typed.from_version!r} is no version", param_hint="--from")
    never = typed.approve_after == "never"
    try:
        return Assumptions(
            fleet=typed.fleet or fleet,
            from_version=typed.from_version or from_version,
            started_at=_start(typed.start, now),
            until_seconds=durations.option(typed.until, "--until"),
            interval_seconds=durations.option(typed.interval, "--interval"),
            jitter_percent=typed.jitter,
            failure_ppm=_ppm(typed.failure_rate, "--failure-rate"),
            silence_ppm=_ppm(typed.silence_rate, "--silence-rate"),
            download_seconds=durations.option(typed.download, "--download"),
            reboot_seconds=durations.option(typed.reboot, "--reboot"),
            leave_ppm=_ppm(typed.leave, "--leave"),
            join_ppm=_ppm(typed.join, "--join"),
            approval_seconds=None if never else durations.option(typed.approve_after, "--approve-after"),
            seed=typed.seed,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _ppm(text: str, name: str) -> int:
    from update_core.rollout import cohort

    try:
        return cohort.ppm(text.strip().removesuffix("%"))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error


def _start(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time such as 2026-03-02T09:00Z", param_hint="--start") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} needs a zone: end it with Z or +01:00", param_hint="--start")
    return moment.astimezone(UTC)
