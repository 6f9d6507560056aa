"""What ends the background processes of a test run that was itself killed?

A guard: a process of its own that waits for a file lock which the run holds. The kernel frees the lock when the run dies, however it
dies; then the guard kills everything that is recorded below the run's folder, and removes the folder. The parent-death signal of Linux
would not do: it fires when the *thread* that started a process ends, and pytest's workers start processes from several.
"""

import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path

from updatectl.local import processes

LOCK_NAME = "lifeline"


class Lifeline:
    """Held by the test run from its beginning to its end."""

    def __init__(self, folder: Path) -> None:
        """Take the lock in a folder that nobody else has."""
        self._descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def release(self) -> None:
        """Let the guard, if there is one, do its work."""
        os.close(self._descriptor)


def start_guard(folder: Path) -> processes.Process:
    """Start the guard of a run's folder; it ends by itself."""
    return processes.start([sys.executable, __file__, folder], log=folder / "guard.log")


def kill_recorded(folder: Path) -> None:
    """Kill every process that is recorded anywhere below the folder."""
    for path in folder.rglob("processes/*.json"):
        if process := processes.recorded(path):
            processes.send(process, signal.SIGKILL)


def _guard(folder: Path) -> None:
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    kill_recorded(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]))
