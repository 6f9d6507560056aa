"""How do a group's rollouts go on? The options for waves, halting, retries and who goes first → the fields of its spec.

What isn't given stays. A number of 0 or an empty text takes away, and so do the options that say no.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from updatectl import dependencies, durations, spec_fields, waves
from updatectl.dependencies import Dependency
from updatectl.errors import CommandError
from updatectl.session import Changes, Object

_WHOLE = 100
_PERCENT = re.compile(r"([0-9]+)%?", re.ASCII)


class OnHalt(StrEnum):
    """What becomes of a rollout that its failures halted."""

    PAUSE = "pause"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class RolloutOptions:
    """What may be said of a group's rollouts; None is left as it is."""

    wave: Annotated[
        list[str] | None,
        typer.Option(
            waves.OPTION,
            metavar="NAME:SHARE[,…]",
            help='A part of the instances that moves at one time, such as "canary:20i,bake=1h" or "early:5%,settle=80,approval"; may be '
            "given several times, in their order, and replaces the waves that there are. Also match=board:amd64-usr|arm64-usr, with !: for "
            "none of these.",
        ),
    ] = None
    linear_over: Annotated[
        str | None,
        typer.Option("--linear-over", metavar="LENGTH", help="Instead of waves: let in all the time, all after 24h."),
    ] = None
    linear_from: Annotated[
        str | None,
        typer.Option("--linear-from", metavar="PERCENT", help="The share with which --linear-over begins."),
    ] = None
    halt_on_failures: Annotated[
        str | None,
        typer.Option(
            "--halt-on-failures",
            metavar="PERCENT",
            help="Halt when so many percent of the outcomes are failures; 0: don't.",
        ),
    ] = None
    halt_on_consecutive: Annotated[
        int | None,
        typer.Option("--halt-on-consecutive", min=0, help="Halt when so many instances fail in a row; 0: don't."),
    ] = None
    min_samples: Annotated[
        int | None,
        typer.Option("--min-samples", min=0, help="Outcomes that --halt-on-failures waits for; 0: ten, as at first."),
    ] = None
    on_halt: Annotated[
        OnHalt | None,
        typer.Option("--on-halt", case_sensitive=False, help="rollback: move instances back when failures halt it."),
    ] = None
    retry: Annotated[
        int | None,
        typer.Option("--retry", min=0, help="How often an instance is given one version; 0: five times, as at first."),
    ] = None
    retry_backoff: Annotated[
        str | None,
        typer.Option(
            "--retry-backoff",
            metavar="LENGTH",
            help='How long it waits after its first failure, such as 60s; "": a minute, as at first.',
        ),
    ] = None
    depends_on: Annotated[
        list[str] | None,
        typer.Option(
            "--depends-on",
            metavar="GROUP[:PERCENT[:SOAK]]",
            help="Begin when this group is so far for so long, such as frankfurt:90:2h; may be given several times, and replaces "
            "those that there are.",
        ),
    ] = None
    complete_percent: Annotated[
        int | None,
        typer.Option(
            "--complete-percent", min=0, max=_WHOLE, help="Percent of the active instances that are all; 0: 100."
        ),
    ] = None
    salt: Annotated[
        str | None,
        typer.Option("--salt", help='Have the same instances first in each rollout; "": others each time.'),
    ] = None
    min_age: Annotated[
        str | None,
        typer.Option(
            "--min-age",
            metavar="LENGTH",
            help='How long an instance has to be known before it counts; "": ten minutes, as at first.',
        ),
    ] = None

    @property
    def dependencies(self) -> tuple[Dependency, ...] | None:
        """The groups that go first; None where that stays. Raises typer.BadParameter for what can't be read."""
        return None if not self.depends_on else tuple(map(dependencies.parse, self.depends_on))

    def changes(self, existing: Object | None) -> Changes:
        """The spec's fields, but for the groups that go first. Raises typer.BadParameter or CommandError for what makes no sense."""
        there = (existing or {}).get("spec", {})
        return {**self._parts(there), **self._halt_on(there), **self._simple()}

    def _parts(self, there: Object) -> Changes:
        """Waves, or a share that grows."""
        changes: dict[str, object] = {}
        if self.wave:
            if self.linear_over or self.linear_from:
                raise typer.BadParameter(
                    "--wave and --linear-over contradict each other: a rollout goes in one of the two ways"
                )
            changes["rollout.waves"] = waves.parse_all(tuple(self.wave))
        if self.linear_over is not None:
            seconds = durations.option(self.linear_over, "--linear-over") if self.linear_over else 0
            changes["rollout.linear" if not seconds else "rollout.linear.durationSeconds"] = seconds or None
        if self.linear_from is not None:
            if self.linear_over == "" or not (self.linear_over or spec_fields.get(there, "rollout.linear")):
                raise CommandError("--linear-from is where --linear-over begins: give that too")
            changes["rollout.linear.startPercent"] = (
                waves.percent(self.linear_from, "--linear-from") if self.linear_from else None
            )
        return changes

    def _halt_on(self, there: Object) -> Changes:
        bounds = {"failurePercent": self._failure_percent(), "consecutiveFailures": self.halt_on_consecutive}
        given = {name: value for name, value in bounds.items() if value is not None}
        known = spec_fields.get(there, "rollout.haltOn") or {}
        # Zeros take away: without any bound left nothing halts, and the rest would be refused.
        if given and not any(given.get(name, known.get(name)) for name in bounds):
            return {"rollout.haltOn": None}
        samples = {} if self.min_samples is None else {"minSamples": self.min_samples}
        return {f"rollout.haltOn.{name}": value or None for name, value in (given | samples).items()}

    def _failure_percent(self) -> int | None:
        if self.halt_on_failures is None:
            return None
        typed = _PERCENT.fullmatch(self.halt_on_failures.strip() or "0")
        if typed is None or int(typed[1]) > _WHOLE:
            raise typer.BadParameter(
                f"{self.halt_on_failures!r} is no whole percentage from 0 to 100", param_hint="--halt-on-failures"
            )
        return int(typed[1])

    def _simple(self) -> Changes:
        changes: dict[str, object] = {}
        if self.on_halt is not None:
            changes["rollout.onHalt"] = self.on_halt.value.capitalize()
        if self.retry is not None:
            changes["rollout.retry.maxAttempts"] = self.retry or None
        if self.retry_backoff is not None:
            changes["rollout.retry.backoffSeconds"] = _length(self.retry_backoff, "--retry-backoff")
        if self.complete_percent is not None:
            changes["rollout.completePercent"] = self.complete_percent or None
        if self.salt is not None:
            changes["rollout.salt"] = self.salt or None
        if self.min_age is not None:
            changes["evidence.minAgeSeconds"] = _length(self.min_age, "--min-age")
        return changes


