"""The Omaha service as the process that it is: started, killed, started again on the same ports and files."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from omaha_api.store import publishing
from omaha_api.store.sqlite import connections
from support import omaha_clients_all
from support.local_stack import wait_until
from support.omaha_service import Reply
from support.ports import free_port
from update_core.fleet.progress import GroupProgress

START_SECONDS = 30.0


class OmahaProcess:
    """`python -m omaha_api serve` on two free ports, with its files in `folder`."""

    def __init__(self, folder: Path, kube_flags: Sequence[str], *, preexec: str = "") -> None:
        self.folder = folder
        self.database = folder / "fleet.db"
        self.snapshot = folder / "catalog.json"
        self.log = folder / "log"
        self.port, self.private_port = free_port(), free_port()
        self._kube_flags = list(kube_flags)
        self._preexec = preexec
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """What is run."""
        return [
            sys.executable, "-m", "omaha_api", "serve", "--listen", f"127.0.0.1:{self.port}",
            "--private-listen", f"127.0.0.1:{self.private_port}", "--database", f"sqlite:///{self.database}",
            # All clients of a test are one network.
            "--snapshot", str(self.snapshot), "--new-ids-per-minute", "0", *self._kube_flags,
        ]  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True) -> "OmahaProcess":
        """Start it, and wait until it is ready."""
        command = self.command
        if self._preexec:
            command = ["/bin/sh", "-c", f'{self._preexec}; exec "$@"', "sh", *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
        if ready:
            wait_until(self._is_ready, "the service is ready", within=START_SECONDS)
        return self

    def stop(self) -> int:
        """End it as Kubernetes does; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def run_to_its_end(self) -> "subprocess.CompletedProcess[str]":
        """Run one that can't start."""
        return subprocess.run(self.command, capture_output=True, text=True, check=False, timeout=30, env=environment())

    def post(self, body: bytes, path: str = "/v1/update/") -> Reply:
        """One request on a connection of its own; an answer is shown to the clients that could have asked."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, headers={"Content-Type": "text/xml"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                reply = Reply(response.status, dict(response.headers), response.read())
                omaha_clients_all.assert_accepted(body, reply.body, response.headers["content-type"])
                return reply
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())

    def answer(self, body: bytes) -> str:
        """The answer to a check of one application: noupdate, a version, or why there is none."""
        reply = self.post(body)
        if reply.status != 200:
            return str(reply.status)
        (app,) = reply.apps()
        return reply.answer if app.get("status") == "ok" else app.get("status")

    def wait_for_answer(self, body: bytes, wanted: str, *, within: float = 15.0) -> None:
        """Ask until the answer is this: the catalog is some milliseconds behind the API server."""
        wait_until(lambda: self.answer(body) == wanted, f"the answer {wanted}", within=within)

    def private(self, path: str) -> tuple[int, str]:
        """GET on the private port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.private_port}{path}", timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def progress_of(self, app_id: str, track: str) -> GroupProgress | None:
        """What the service has published of one group whose rollout it has seen, as it stands in its database."""
        with contextlib.closing(connections.connect_reader(self.database)) as database:
            for row in publishing.progresses(database):
                if (row.progress.app_id, row.progress.track) == (app_id, track) and row.progress.rollout:
                    return row.progress
        return None

    def said(self, pattern: str) -> bool:
        """Whether the log says so."""
        return re.search(pattern, self.log.read_text()) is not None

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return self.private("/readyz")[0] == 200
        except OSError:
            return False


@contextlib.contextmanager
def running(process: OmahaProcess) -> Iterator[OmahaProcess]:
    """The process, killed at the end whatever happened."""
    try:
        yield process
    finally:
        process.kill()


def environment() -> dict[str, str]:
    """Ours, without settings of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OMAHA_API_")}
