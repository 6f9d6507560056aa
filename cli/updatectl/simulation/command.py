"""`updatectl simulate` and `updatectl group simulate`: would this group's rollout come through, and when?"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from update_kube.resources import APPLICATIONS, CHANNELS, PACKAGES
from updatectl import group_words, lookup, output
from updatectl.commands import Call, reading
from updatectl.errors import CommandError
from updatectl.fleet import moments, signs
from updatectl.group_words import Words
from updatectl.session import Session
from updatectl.settings import Format
from updatectl.simulation import options
from updatectl.simulation.options import Typed

if TYPE_CHECKING:
    from updatectl.simulation.documents import Begun  # help does without, as below
    from updatectl.simulation.screen import Told

HALTED, UNFINISHED = 4, 5
"""Exit codes of a rollout that is halted, and of one that isn't complete when the time looked at is over."""

_FLEET = 10_000
_PLOTS = (".svg", ".png")

File = Annotated[
    Path,
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE",
        help="The Group's manifest, alone or with others; - reads from standard input.",
    ),
]
OfGroup = Annotated[
    str | None, typer.Option("--group", metavar="NAME", help="metadata.name of the Group, where there are several.")
]


def register(app: typer.Typer, groups: typer.Typer) -> None:
    """Add both commands."""
    reading(
        app,
        "simulate",
        "updatectl simulate -f group.yaml --fleet 100000 --interval 45m --failure-rate 0.5%",
        "updatectl simulate -f group.yaml --until 5d --start 2026-03-02T09:00+01:00   # by Saturday?",
        "updatectl simulate -f group.yaml --seed 7 --plot rollout.svg -o json",
    )(simulate)
    reading(
        groups,
        "simulate",
        "updatectl group simulate com-example-web-berlin",
        "updatectl group simulate com.example.web berlin --failure-rate 2% --plot berlin.png",
    )(simulate_group)


def simulate(
    call: Call,
    filename: File,
    group: OfGroup = None,
    fleet: options.Fleet = None,
    interval: options.Interval = "45m",
    jitter: options.Jitter = 10,
    failure_rate: options.FailureRate = "1%",
    silence_rate: options.SilenceRate = "0%",
    download: options.Download = "5m",
    reboot: options.Reboot = "10m",
    leave: options.Leave = "0%",
    join: options.Join = "0%",
    approve_after: options.Approve = "1h",
    from_version: options.From = None,
    start: options.Start = None,
    until: options.Until = "30d",
    seed: options.Seed = 1,
    plot: options.Plot = None,
) -> None:
    """Run the rollout of a Group's manifest through for a fleet that is made up, and tell what happens when. Nothing is asked of a cluster.

    Exit code 0: it is complete in the time looked at. 4: its failures halt it. 5: it isn't complete.
    """
    from updatectl.simulation import documents

    typed = Typed(
        fleet, interval, jitter, failure_rate, silence_rate, download, reboot, leave, join, approve_after, from_version, start, until, seed
    )  # fmt: skip
    _run(call, documents.read(_documents(filename), group), typed, _FLEET, plot)


def simulate_group(
    call: Call,
    words: Words,
    fleet: options.Fleet = None,
    interval: options.Interval = "45m",
    jitter: options.Jitter = 10,
    failure_rate: options.FailureRate = "1%",
    silence_rate: options.SilenceRate = "0%",
    download: options.Download = "5m",
    reboot: options.Reboot = "10m",
    leave: options.Leave = "0%",
    join: options.Join = "0%",
    approve_after: options.Approve = "1h",
    from_version: options.From = None,
    start: options.Start = None,
    until: options.Until = "30d",
    seed: options.Seed = 1,
    plot: options.Plot = None,
) -> None:
    """Run a rollout of a group through, as if it began now with the fleet that the group has, and tell what happens when.

    Exit code 0: it is complete in the time looked at. 4: its failures halt it. 5: it isn't complete.
    """
    typed = Typed(
        fleet, interval, jitter, failure_rate, silence_rate, download, reboot, leave, join, approve_after, from_version, start, until, seed
    )  # fmt: skip
    wanted = group_words.parse(words)
    begun, counted = call.run(lambda session: _load(session, wanted))
    _run(call, begun, typed, counted or _FLEET, plot)


