"""How is a server loaded? As fast as it answers, by wrk; or at a given rate, whether it answers or not, by a sender of our own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
"""Of wrk: enough that the server always has the next request at hand."""

NO_LOAD_GENERATOR = 2
"""Exit code: wrk isn't there."""

_SCRIPT = Path(__file__).with_name("bodies.lua")
_OPEN_LOOP = Path(__file__).with_name("open_loop.py")
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Answered:
    """What a closed loop got: each connection sends its next request when it has the answer to the last."""

    count: int
    per_second: float


def require_wrk() -> str:
    """The path of wrk; ends the program if it isn't installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        print(
            "wrk isn't installed: apt-get install wrk (Debian); some parts need none, such as --only fleet_pages",
            file=sys.stderr,
        )
        sys.exit(NO_LOAD_GENERATOR)
    return wrk


def post(path: str, body: bytes, content_type: str = "text/xml") -> bytes:
    """A request as clients send it, headers and all."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def write_requests(path: Path, requests: Sequence[bytes]) -> None:
    """The file that both kinds of load are sent from."""
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%0*d" % (_DIGITS, len(request)) + request)


def read_requests(path: Path) -> list[bytes]:
    """The requests of such a file."""
    requests = []
    with path.open("rb") as file:
        while length := file.read(_DIGITS):
            requests.append(file.read(int(length)))
    return requests


def closed_loop(port: int, requests: Path, *, seconds: int, first: int = 0, connections: int = CONNECTIONS) -> Answered:
    """Send the requests of a file in turn, beginning after the `first`, for some seconds; ends the program if any fails."""
    command = [
        require_wrk(), "--threads=1", f"--connections={connections}", f"--duration={seconds}s", f"--script={_SCRIPT}",
        f"http://127.0.0.1:{port}", "--", str(requests), str(first),
    ]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    counted = json.loads(said.rstrip().rpartition("\n")[2])
    if counted["failed"]:
        sys.exit(f"{counted['failed']} of {counted['answered']} requests failed")
    return Answered(counted["answered"], counted["answered"] / counted["microseconds"] * 1e6)


def open_loop(port: int, requests: Path, *, per_second: float, total: int) -> list[float]:
    """Seconds from when each request was due to its answer, at a constant rate; ends the program if any fails."""
    command = [sys.executable, str(_OPEN_LOOP), str(port), str(requests), str(per_second), str(total)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    took: list[float] = json.loads(done.stdout)
    return took
