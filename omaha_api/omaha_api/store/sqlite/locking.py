"""Who else uses this database file? One process per file: two writers would each hold a memory that the other outdates."""

import fcntl
import os
from pathlib import Path
from typing import Self

from update_core.fleet.store import StoreUnavailable


class FileLock:
    """An advisory lock on `<file>.lock`, with the holder's process id inside; the kernel frees it however that process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path) -> Self:
        """Lock the database file `path`.

        Raises:
            StoreUnavailable: another process has it; the message names that process.
            OSError: the lock file can't be opened.
        """
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreUnavailable(
                f"{path} is in use by another process (pid {holder}); stop it, or name another file"
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let others have it. The file stays: removing it could remove the lock of the next one."""
        os.close(self._descriptor)
