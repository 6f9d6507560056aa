"""Which signs can the output show? Those of Unicode where it is written in one, plain ASCII elsewhere."""

import shutil
import sys
from dataclasses import dataclass
from typing import TextIO

import typer

_NARROWEST = 60


@dataclass(frozen=True)
class Signs:
    """The marks of rules, and what bars are made of."""

    passes: str
    refuses: str
    skipped: str
    full: str
    empty: str
    arrow: str


UNICODE = Signs(passes="✓", refuses="✗", skipped="–", full="█", empty="░", arrow="→")
ASCII = Signs(passes="+", refuses="x", skipped="-", full="#", empty=".", arrow="->")


def of(stream: TextIO) -> Signs:
    """The signs that can be written there."""
    try:
        "".join(vars(UNICODE).values()).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def width() -> int | None:
    """How wide a line may be; None where nobody looks at it."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None


def say(line: str) -> None:
    """Print a line that may hold what others wrote; a character that the output doesn't have becomes `?`."""
    encoding = sys.stdout.encoding or "ascii"
    typer.echo(line.encode(encoding, "replace").decode(encoding))
