"""The folder `operator/` must never hide the standard library's module of that name, nor one room import another's insides."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
ROOTS = ("core", "kube", "operator", "omaha_api", "cli")


@pytest.mark.parametrize("root", ROOTS)
def test_source_roots_are_no_packages(root):
    assert not (REPOSITORY / root / "__init__.py").exists(), (
        f"{root}/ is a source root: an __init__.py makes it a package"
    )


def test_tests_hold_no_packages():
    """In importlib mode a tests/**/operator/__init__.py alone breaks the collection of everything."""
    assert [str(path) for path in (REPOSITORY / "tests").rglob("__init__.py")] == []


@pytest.mark.parametrize("folder", [".", "operator"])
@pytest.mark.parametrize(
    "arguments", [["-c", "import operator; print(operator.__file__)"], ["-m", "site"]], ids=["-c", "-m"]
)
def test_stdlib_operator_wins_wherever_python_starts(folder, arguments):
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY / folder, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert str(REPOSITORY / "operator" / "__init__.py") not in ran.stdout


def test_python_files_stay_readable():
    """Above 400 lines a file holds more than one concern."""
    long = {
        str(path.relative_to(REPOSITORY)): lines
        for root in (*ROOTS, "tests", "tools", "bench", "fuzz")
        for path in (REPOSITORY / root).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
