"""On what is the fleet stored? On a SQLite file, and on a PostgreSQL server of our own, which keeps what it has committed as any other."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import fleet_rows
import processes
import psycopg

SQLITE = "sqlite"
POSTGRES = "postgres"
KINDS = (SQLITE, POSTGRES)

_USER = "fleet"
_SETTINGS = ("listen_addresses=", "shared_buffers=256MB", "max_wal_size=4GB", "dynamic_shared_memory_type=mmap")
_PATIENCE_SECONDS = 60.0


class Databases(Protocol):
    """Where stores are made."""

    def make(self, fleet: fleet_rows.Fleet, now: datetime) -> str:
        """A new store with the fleet in it, as `--database` names it; `now` is its birth."""
        ...

    def cpu_seconds(self) -> float:
        """What the database's own processes have spent."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteFiles:
    """Files in a folder."""

    folder: Path

    def make(self, fleet: fleet_rows.Fleet, now: datetime) -> str:
        """See Databases.make."""
        path = self.folder / f"fleet-{uuid.uuid4().hex[:8]}.db"
        fleet_rows.into_sqlite(path, fleet, now)
        return f"sqlite:///{path}"

    def cpu_seconds(self) -> float:
        """See Databases.cpu_seconds. All of it is spent by who asks."""
        return 0.0


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Databases of one server."""

    folder: Path
    pid: int

    def make(self, fleet: fleet_rows.Fleet, now: datetime) -> str:
        """See Databases.make."""
        name = f"fleet_{uuid.uuid4().hex[:8]}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        fleet_rows.into_postgres(self._url(name), fleet, now)
        return self._url(name)

    def cpu_seconds(self) -> float:
        """See Databases.cpu_seconds."""
        return processes.cpu_seconds_of_family(self.pid)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self._url("postgres"), autocommit=True)

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self.folder}"


@contextlib.contextmanager
def running(kind: str, folder: Path, say: Callable[[str], None]) -> Iterator[Databases | None]:
    """Databases of a kind, gone at the end; None where there is no server to be started."""
    if kind == SQLITE:
        yield SqliteFiles(folder)
        return
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))
    if programs is None:
        say("PostgreSQL isn't installed, and isn't measured: apt-get install postgresql (Debian)")
        yield None
        return
    with _postgres(programs, folder) as server:
        yield server


@contextlib.contextmanager
def _postgres(programs: Path, folder: Path) -> Iterator[PostgresServer]:
    home = folder / "postgres-server"
    home.mkdir()
    # The server's user has to get there.
    folder.chmod(0o711)
    user = _server_user()
    if user is not None:
        os.chown(home, user.pw_uid, user.pw_gid)
    data = home / "data"
    made = [str(programs / "initdb"), "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(_as(user, made), check=True, capture_output=True, cwd="/")
    options = [argument for setting in _SETTINGS for argument in ("-c", setting)]
    command = _as(user, [str(programs / "postgres"), "-D", str(data), "-k", str(home), *options])
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/") as process:
        server = PostgresServer(home, process.pid)
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not server.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("PostgreSQL doesn't start")
                time.sleep(0.1)
            yield server
        finally:
            # It waits for nobody who is still connected.
            process.send_signal(signal.SIGINT)


def _server_user() -> pwd.struct_passwd | None:
    """Who the server is to be where we are root, which it refuses to be."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _as(user: pwd.struct_passwd | None, command: list[str]) -> list[str]:
    if user is None:
        return command
    become = shutil.which("setpriv") or sys.exit("PostgreSQL doesn't run as root, and there is no setpriv")
    return [become, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
