"""Writes docs/omaha-conformance.md from the tests of tests/integration/conformance, or with --check says how it differs from them.

A test says which point it proves with `@pytest.mark.omaha_point(number)`. One test of each point says in its docstring what the point is,
and in the marker who breaks without it: `omaha_point(number, breaks="...")`. The tests are read, not run.
"""

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "integration" / "conformance"
PAGE = ROOT / "docs" / "omaha-conformance.md"
NUMBERS = range(1, 61)
MARKER = "omaha_point"

HEAD = """\
<!-- Generated from tests/integration/conformance by `make conformance`; changes belong there. -->

# Omaha conformance

Omaha has a specification that no client keeps to. What counts is what the clients' own code sends and accepts, and this is the list of
it: sixty points, each with those who would break otherwise, and the tests that prove it. They run with `make test` against the real
service, a process of its own with a real Kubernetes API behind it, over real sockets. Each answer that they get is also read by strict
parsers that were written after the clients' code, one for each client.

Clients, in short: *update_engine* is Flatcar's; *go-omaha*, *ue-rs* and the *Nebraska updater* are of its neighbourhood; *updatectl*
stands for CoreOS' tool with its fake clients and `watch`. They speak XML 3.0, as does *Omaha 3*, Google's updater on Windows. *Fuchsia*
speaks JSON 3.0, *Chromium* (and Brave, and whatever else is made of it) JSON 3.1 and, of late, 4.0.

Two points are ahead of what can be written into resources: percentages (50) and floors (41) are proven of the code that they will use.

| number | point | who breaks otherwise | test |
| --- | --- | --- | --- |
"""


class ConformanceError(Exception):
    """The tests don't make a whole table; the message says why not."""


@dataclass(frozen=True)
class Proof:
    """A test of a point. `breaks` is None but in the test that describes it."""

    number: int
    file: str
    test: str
    point: str
    breaks: str | None


def proofs(folder: Path) -> list[Proof]:
    """What the tests of a folder prove, in the order of files and tests.

    Raises:
        ConformanceError: a marker isn't written as this tool can read it.
    """
    return [proof for file in sorted(folder.glob("test_*.py")) for proof in _in_file(file)]


def _in_file(file: Path) -> Iterator[Proof]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", None) == MARKER:
                    yield _proof(file.name, node, decorator)


def _proof(file: str, test: ast.FunctionDef | ast.AsyncFunctionDef, marker: ast.Call) -> Proof:
    where = f"{file}::{test.name}"
    try:
        (number,) = map(ast.literal_eval, marker.args)
        words = {keyword.arg: ast.literal_eval(keyword.value) for keyword in marker.keywords}
    except ValueError:
        raise ConformanceError(f"{where}: {MARKER} takes one number and plain texts") from None
    breaks = words.pop("breaks", None)
    if (
        not test.name.startswith("test_")
        or words
        or number not in NUMBERS
        or not (breaks is None or isinstance(breaks, str))
    ):
        raise ConformanceError(
            f"{where}: {MARKER} marks tests, with a number from 1 to {NUMBERS[-1]} and the text `breaks`"
        )
    return Proof(number, file, test.name, " ".join((ast.get_docstring(test) or "").split()), breaks)


def problems(found: Iterable[Proof]) -> list[str]:
    """Why these make no whole table."""
    said: list[str] = []
    everything = list(found)
    for number in NUMBERS:
        described = [proof for proof in everything if proof.number == number and proof.breaks is not None]
        names = ", ".join(f"{proof.file}::{proof.test}" for proof in described)
        if not described:
            said.append(f"no test says of point {number} who breaks without it")
        elif len(described) > 1:
            said.append(f"point {number} is described more than once: {names}")
        elif not described[0].point or not (described[0].breaks or "").strip():
            said.append(f"point {number} has an empty cell: {names} needs a docstring and `breaks`")
    return said


def rendered(folder: Path = FOLDER) -> str:
    """The page.

    Raises:
        ConformanceError: the tests make no whole table.
    """
    found = proofs(folder)
    if wrong := problems(found):
        raise ConformanceError("\n".join(wrong))
    return HEAD + "".join(f"{_row(number, found)}\n" for number in NUMBERS)


def _row(number: int, found: Iterable[Proof]) -> str:
    of_point = [proof for proof in found if proof.number == number]
    (described,) = [proof for proof in of_point if proof.breaks is not None]
    tests = "<br>".join(_link(proof) for proof in of_point)
    return f"| {number} | {_cell(described.point)} | {_cell(described.breaks or '')} | {tests} |"


def _link(proof: Proof) -> str:
    return f"[`{proof.file}::{proof.test}`](../{FOLDER.relative_to(ROOT).as_posix()}/{proof.file})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> int:
    """Exit code 0, or 1 if the tests make no whole table, or --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if the page differs")
    check = parser.parse_args().check
    try:
        page = rendered()
    except ConformanceError as error:
        print(error, file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        print(f"docs/{PAGE.name} differs from the tests; run `make conformance`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
