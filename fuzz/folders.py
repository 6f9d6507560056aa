"""Where are the targets, what was interesting before, and what is found now?"""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
CORPUS = REPOSITORY / "fuzz" / "corpus"
"""Checked in, one folder per target; `make test` runs it all."""

DICTIONARY = REPOSITORY / "fuzz" / "omaha.dict"
WORK = REPOSITORY / "build" / "fuzz"
TARGETS = ("read", "scan", "serve", "sign", "http")


def import_tests() -> None:
    """Let what the tests share be imported: the targets are there."""
    sys.path.insert(0, str(REPOSITORY / "tests"))


def interesting(target: str) -> Path:
    """Inputs that reached something new, in this and earlier runs."""
    return _made(WORK / target / "interesting")


def findings(target: str) -> Path:
    """Inputs that made the target raise."""
    return _made(WORK / target / "findings")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
