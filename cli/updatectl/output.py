"""How are objects shown? Tables as the original printed them, or the objects themselves for programs.

Only what was asked for goes to standard output, so that it can be piped; remarks go to standard error.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from updatectl.settings import Format

Object = dict[str, Any]

_GAP = 2


@dataclass(frozen=True)
class Column:
    """A column of a table: its header, and what it shows of an object. A wide one is for -o wide only."""

    header: str
    value: Callable[[Object], object]
    wide: bool = False


def show_list(objects: Sequence[Object], columns: Sequence[Column], form: Format) -> None:
    """Show objects; a table has a header even without rows."""
    if form in {Format.JSON, Format.YAML}:
        items = [_bare(obj) for obj in objects]
        _dump({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}, form)
    else:
        _show_lines(objects, columns, form, header=True)


def show(obj: Object, columns: Sequence[Column], form: Format, *, header: bool) -> None:
    """Show one object; `header` only concerns tables."""
    if form in {Format.JSON, Format.YAML}:
        _dump(_bare(obj), form)
    else:
        _show_lines([obj], columns, form, header=header)


class Growing:
    """A list that is shown in parts: each part's table continues the one before, with columns that only get wider."""

    def __init__(self, columns: Sequence[Column], form: Format) -> None:
        self._columns = columns
        self._form = form
        self._widths: list[int] | None = None

    def show(self, objects: Sequence[Object]) -> None:
        """Show more objects; the first part has the header. For tables and names."""
        header = self._widths is None
        self._widths = _show_lines(objects, self._columns, self._form, header=header, least=self._widths)


def show_deleted(obj: Object, sentence: str, form: Format) -> None:
    """Show what was deleted: a sentence for people, the object as it was for programs."""
    if form in {Format.TABLE, Format.WIDE}:
        typer.echo(sentence)
    else:
        show(obj, (), form, header=False)


def show_document(document: Object, form: Format) -> None:
    """Show what is no object of Kubernetes, for programs."""
    _dump(document, form)


def remark(text: str) -> None:
    """Say something beside the result."""
    typer.echo(text, err=True)


def condition(obj: Mapping[str, Any], kind: str) -> str:
    """The status of a condition, `-` where the operator hasn't said anything yet."""
    conditions = obj.get("status", {}).get("conditions") or ()
    return next((str(c.get("status")) for c in conditions if c.get("type") == kind), "-")


def printable(text: str) -> str:
    """What others wrote, fit for a line: a line break would tear it apart, a control character could repaint the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines whose cells stand below each other; the last cell is as long as it is."""
    widths = [max(map(len, column)) + _GAP for column in zip(*rows, strict=True)]
    for row in rows:
        yield "".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _show_lines(
    objects: Sequence[Object], columns: Sequence[Column], form: Format, *, header: bool, least: list[int] | None = None
) -> list[int]:
    """Print a table whose columns are at least so wide, or names; returns how wide they are."""
    if form is Format.NAME:
        for obj in objects:
            group = obj["apiVersion"].rpartition("/")[0]
            typer.echo(f"{obj['kind'].lower()}.{group}/{obj['metadata']['name']}")
        return []
    shown = [column for column in columns if form is Format.WIDE or not column.wide]
    rows = [[column.header for column in shown]] if header else []
    rows += [[_cell(column.value(obj)) for column in shown] for obj in objects]
    widths = [max([len(row[i]) + _GAP for row in rows], default=0) for i in range(len(shown))]
    if least:
        widths = [max(pair) for pair in zip(widths, least, strict=True)]
    for row in rows:
        typer.echo("".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    return widths


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return printable(str(value))


def _bare(obj: Object) -> Object:
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def _dump(document: Object, form: Format) -> None:
    if form is Format.JSON:
        typer.echo(json.dumps(document, indent=4, ensure_ascii=False))
    else:
        import yaml  # 30 ms that only -o yaml needs

        typer.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), nl=False)
