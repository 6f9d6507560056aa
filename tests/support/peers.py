"""Update clients that others wrote, in the programs below tests/e2e/peers: told what happens to them, and asked what they made of it."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import programs

SOURCES = Path(__file__).parents[1] / "e2e" / "peers"
ANSWER_SECONDS = 60.0

Line = dict[str, Any]


def fuchsia() -> Path:
    """The program around Fuchsia's update client."""
    return programs.of_rust(SOURCES / "fuchsia")


def goomaha() -> Path:
    """The program around go-omaha's client and Nebraska's updater."""
    return programs.of_go(SOURCES / "goomaha")


@dataclass(frozen=True)
class Turn:
    """What a client said while one thing happened to it."""

    lines: list[Line]

    def all(self, name: str) -> list[Line]:
        """The lines of one name."""
        return [line for line in self.lines if line["line"] == name]

    def the(self, name: str) -> Line:
        """The only line of that name."""
        (line,) = self.all(name)
        return line

    def requests(self) -> list[Any]:
        """The requests of a client that speaks JSON, in order."""
        return [json.loads(line["request"])["request"] for line in self.all("exchange")]

    def responses(self) -> list[Any]:
        """The answers to them."""
        return [json.loads(line["response"].removeprefix(")]}'\n"))["response"] for line in self.all("exchange")]

    def events(self) -> list[tuple[int, int]]:
        """Type and result of each event that such a client reported, in order."""
        return [
            (event["eventtype"], event["eventresult"])
            for request in self.requests()
            for app in request["app"]
            for event in app.get("event", ())
        ]


class Peer:
    """A running program."""

    def __init__(self, program: Path, log: Path, *arguments: str) -> None:
        self._log = log
        self._said: queue.Queue[str | None] = queue.Queue()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(program), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def tell(self, *words: object) -> Turn:
        """Let something happen, and hear what comes of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        lines: list[Line] = []
        while (text := self._said.get(timeout=ANSWER_SECONDS)) is not None:
            line = json.loads(text)
            if line["line"] == "done":
                return Turn(lines)
            lines.append(line)
        raise AssertionError(f"the client ended: {self._log.read_text()}")

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(30) == 0, self._log.read_text()
        finally:
            self._process.kill()
            self._process.wait(30)
            self._reader.join(30)
            self._process.stdout.close()

    def _read(self) -> None:
        for text in self._process.stdout or ():
            self._said.put(text)
        self._said.put(None)


@contextmanager
def running(program: Path, log: Path, *arguments: str) -> Iterator[Peer]:
    """The program, ended with the block."""
    peer = Peer(program, log, *arguments)
    try:
        yield peer
    finally:
        peer.stop()
