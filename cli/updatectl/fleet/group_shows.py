"""Where does a watched group appear? On a screen that is drawn again, as a line for each change, or as objects for programs."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from update_kube.reflector import Change
from update_kube.resources import GROUPPROGRESSES, GROUPS
from updatectl.fleet import group_screen, group_transitions, group_watch, moments, signs
from updatectl.fleet.group_picture import Picture
from updatectl.settings import Format

_DUMB = "dumb"
"""A terminal that can't go back to what it printed."""

_KINDS = frozenset({GROUPS.kind, GROUPPROGRESSES.kind})


@contextlib.contextmanager
def chosen(form: Format) -> Iterator[group_watch.Show]:
    """The one for this form of output and this standard output."""
    if form in {Format.JSON, Format.YAML}:
        yield Objects(form)
    elif sys.stdout.isatty() and os.environ.get("TERM", _DUMB) != _DUMB:
        with _screen() as screen:
            yield screen
    else:
        yield Lines()


@dataclass
class Lines:
    """A line with the time whenever something of it has changed, after one for each thing that happened to its rollout."""

    _last: str = ""
    _before: Picture | None = None

    def picture(self, picture: Picture) -> None:
        """Print it if it says something new."""
        for happened in group_transitions.between(self._before, picture):
            signs.say(f"{moments.clock(moments.now())}  {happened}")
        self._before = picture
        line = group_screen.line(picture)
        if line != self._last:
            self._last = line
            signs.say(f"{moments.clock(moments.now())}  {line}")

    def change(self, change: Change) -> None:
        """Say nothing: the picture is what people read."""


@dataclass(frozen=True)
class Objects:
    """Each change of the Group and its counts as Kubernetes' watches have it: {"type", "object"}."""

    form: Format

    def picture(self, picture: Picture) -> None:
        """Say nothing: programs read the objects."""

    def change(self, change: Change) -> None:
        """Print it, as a line of JSON or a document of YAML."""
        if change.obj["kind"] not in _KINDS:
            return
        event = {"type": change.kind.value, "object": change.obj}
        if self.form is Format.JSON:
            typer.echo(json.dumps(event, ensure_ascii=False))
            return
        import yaml  # 30 ms that only -o yaml needs

        typer.echo("---\n" + yaml.safe_dump(event, allow_unicode=True, sort_keys=False), nl=False)


@dataclass(frozen=True)
class Screen:
    """The whole status, drawn over the one before."""

    live: Any
    """A rich.live.Live."""

    def picture(self, picture: Picture) -> None:
        """Draw it."""
        from rich.text import Text  # 60 ms that only a terminal needs

        lines = group_screen.lines(picture, signs.of(sys.stdout), moments.now())
        self.live.update(Text("\n".join(lines)), refresh=True)

    def change(self, change: Change) -> None:
        """Nothing yet: the picture follows at once."""


@contextlib.contextmanager
def _screen() -> Iterator[Screen]:
    from rich.live import Live  # as above

    with Live(auto_refresh=False, vertical_overflow="crop") as live:
        yield Screen(live)
