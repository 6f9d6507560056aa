"""How do several processes take turns at one thing, and what does the one that waits say?

An advisory lock on a file: the kernel frees it when its holder dies, however it dies.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_SECONDS = 0.2


@contextlib.contextmanager
def exclusive(path: Path, *, waiting_for: str, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock on `path`; while another process has it, say once "waiting for <waiting_for> (pid N)".

    Raises OSError when the file can't be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        told = False
        while not _taken(descriptor):
            if not told:
                report(f"waiting for {waiting_for} (pid {_holder(descriptor)})")
                told = True
            time.sleep(POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace") or "unknown"
