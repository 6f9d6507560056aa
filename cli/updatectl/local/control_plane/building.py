"""How is one program of the control plane compiled?

From the small Go modules that this project carries: `go build` in a scratch copy, into a temporary name, which
becomes the final one only when it is complete. An interrupted build loses nothing that is finished: whole programs
stay, Go's own cache keeps the packages.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from updatectl.local import processes
from updatectl.local.control_plane import toolchain, versions

PROGRESS_INTERVAL_SECONDS = 15.0
FREE_BYTES_NEEDED = 4 * 1024**3


class BuildError(Exception):
    """A program could not be built; the message carries the compiler's last lines or says what is missing."""


@dataclass(frozen=True)
class Recipe:
    """How one program is built, and how long that takes the first time on two cores."""

    component: str
    module: str
    package: str
    usual_duration: str


RECIPES = {
    recipe.component: recipe
    for recipe in (
        Recipe("etcd", "etcd", "go.etcd.io/etcd/server/v3", "1 min"),
        Recipe("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "7 min"),
        Recipe("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "3 min"),
        Recipe("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", "1 min"),
    )
}


def modules_folder() -> Path:
    """Where the Go modules are: inside the installed package, or in the source tree of a checkout."""
    installed = Path(__file__).parent / "modules"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[4] / "tools" / "control-plane"


def build(
    components: Sequence[str],
    folder: Path,
    progress: Callable[[str], None],
    *,
    go: Callable[[Callable[[str], None]], Path] = toolchain.find_or_install,
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    modules: Path | None = None,
    progress_interval_seconds: float = PROGRESS_INTERVAL_SECONDS,
) -> None:
    """Build the programs that are missing in `folder`, in the given order. The caller holds the lock on it.

    Raises BuildError, toolchain.ToolchainError, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _demand_space(folder, free_bytes)
    _remove_leftovers(folder)
    compiler = go(progress)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as scratch:
        # A copy, because an installed package may be read-only and `go build` wants to lock its go.mod.
        shutil.copytree(modules or modules_folder(), scratch, dirs_exist_ok=True)
        for component in components:
            if not (folder / component).exists():
                _build_one(RECIPES[component], compiler, Path(scratch), folder, progress, progress_interval_seconds)


def _build_one(
    recipe: Recipe,
    compiler: Path,
    scratch: Path,
    folder: Path,
    progress: Callable[[str], None],
    interval_seconds: float,
) -> None:
    draft = scratch / recipe.component
    log = folder / f"{recipe.component}.build.log"
    command = [
        str(compiler),
        "build",
        "-trimpath",
        "-ldflags",
        _linker_flags(recipe),
        "-o",
        f"{draft}.bin",
        recipe.package,
    ]
    # The compiler that was chosen, in the module that was chosen: no download of another one, no workspace, no
    # personal flags.
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    began = time.monotonic()
    progress(f"building {recipe.component}, about {recipe.usual_duration} the first time")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=scratch / recipe.module,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as compilation,
    ):
        try:
            while (code := _ended(compilation, interval_seconds)) is None:
                elapsed = time.monotonic() - began
                progress(f"building {recipe.component} … {elapsed:.0f} s, about {recipe.usual_duration} the first time")
        finally:
            compilation.terminate()  # on Ctrl-C; does nothing to one that has ended
    if code != 0:
        raise BuildError(
            f"building {recipe.component} failed; the whole output is in {log}, it ends with:\n{processes.tail(log)}"
        )
    Path(f"{draft}.bin").replace(folder / recipe.component)
    log.unlink()
    progress(f"built {recipe.component} in {time.monotonic() - began:.0f} s")


def _ended(compilation: "subprocess.Popen[bytes]", timeout_seconds: float) -> int | None:
    try:
        return compilation.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        return None


def _linker_flags(recipe: Recipe) -> str:
    stripped = "-s -w"
    if recipe.module != "kubernetes":
        return stripped
    # Without it the API server calls itself v0.0.0 and clients that look at its version take it for an ancient one.
    return f"{stripped} -X k8s.io/component-base/version.gitVersion={versions.KUBERNETES}"


def _demand_space(folder: Path, free_bytes: Callable[[Path], int]) -> None:
    free = free_bytes(folder)
    if free < FREE_BYTES_NEEDED:
        raise BuildError(
            f"not enough disk space at {folder}: building the control plane needs "
            f"{FREE_BYTES_NEEDED / 1024**3:.0f} GiB, {free / 1024**3:.1f} GiB are free; "
            "make room or let UPDATE_SERVICE_CACHE name a folder on another disk"
        )


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
