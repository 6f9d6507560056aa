"""Which groups go first? A group of dependsOn as it is typed ↔ as a Group's spec has it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from update_kube.resources import GROUPS
from updatectl import durations, lookup, waves
from updatectl.errors import CommandError
from updatectl.session import Object, Session

OPTION = "--depends-on"

_WHOLE = 100
_FORM = re.compile(r"(?P<group>.+?)(?::(?P<percent>[0-9.]+%?)(?::(?P<soak>[0-9a-z]+))?)?")


@dataclass(frozen=True)
class Dependency:
    """A group that goes first, as it is typed: its id or its object's name, and how far it has to be for how long."""

    group: str
    percent: int | str = _WHOLE
    soak_seconds: int = 0


def parse(text: str) -> Dependency:
    """The group of `GROUP[:PERCENT[:SOAK]]`. Raises typer.BadParameter if it is none."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(
            f"{text!r} names no group: write it as GROUP, GROUP:PERCENT or GROUP:PERCENT:SOAK, such as frankfurt:90:2h",
            param_hint=OPTION,
        )
    percent, soak = match["percent"], match["soak"]
    return Dependency(
        match["group"],
        waves.percent(percent, OPTION) if percent else _WHOLE,
        durations.option(soak, OPTION) if soak else 0,
    )


def text(wire: Object) -> str:
    """A group of the spec as it can be typed, by its object's name."""
    percent, soak = wire.get("minPercent", _WHOLE), wire.get("soakSeconds", 0)
    parts = [str(wire["groupRef"]["name"])]
    if soak or percent != _WHOLE:
        parts.append(str(percent))
    if soak:
        parts.append(durations.text(soak))
    return ":".join(parts)


async def resolved(session: Session, application: Object, wanted: Sequence[Dependency]) -> list[Object]:
    """As the spec has them, by the names of their objects. Raises CommandError for a group that isn't there."""
    return [
        {
            "groupRef": {"name": await _name(session, application, dependency.group)},
            "minPercent": dependency.percent,
            "soakSeconds": dependency.soak_seconds,
        }
        for dependency in wanted
    ]


async def _name(session: Session, application: Object, group: str) -> str:
    """Of the same application by its id, of any by its object's name."""
    found = await lookup.find_group(session, application, group)
    if found is None:
        named = await session.find_all(GROUPS, lookup.selector({"metadata.name": group}))
        found = named[0] if named else None
    if found is None:
        app_id = application["spec"]["appId"]
        raise CommandError(
            f"--depends-on: application {app_id} has no group {group}, and no Group of namespace {session.namespace} has this name. "
            f"`updatectl group list {app_id}` shows those that there are."
        )
    return str(found["metadata"]["name"])
