"""The whole service as real processes, for end-to-end tests: everything that `updatectl local up` starts, in a folder of the test run."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from updatectl.local.folders import PREFERRED_PORTS
from updatectl.local.stack import Stack

DEADLINE_SECONDS = 90.0


def wait_until(met: Callable[[], object], what: str, *, within: float = DEADLINE_SECONDS):
    """Poll until `met` returns something true, and return that."""
    deadline = time.monotonic() + within
    while not (result := met()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.05)
    return result


class LocalStack(Stack):
    """A Stack with the commands that a test types."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, durable=False, preferred_ports=dict.fromkeys(PREFERRED_PORTS, 0))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UPDATECTL_")}
        return kept | {"KUBECONFIG": str(self.kubeconfig), "PYTHONUNBUFFERED": "1"}

    def updatectl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "updatectl", *arguments]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=120)
        assert not check or ran.returncode == 0, f"updatectl {' '.join(arguments)}: {ran.stdout}{ran.stderr}"
        return ran

    def start_clients(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "updatectl", "fakeclients", *arguments]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def get(self, kind: str, name: str) -> dict:
        found = self.updatectl_json(kind, "get", name)
        return found

    def updatectl_json(self, *arguments: str):
        return json.loads(self.updatectl(*arguments, "-o", "json").stdout)
