"""How do tests run updatectl? As its users do: a process of its own, with arguments, an environment and an exit code."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from support.control_plane import Access

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class CommandLine:
    """updatectl with an environment that says where the cluster is."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it to its end. check=False leaves a failure to the caller; otherwise it is an AssertionError."""
        done = subprocess.run(
            [sys.executable, "-m", "updatectl", *arguments],
            env=clean_environment() | self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert not check or done.returncode == 0, f"updatectl {' '.join(arguments)}: {done.stderr}"
        return done

    def fails(self, *arguments: str, code: int = 1) -> str:
        """Run what must fail with this exit code, saying nothing on standard output: what it says on standard error."""
        done = self(*arguments, check=False)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert "Traceback" not in done.stderr
        return done.stderr


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead updatectl to another cluster."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("UPDATECTL_", "KUBE"))} | {"HOME": "/nonexistent"}


def kubeconfig_for(access: Access, namespace: str, folder: Path) -> Path:
    """The administrator's kubeconfig with this namespace in its context, as a user of one namespace has it."""
    document = yaml.safe_load(access.kubeconfig.read_text())
    for context in document["contexts"]:
        context["context"]["namespace"] = namespace
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file


def cells(line: str) -> list[str]:
    """The columns of a table's row; labels may have single blanks in them."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]
