"""client-go's informer on a fleet, in the Go program tests/e2e/informer: built once into the cache, and asked what it holds."""

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import programs

SOURCE = Path(__file__).parents[1] / "e2e" / "informer"
ANSWER_SECONDS = 60.0


def build() -> Path:
    """The program; without a way to build it the test is skipped."""
    return programs.of_go(SOURCE)


class Informer:
    """The program on the instances of one namespace. `lines` are what it has said, but for its contents."""

    def __init__(self, program: Path, kubeconfig: Path, log: Path, namespace: str = "default") -> None:
        self.lines: list[dict[str, Any]] = []
        self._contents: queue.Queue[dict[str, Any]] = queue.Queue()
        command = [str(program), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for text in self._process.stdout or ():
            line = json.loads(text)
            if line["line"] == "cache":
                self._contents.put(line)
            else:
                self.lines.append(line)

    def contents(self) -> dict[str, Any]:
        """Its cache now."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._contents.get(timeout=ANSWER_SECONDS)

    def items(self) -> Mapping[str, Mapping[str, str]]:
        """What is in the cache, by name."""
        items: Mapping[str, Mapping[str, str]] = self.contents()["items"]
        return items

    def requests(self) -> list[tuple[str, int]]:
        """Verb and status of each request."""
        return [(line["verb"], line["status"]) for line in list(self.lines) if line["line"] == "request"]

    def refusals(self) -> list[dict[str, Any]]:
        """The Status objects that watches have ended with."""
        return [line["status"] for line in list(self.lines) if line["line"] == "refusal"]

    def pause(self) -> None:
        """Let it hear nothing, as a machine that sleeps."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self.resume()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(30) == 0
        finally:
            self._process.kill()
            self._process.wait(30)
            self._reader.join(30)
            if self._process.stdout is not None:
                self._process.stdout.close()
