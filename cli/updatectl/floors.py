"""Which versions does nobody go past? The options of a channel's floors → the field of its spec."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from updatectl import ownership
from updatectl.errors import CommandError, owned_elsewhere
from updatectl.session import Changes, Object

Floors = Annotated[
    list[str] | None,
    typer.Option(
        "--floor",
        metavar="VERSION[=REASON]",
        help="A version that no instance below it goes past; may be given several times, and is added to those that there are.",
    ),
]
NoFloors = Annotated[bool, typer.Option("--no-floors", help="Take the channel's floors away, before any --floor.")]


@dataclass(frozen=True)
class FloorChange:
    """The floors as given: those that are `added`, or whose reason is changed, to what there is unless that is `cleared`."""

    added: tuple[tuple[str, str | None], ...] = ()
    cleared: bool = False

    def changes(self, existing: Object | None) -> Changes:
        """The spec's field. Raises CommandError if a floor that is to go is another manager's."""
        if not self.added and not self.cleared:
            return {}
        there = (existing or {}).get("spec", {}).get("floors", [])
        ours = (
            {}
            if self.cleared
            else {floor["version"]: floor for floor in ownership.owned_spec(existing or {}).get("floors", [])}
        )
        wanted = ours | {version: _floor(version, reason) for version, reason in self.added}
        lost = [floor["version"] for floor in there if floor["version"] not in wanted] if self.cleared else []
        others = ownership.other_owners(existing or {}, "floors")
        if wanted and lost and others:
            raise CommandError(owned_elsewhere("spec.floors", others))
        return {"floors": list(wanted.values()) or None}


def given(floors: list[str] | None, *, no_floors: bool = False) -> FloorChange:
    """The floors of the options. Raises typer.BadParameter for one without a version."""
    return FloorChange(tuple(_split(text) for text in floors or ()), cleared=no_floors)


def text(floor: Object) -> str:
    """A floor as it can be typed."""
    reason = floor.get("reason")
    return f"{floor['version']}={reason}" if reason else str(floor["version"])


def _split(typed: str) -> tuple[str, str | None]:
    version, equals, reason = typed.partition("=")
    if not version.strip():
        raise typer.BadParameter(
            f"{typed!r} names no version: give VERSION, or VERSION=REASON such as '1.5.0=key rotation'",
            param_hint="--floor",
        )
    return version.strip(), reason.strip() if equals else None


def _floor(version: str, reason: str | None) -> dict[str, Any]:
    return {"version": version, "reason": reason} if reason else {"version": version}
