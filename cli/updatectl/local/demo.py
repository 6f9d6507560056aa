"""The getting-started guide as a script: does a fleet really move from 1.0.0 to 1.1.0, two at a time, through the commands of the guide?

Time is compressed: clients check every 1–2 s, and 2 updates per 5 s are let through. At the end the store's own grant rows are asked.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from updatectl.local import demo_checks, folders
from updatectl.local.stack import Stack

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
MAX_UPDATES = 2
PERIOD_SECONDS = 5
POLL_SECONDS = 0.2
CLIENTS_END_SECONDS = 15


@dataclass(frozen=True)
class Script:
    """What is played."""

    clients: int
    seed: int | None
    error_rate: int
    timeout_seconds: float


def run(script: Script, *, say: Callable[[str], None]) -> int:
    """Play the guide; 0 only if every client was updated and the rate limit was kept."""
    with tempfile.TemporaryDirectory(prefix="update-service-demo-") as folder:
        any_port = dict.fromkeys(folders.PREFERRED_PORTS, 0)
        stack = Stack(Path(folder), durable=False, preferred_ports=any_port, report=lambda remark: say(f"· {remark}"))
        try:
            with _ended_by_signals():
                stack.start()
                problems = _Play(stack, script, say).run()
        except KeyboardInterrupt as interrupt:
            say(f"\ninterrupted{f' by {interrupt}' if interrupt.args else ''}; stopping what was started")
            raise
        finally:
            stack.stop()
    for problem in problems:
        say(f"FAILED: {problem}")
    say("\nThe demo failed." if problems else "\nThe demo passed; nothing is left running.")
    return 1 if problems else 0


class _Play:
    """One performance on a stack that runs."""

    def __init__(self, stack: Stack, script: Script, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._script = script
        self._say = say
        self._environment = _environment(stack)
        self._lines: list[str] = []

    def run(self) -> list[str]:
        self._chapter("Create an application, a channel and a group")
        self._updatectl("update-app", APP_ID, "FakeApp", "Fake app for testing")
        self._updatectl("list-apps")
        self._updatectl("update-channel", APP_ID, "master", "1.0.0")
        self._updatectl("new-group", APP_ID, "master", "fake1", "Fake Clients")
        self._chapter("A new package")
        self._updatectl("new-package", APP_ID, "1.1.0", *_PACKAGE_FLAGS)
        self._chapter(f"Start {self._script.clients} fake clients; they are on 1.0.0 and find no update")
        with self._fake_clients() as clients:
            self._until(lambda: sum(line.endswith(": noupdate") for line in self._lines) >= self._script.clients)
            self._chapter(f"Limit the rate to {MAX_UPDATES} updates in {PERIOD_SECONDS} s, then promote 1.1.0")
            limits = ("--update-count", str(MAX_UPDATES), "--update-interval", str(PERIOD_SECONDS))
            self._updatectl("update-group", *limits, APP_ID, "fake1")
            self._updatectl("update-channel", APP_ID, "master", "1.1.0")
            problems = self._watch_rollout()
            with contextlib.suppress(subprocess.TimeoutExpired):
                clients.wait(CLIENTS_END_SECONDS)
        self._chapter("Who runs what now; kubectl get instances shows the same")
        self._updatectl("instance", "list", APP_ID)
        self._updatectl("list-groups", APP_ID)
        return problems + self._verify()

    def _watch_rollout(self) -> list[str]:
        """Show the Group's status whenever it moves, until the channel says RolledOut."""
        shown = ""
        deadline = time.monotonic() + self._script.timeout_seconds
        asked = False
        while time.monotonic() < deadline:
            status = demo_checks.rollout(self._stack.kubeconfig)
            if status.summary != shown:
                shown = status.summary
                self._say(f"    [group fake1] {shown}")
            if status.rolled_out:
                return []
            if not asked and (waiting := self._waiting()):
                asked = True
                self._updatectl("why", APP_ID, waiting)
            time.sleep(POLL_SECONDS)
        return [f"the channel was not rolled out after {self._script.timeout_seconds:.0f} s ({shown})"]

    def _waiting(self) -> str | None:
        """A client that has to wait while others are updated already."""
        updated = self._updated()
        return max(self._known() - updated, default=None) if updated else None

    def _known(self) -> set[str]:
        return {line[1:].partition("}")[0] for line in self._lines if line.startswith("{")}

    def _updated(self) -> set[str]:
        return {line[1:].partition("}")[0] for line in self._lines if line.endswith(": updated from 1.0.0 to 1.1.0")}

    def _verify(self) -> list[str]:
        self._chapter("Check")
        updated = self._updated()
        grants = demo_checks.grant_times(self._stack.folders.store, APP_ID, "fake1")
        most = demo_checks.most_within(grants, PERIOD_SECONDS)
        self._say(f"{len(updated)} of {self._script.clients} clients reported the update")
        self._say(
            f"rate check: {len(grants)} grants in the store, at most {most} in any {PERIOD_SECONDS} s (limit {MAX_UPDATES})"
        )
        problems = []
        if len(updated) != self._script.clients:
            problems.append(f"only {len(updated)} of {self._script.clients} clients were updated")
        if len(grants) < self._script.clients:
            problems.append(f"the store holds {len(grants)} grants, fewer than clients")
        if most > MAX_UPDATES:
            problems.append(f"{most} grants within {PERIOD_SECONDS} s are more than {MAX_UPDATES}")
        return problems

    @contextlib.contextmanager
    def _fake_clients(self) -> Iterator["subprocess.Popen[str]"]:
        """Run the clients beside the script; their lines are shown and kept."""
        seed = () if self._script.seed is None else ("--seed", str(self._script.seed))
        clients, errors = str(self._script.clients), str(self._script.error_rate)
        bounds = (
            "-c",
            clients,
            "-m",
            "1",
            "-M",
            "2",
            "--step",
            "0.2",
            "--errorrate",
            errors,
            "--until-version",
            "1.1.0",
        )
        command = ("fakeclients", *bounds, *seed, APP_ID, "master", "1.0.0")
        self._say("$ updatectl " + " ".join(command) + " &")
        process = subprocess.Popen(
            [sys.executable, "-m", "updatectl", *command],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        reader = threading.Thread(target=self._read, args=(process,))
        reader.start()
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(CLIENTS_END_SECONDS)
            process.kill()
            reader.join()
            process.wait()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            self._lines.append(line.rstrip())
            self._say(f"    {line.rstrip()}")

    def _until(self, met: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._script.timeout_seconds
        while not met():
            if time.monotonic() > deadline:
                raise OSError("the fake clients got no answers; see their lines above")
            time.sleep(POLL_SECONDS)

    def _updatectl(self, *arguments: str) -> None:
        shown = " ".join(f'"{a}"' if " " in a else a for a in arguments)
        self._say(f"$ updatectl {shown}")
        ran = subprocess.run(
            [sys.executable, "-m", "updatectl", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ran.stdout.strip():
            self._say(ran.stdout.rstrip())
        if ran.returncode != 0:
            raise OSError(f"updatectl {arguments[0]} ended with exit code {ran.returncode}")

    def _chapter(self, title: str) -> None:
        self._say(f"\n# {title}")


_PACKAGE_FLAGS = (
    *("--name", "foobar", "--path", "update.gz", "--size", "23"),
    *("--sha1sum", "fe7374bddde2ddf07f6bfcc728d115d14338964b"),
    *("--sha256sum", "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"),
    *("--signature", "ixi6Oebo", "--metadata-size", "190"),
)


def _environment(stack: Stack) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UPDATECTL_")}
    return kept | {"KUBECONFIG": str(stack.kubeconfig), "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that what was started is stopped."""

    def end(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
