"""docs/omaha-conformance.md has sixty rows, each proven by a test that exists, and is the tests' own."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
TOOL = REPOSITORY / "tools" / "generate_conformance.py"
PAGE = REPOSITORY / "docs" / "omaha-conformance.md"
DESCRIBED = '@pytest.mark.omaha_point({}, breaks="every client")\ndef test_{}():\n    """It is so."""\n'


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("generate_conformance", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def run(root, *arguments):
    command = [sys.executable, str(root / "tools" / TOOL.name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_is_as_the_tests_say():
    checked = run(REPOSITORY, "--check")

    assert (checked.returncode, checked.stderr) == (0, "")


def test_there_are_sixty_rows_and_no_empty_cell():
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert [int(number) for number, _ in rows] == list(range(1, 61))
    for number, cells in rows:
        point, breaks, tests = (cell.strip() for cell in re.split(r"(?<!\\)\|", cells))
        assert (bool(point), bool(breaks), "::test_" in tests) == (True, True, True), number


@pytest.fixture
def folder(tmp_path):
    """A copy of the project's tests with the tool beside it, and the page that it makes of them."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOL, tmp_path / "tools")
    copied = tmp_path / "tests" / "integration" / "conformance"
    shutil.copytree(REPOSITORY / "tests" / "integration" / "conformance", copied)
    assert run(tmp_path).returncode == 0
    return copied


def test_an_older_page_is_noticed(folder):
    root = folder.parents[2]
    assert run(root, "--check").returncode == 0
    page = root / "docs" / PAGE.name
    page.write_text(page.read_text(encoding="utf-8").replace("update_engine", "updater"), encoding="utf-8")

    checked = run(root, "--check")

    assert checked.returncode == 1
    assert "make conformance" in checked.stderr


def test_a_point_that_is_described_twice_is_noticed(folder):
    (folder / "test_more.py").write_text(DESCRIBED.format(17, "again"))

    checked = run(folder.parents[2], "--check")

    assert checked.returncode == 1
    assert "point 17 is described more than once" in checked.stderr


def sources(of):
    return "\n".join(of.get(number, DESCRIBED.format(number, number)) for number in range(1, 61))


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({}, []),
        ({7: ""}, ["no test says of point 7 who breaks without it"]),
        ({7: "@pytest.mark.omaha_point(7)\ndef test_x():\n    pass\n"}, ["no test says of point 7 who breaks without it"]),
        ({7: DESCRIBED.format(7, "x").replace("It is so.", "")}, ["point 7 has an empty cell: test_a.py::test_x"]),
        ({7: DESCRIBED.format(7, "x").replace("every client", " ")}, ["point 7 has an empty cell: test_a.py::test_x"]),
    ],
    ids=["whole", "missing", "marked alone", "no docstring", "nobody breaks"],
)  # fmt: skip
def test_a_table_with_a_hole_is_none(tool, tmp_path, of, said):
    (tmp_path / "test_a.py").write_text(sources(of))

    found = tool.problems(tool.proofs(tmp_path))

    assert [problem.partition(" needs")[0] for problem in found] == said


@pytest.mark.parametrize(
    "marker", ["61", "0", "'7'", "", "7, 8", "NUMBER", "7, who='x'", "7, breaks=7", "7, breaks=f'{x}'"],
)  # fmt: skip
def test_a_marker_that_cannot_be_read_is_said(tool, tmp_path, marker):
    (tmp_path / "test_a.py").write_text(f"@pytest.mark.omaha_point({marker})\ndef test_x():\n    pass\n")

    with pytest.raises(tool.ConformanceError, match=r"test_a\.py::test_x"):
        tool.proofs(tmp_path)


def test_several_tests_of_one_point_share_a_row(tool, tmp_path):
    (tmp_path / "test_a.py").write_text(sources({}))
    (tmp_path / "test_b.py").write_text("@pytest.mark.omaha_point(1)\nasync def test_more():\n    pass\n")

    (row,) = re.findall(r"^\| 1 \|.*$", tool.rendered(tmp_path), re.MULTILINE)

    assert re.findall(r"`([^`]+)`", row) == ["test_a.py::test_1", "test_b.py::test_more"]