async def _load(session: Session, wanted: group_words.Wanted) -> "tuple[Begun, int]":
    from updatectl.simulation import documents

    group = (await group_words.find(session, wanted)).group
    name = group["spec"]["applicationRef"]["name"]
    members = {"spec.applicationRef.name": name}
    applications = await session.find_all(APPLICATIONS, lookup.selector({"metadata.name": name}))
    channels = await session.find_all(CHANNELS, lookup.selector(members))
    packages = await session.find_all(PACKAGES, lookup.selector(members))
    counted = int(group.get("status", {}).get("instances", {}).get("active", 0))
    return documents.begun(group, applications, channels, packages), counted


def _run(call: Call, begun: "Begun", typed: Typed, fleet: int, plot: Path | None) -> None:
    from update_core.simulation import run
    from update_core.simulation.journal import End
    from updatectl.simulation import documents, screen

    if call.form is Format.NAME:
        raise typer.BadParameter("a simulation has no names to show: use -o table, json or yaml", param_hint="--output")
    if plot is not None and plot.suffix not in _PLOTS:
        raise typer.BadParameter(f"{plot} is neither an .svg nor a .png file", param_hint="--plot")
    assumptions = options.assumptions(typed, begun.from_version, fleet, moments.now())
    begun = documents.seeded(begun, assumptions.seed)
    with _undisturbed(), _told(assumptions.until_seconds) as told:
        try:
            result = run.run(begun.group, assumptions, told=told)
        except ValueError as error:
            raise CommandError(f"it can't be simulated: {error}") from error
    version = begun.group.stamp.version if begun.group.stamp is not None else ""
    told_ = screen.Told(begun.group.name, version, assumptions, result, begun.made_up)
    if plot is not None:
        _plot(told_, plot)
    if call.form in {Format.JSON, Format.YAML}:
        output.show_document(screen.document(told_), call.form)
    else:
        for line in screen.lines(told_, signs.of(sys.stdout)):
            signs.say(line)
    if result.end is not End.COMPLETE:
        raise typer.Exit(HALTED if result.end is End.HALTED else UNFINISHED)


def _plot(told: "Told", plot: Path) -> None:
    from updatectl.simulation import chart, png, svg

    drawn = chart.drawn(told)
    try:
        plot.write_bytes(png.file(drawn) if plot.suffix == ".png" else svg.file(drawn).encode())
    except OSError as error:
        raise CommandError(f"{plot} can't be written: {error.strerror}") from error


def _documents(filename: Path) -> list[Any]:
    import yaml  # 30 ms that only this needs

    try:
        text = sys.stdin.read() if str(filename) == "-" else filename.read_text()
        found = list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"{filename} can't be read: {error}") from error
    return [item for each in found for item in (each.get("items", [each]) if isinstance(each, dict) else [])]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the search for cycles: nothing of a simulation is in one, and among millions of objects it takes long."""
    import gc

    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # What is left of it isn't looked through either: the process ends soon.
            gc.freeze()
            gc.enable()


@contextmanager
def _told(until_seconds: int) -> "Iterator[Any]":
    """How far it is, on standard error, on a terminal only; what was written is gone afterwards."""
    shows = sys.stderr.isatty()

    def told(seconds: int, on_target: int) -> None:
        if shows:
            sys.stderr.write(
                f"\r\x1b[Kday {seconds // 86400} of {until_seconds // 86400}, {on_target:,} on the target "
            )
            sys.stderr.flush()

    try:
        yield told
    finally:
        if shows:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
