"""How are background processes started, recognised later by another process, and ended?

A process is remembered by its pid *and* the moment it started, so that a pid which the system has given to somebody
else meanwhile is never signalled. Nothing here looks for processes by name.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

POLL_SECONDS = 0.02
LOG_KEEP_BYTES = 10 * 1024 * 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# Python ignores these for itself and a child would inherit that: a server that ignores SIGPIPE by accident behaves
# differently.
_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Process:
    """One started process: its pid and a token that no later process with that pid has."""

    pid: int
    started: str


def start(command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start a daemon in a session of its own (a Ctrl-C in the terminal doesn't reach it), its output appended to `log`.

    Raises OSError when the program can't be started or the log can't be written.
    """
    arguments = [str(part) for part in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_KEEP_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # Not subprocess.Popen: its objects complain when they are dropped while the process runs, which is the point
        # here.
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            os.environ if environment is None else environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULT_SIGNALS,
        )
    finally:
        os.close(output)
    return Process(pid, _identity(pid) or "ended at once")


def is_running(process: Process) -> bool:
    """Whether exactly this process still runs; one that ended but wasn't waited for (a zombie) doesn't."""
    with contextlib.suppress(ChildProcessError):  # not our child: somebody else waits for it
        os.waitpid(process.pid, os.WNOHANG)
    return _identity(process.pid) == process.started


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal if it still runs (SIGKILL reaches its whole process group); says whether it did."""
    if not is_running(process):
        return False
    try:
        if number == signal.SIGKILL and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
    except ProcessLookupError:  # it ended between the look and the signal
        return False
    return True


def stop(process: Process, *, grace_seconds: float = 10.0) -> bool:
    """SIGTERM, then SIGKILL after the grace; returns once it is gone, and says whether it ended by itself in time."""
    if not send(process, signal.SIGTERM) or wait(process, timeout_seconds=grace_seconds):
        return True
    send(process, signal.SIGKILL)
    wait(process, timeout_seconds=grace_seconds)
    return False


def wait(process: Process, *, timeout_seconds: float) -> bool:
    """Wait until it has ended; False when it still runs after the time-out."""
    deadline = time.monotonic() + timeout_seconds
    while is_running(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def record(process: Process, path: Path) -> None:
    """Write the process to a file that `recorded` reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(asdict(process)))
    draft.replace(path)


def recorded(path: Path) -> Process | None:
    """The process that a file remembers, running or not; None for a file that isn't there or can't be understood."""
    try:
        fields = json.loads(path.read_text())
        return Process(pid=int(fields["pid"]), started=str(fields["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tail(log: Path, lines: int = 15, *, since_byte: int = 0) -> str:
    """The last lines of a log (of what was written after an offset), for an error message; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(since_byte, log.stat().st_size - 64 * 1024))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _identity(pid: int) -> str | None:
    """What tells this process from a later one with the same pid; None when it has ended."""
    return _identity_from_proc(pid) if _BOOT_ID.exists() else _identity_from_ps(pid)


def _identity_from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = _BOOT_ID.read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may itself contain both blanks and parentheses.
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    if state == "X" or (state == "Z" and not _has_other_threads(pid)):
        return None
    # Ticks count from the boot: without its id, a process after a restart of the machine could look like the old one.
    return f"{start_ticks}@{boot}"


def _has_other_threads(pid: int) -> bool:
    """A killed process shows as a zombie when its first thread is gone; until the last one is, it keeps its ports."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def _identity_from_ps(pid: int) -> str | None:
    environment = {"PATH": "/bin:/usr/bin", "LC_ALL": "C", "TZ": "UTC"}
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)],  # noqa: S607 - its folder differs between systems, PATH is fixed above
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
