"""How do tests get a real PostgreSQL?

One server per run, shared by all workers of pytest-xdist: the first test that asks for it starts it, the end of the run stops it. Each test
has a database of its own. Fault tests, which stop the server, get a private one. It listens on a socket in the run's folder alone, and
sorts as a telephone book does, without hyphens, so that nothing depends on the order of bytes by luck.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from updatectl.local import processes
from updatectl.local.control_plane import locking

OLDEST = 15
START_TIMEOUT_SECONDS = 60.0
USER = "fleet"
SETTINGS = {
    # Nothing here outlives the run.
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # Files in the data folder, which goes with it, and not in /dev/shm, where a killed server leaves them.
    "dynamic_shared_memory_type": "mmap",
    "logging_collector": "off",
}


class MissingPostgres(Exception):  # noqa: N818 - why tests are skipped
    """There is no PostgreSQL on this machine that tests could start."""


@dataclass(frozen=True)
class Server:
    """One server on a data folder."""

    folder: Path

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run a statement as the superuser; returns the rows that it finds."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str = "template0", options: str = "") -> str:
        """A database of the caller's own; returns its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {options}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def start(self) -> None:
        """Start it on a data folder, which is made the first time."""
        programs = find_programs()
        data = self.folder / "data"
        if not data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _own(self.folder)
            made = [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
            locale = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-u-ka-shifted"]
            subprocess.run(_as_server([*made, *locale]), check=True, capture_output=True, cwd="/")
        options = [argument for name, value in SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        command = [programs / "postgres", "-D", data, "-k", self.folder, *options]
        process = processes.start(_as_server(command), log=self.folder.with_suffix(".log"))
        processes.record(process, self._record)
        self._wait_until_it_answers(process)

    def stop(self) -> None:
        """Stop it at once, without waiting for those who are connected."""
        process = self.process
        if process is not None and processes.send(process, signal.SIGINT):
            processes.wait(process, timeout_seconds=30)
            processes.send(process, signal.SIGKILL)

    @property
    def process(self) -> processes.Process | None:
        """The server's first process."""
        return processes.recorded(self._record)

    @property
    def _record(self) -> Path:
        # Beside the data folder, which belongs to the server's user.
        return self.folder.parent / "processes" / f"{self.folder.name}.json"

    def _wait_until_it_answers(self, process: processes.Process) -> None:
        # The postmaster says "ready" in the last line of this file as soon as it takes connections.
        status = self.folder / "data" / "postmaster.pid"
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not (status.exists() and status.read_text().rstrip().endswith("ready")):
            log = self.folder.with_suffix(".log")
            assert processes.is_running(process), f"PostgreSQL ended: {processes.tail(log)}"
            assert time.monotonic() < deadline, f"PostgreSQL doesn't answer: {processes.tail(log)}"
            time.sleep(processes.POLL_SECONDS)


def shared(folder: Path) -> Server:
    """The server of the run whose folder it is, started by whoever comes first."""
    server = Server(folder / "postgres")
    # The server's user must reach its folder in it.
    folder.chmod(0o711)
    with locking.exclusive(folder / "postgres.lock", waiting_for="another worker", report=lambda _: None):
        if server.process is None:
            server.start()
    return server


def end(folder: Path) -> None:
    """Stop the run's server."""
    Server(folder / "postgres").stop()


def find_programs() -> Path:
    """The folder of the newest server programs.

    Raises:
        MissingPostgres: there are none that are new enough; says how to get them.
    """
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    usable = [(_version(folder), folder) for folder in found if (folder / "postgres").exists()]
    if not usable or max(usable)[0] < OLDEST:
        raise MissingPostgres(
            f"no PostgreSQL {OLDEST} or newer is installed; as root on Debian: tools/postgresql/ensure (or apt-get install postgresql)"
        )
    return max(usable)[1]


def _version(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)", said)
    return int(match.group(1)) if match else 0


def _as_server(command: Sequence[str | Path]) -> list[str | Path]:
    """The command as a user who isn't root: the server refuses to be."""
    if os.geteuid() != 0:
        return list(command)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MissingPostgres("PostgreSQL doesn't run as root, and there is no setpriv to run it as somebody else")
    user = _server_user()
    return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]


def _own(folder: Path) -> None:
    if os.geteuid() == 0:
        user = _server_user()
        os.chown(folder, user.pw_uid, user.pw_gid)


def _server_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")