@dataclass(frozen=True)
class RolloutChange(RolloutOptions):
    """The same, with what takes away."""

    no_waves: Annotated[bool, typer.Option("--no-waves", help="Take all waves away: everybody moves at once.")] = False
    no_linear: Annotated[bool, typer.Option("--no-linear", help="Take --linear-over away.")] = False
    no_halt_on: Annotated[bool, typer.Option("--no-halt-on", help="Let no failures halt a rollout.")] = False
    no_depends_on: Annotated[bool, typer.Option("--no-depends-on", help="Wait for no other group.")] = False

    @property
    def dependencies(self) -> tuple[Dependency, ...] | None:
        """The groups that go first, none at all where they are taken away."""
        return () if self.no_depends_on else super().dependencies

    def changes(self, existing: Object | None) -> Changes:
        """The spec's fields. Raises typer.BadParameter for an option and its opposite."""
        for option, given, taken_away in (
            ("--wave and --no-waves", self.wave, self.no_waves),
            ("--linear-over and --no-linear", self.linear_over or self.linear_from, self.no_linear),
            ("--halt-on-… and --no-halt-on", self._says_halt_on, self.no_halt_on),
            ("--depends-on and --no-depends-on", self.depends_on, self.no_depends_on),
        ):
            if given and taken_away:
                raise typer.BadParameter(f"{option} contradict each other")
        taken = {"rollout.waves": self.no_waves, "rollout.linear": self.no_linear, "rollout.haltOn": self.no_halt_on}
        return {**super().changes(existing), **{field: None for field, wanted in taken.items() if wanted}}

    @property
    def _says_halt_on(self) -> bool:
        given = (self.halt_on_failures, self.halt_on_consecutive, self.min_samples)
        return any(value is not None for value in given)


def _length(text: str, option: str) -> int | None:
    return durations.option(text, option) if text.strip() else None
