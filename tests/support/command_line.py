"""How do tests run updatectl? As its users do: a process of its own, with arguments, an environment and an exit code.

Most of a command's second goes into importing the Kubernetes client, so the processes are forked from one that has it loaded already.
"""

import codecs
import contextlib
import multiprocessing
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path

import yaml

from support.control_plane import Access

TIMEOUT_SECONDS = 60.0
_PRELOADED = ["updatectl.__main__", "updatectl.connection", "updatectl.fakeclients.fleet", "update_kube.client", "yaml"]


@dataclass(frozen=True)
class CommandLine:
    """updatectl with an environment that says where the cluster is."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it to its end. check=False leaves a failure to the caller; otherwise it is an AssertionError."""
        with tempfile.TemporaryDirectory(prefix="updatectl-") as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            environment = clean_environment() | self.environment
            process = _forked().Process(target=_run, args=(arguments, environment, out, err))
            process.start()
            process.join(TIMEOUT_SECONDS)
            if process.exitcode is None:
                process.kill()
                raise AssertionError(f"updatectl {' '.join(arguments)} did not end: {err.read_text()}")
            done = subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())
        assert not check or done.returncode == 0, f"updatectl {' '.join(arguments)}: {done.stderr}"
        return done

    def fails(self, *arguments: str, code: int = 1) -> str:
        """Run what must fail with this exit code, saying nothing on standard output: what it says on standard error."""
        done = self(*arguments, check=False)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert "Traceback" not in done.stderr
        return done.stderr


@contextlib.contextmanager
def running(updatectl: CommandLine, *arguments: str, terminal: bool = False) -> Iterator["Running"]:
    """Run a command that doesn't end by itself, on a terminal or not; what is still running is killed in the end."""
    environment = clean_environment() | {"TERM": "xterm"} | updatectl.environment
    command = [sys.executable, "-m", "updatectl", *arguments]
    ours, theirs = pty.openpty() if terminal else os.pipe()
    stdin = theirs if terminal else subprocess.DEVNULL
    stderr = theirs if terminal else subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=stdin, stdout=theirs, stderr=stderr) as process:
        os.close(theirs)
        try:
            yield Running(process, ours)
        finally:
            process.kill()
            os.close(ours)


@dataclass
class Running:
    """A command that runs, and what it has printed that nobody has read."""

    process: "subprocess.Popen[bytes]"
    stdout: int
    text: str = ""
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def until(self, wanted: str) -> str:
        """Read on until this is printed; all from where the last call ended to the end of this."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while wanted not in self.text:
            ready, _, _ = select.select([self.stdout], [], [], max(deadline - time.monotonic(), 0))
            chunk = os.read(self.stdout, 65536) if ready else b""
            assert chunk, f"{wanted!r} was not printed, only {self.text!r}"
            self.text += self.decoder.decode(chunk)
        end = self.text.index(wanted) + len(wanted)
        found, self.text = self.text[:end], self.text[end:]
        return found

    def type(self, text: str) -> None:
        """Type on the terminal."""
        os.write(self.stdout, text.encode())

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C: the exit code, and standard error where that isn't the terminal."""
        self.process.send_signal(signal.SIGINT)
        _, complaints = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return self.process.returncode, (complaints or b"").decode()


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


def _forked() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _run(arguments: tuple[str, ...], environment: Mapping[str, str], out: Path, err: Path) -> None:
    """In the new process: what `python -m updatectl` does."""
    from updatectl import __main__ as entry

    os.environ.clear()
    os.environ.update(environment)
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["updatectl", *arguments]
    entry.main()
