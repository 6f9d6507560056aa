"""Which architecture is a package for? As typed, by any of its names, `all` for a package that is for every one without its own."""

from typing import Annotated

import typer

from update_core import architectures
from updatectl.session import Object

ALL = "all"

Arch = Annotated[
    str | None,
    typer.Option("--arch", help=f"The package's architecture: {', '.join(architectures.NAMES)}; {ALL}: for every one."),
]


def canonical(text: str | None) -> str | None:
    """The architecture by Debian's name, or ALL; None where none is given. Raises typer.BadParameter for what is unknown."""
    if text is None or text == ALL:
        return text
    name = architectures.named(text)
    if not name:
        known = ", ".join(architectures.NAMES)
        raise typer.BadParameter(f"{text!r} is no architecture: give {known}, or {ALL}", param_hint="--arch")
    return name


def of(package: Object) -> str:
    """A Package's architecture, ALL where it names none."""
    return str(package["spec"].get("arch") or ALL)


def field(arch: str) -> str | None:
    """The spec's field of an architecture, None for ALL."""
    return None if arch == ALL else arch
