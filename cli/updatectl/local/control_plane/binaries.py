"""Where are the programs of the control plane?

In the folder that KUBEBUILDER_ASSETS names, else in the per-user cache, else they are built into that cache: once,
under a lock.
"""

import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from updatectl.local.control_plane import building, locking, toolchain, versions

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager")
# setup-envtest's folders, which KUBEBUILDER_ASSETS usually names, hold these two but no controller manager.
ASSETS_MUST_HAVE = frozenset({"etcd", "kube-apiserver"})
KUBECTL_MINIMUM = (1, 32)


class BinariesError(Exception):
    """The programs can't be found where the user says they are; the message says what to do."""


@dataclass(frozen=True)
class Binaries:
    """The programs by name, each an executable file."""

    paths: Mapping[str, Path]

    def path(self, component: str) -> Path:
        """Raises KeyError for a component that wasn't asked for."""
        return self.paths[component]


class Builder(Protocol):
    """Builds what is missing in a folder; replaced in tests."""

    def __call__(self, components: Sequence[str], folder: Path, progress: Callable[[str], None]) -> None:
        """Raises building.BuildError, toolchain.ToolchainError, OSError."""


def ensure(
    components: Sequence[str] = COMPONENTS,
    *,
    cache_dir: Path | None = None,
    progress: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    builder: Builder = building.build,
) -> Binaries:
    """Find the programs, or build those that are missing (about 10 minutes the first time).

    Raises BinariesError, building.BuildError, toolchain.ToolchainError, OSError.
    """
    given = _assets(components, environment)
    wanted = [component for component in components if component not in given]
    folder = (cache_dir or default_cache_dir(environment)) / _key()
    if _missing(wanted, folder):
        with locking.exclusive(folder.parent / f"{folder.name}.lock", waiting_for="another build", report=progress):
            # Looked at again: whoever held the lock has probably built them.
            if missing := _missing(wanted, folder):
                builder(missing, folder, progress)
    return Binaries({component: given.get(component, folder / component) for component in components})


def ensure_kubectl(
    *,
    cache_dir: Path | None = None,
    progress: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    runner: toolchain.Runner = toolchain.run,
    builder: Builder = building.build,
) -> Path:
    """The kubectl on PATH when it runs and is new enough, else a built one. Raises as `ensure` does."""
    found = shutil.which("kubectl", path=environment.get("PATH"))
    if found and _kubectl_is_usable(found, runner):
        return Path(found)
    # Not from KUBEBUILDER_ASSETS: the folder is asked for the control plane only.
    without_assets = {name: value for name, value in environment.items() if name != "KUBEBUILDER_ASSETS"}
    return ensure(
        ("kubectl",), cache_dir=cache_dir, progress=progress, environment=without_assets, builder=builder
    ).path("kubectl")


def default_cache_dir(environment: Mapping[str, str]) -> Path:
    """The per-user folder for built programs: UPDATE_SERVICE_CACHE, XDG_CACHE_HOME or ~/.cache."""
    if own := environment.get("UPDATE_SERVICE_CACHE"):
        return Path(own) / "control-plane"
    xdg = environment.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "update-service" / "control-plane"


def _assets(components: Sequence[str], environment: Mapping[str, str]) -> dict[str, Path]:
    if not (named := environment.get("KUBEBUILDER_ASSETS")):
        return {}
    folder = Path(named)
    present = {component: folder / component for component in components if _is_executable(folder / component)}
    if lacking := sorted(ASSETS_MUST_HAVE & set(components) - present.keys()):
        raise BinariesError(
            f"KUBEBUILDER_ASSETS is {folder}, which has no executable {' and no '.join(lacking)}; "
            "correct it, or unset it to have the programs built"
        )
    return present


def _missing(components: Sequence[str], folder: Path) -> list[str]:
    return [component for component in components if not _is_executable(folder / component)]


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _key() -> str:
    system = platform.system().lower()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"kubernetes-{versions.KUBERNETES}-etcd-{versions.ETCD}-{system}-{machine}"


def _kubectl_is_usable(kubectl: str, runner: toolchain.Runner) -> bool:
    try:
        answer = runner([kubectl, "version", "--client", "--output=json"])
        version = json.loads(answer.stdout)["clientVersion"]["gitVersion"]
        major, minor = version.removeprefix("v").split(".")[:2]
        return answer.returncode == 0 and (int(major), int(minor)) >= KUBECTL_MINIMUM
    except (OSError, ValueError, KeyError, TypeError):
        return False
