"""How long do answers take when requests come whether or not the earlier ones were answered? A sender at a constant rate.

A program of its own, so that it can have a processor of its own: what it does itself mustn't be taken for the server's. It takes a port,
a file of requests (see `load.write_requests`), requests per second, and their number; prints as JSON how long each took.
"""

import gc
import json
import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import load

CONNECTIONS = 64
"""That are open all the time; a request goes on one that is free, as it does where each client has its own."""

_LENGTH = re.compile(rb"content-length: (\d+)\r\n")
_RECEIVE_BYTES = 65536
_GIVE_UP_SECONDS = 20.0


class Sender:
    """Sends each request when it is due; if no connection is free it waits, and its time counts from when it was due."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._epoll = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[connection.fileno()] = connection
            self._epoll.register(connection.fileno(), select.EPOLLIN)
        # The one that has been free for longest: the server closes those that it hears nothing on.
        self._free = deque(self._connections)
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._asked: dict[int, float] = {}
        self._received: dict[int, bytes] = {}
        self.took: list[float] = []

    def run(self, per_second: float, total: int) -> None:
        """Send so many requests, and wait for their answers; ends the program if one isn't answered with 200."""
        begun, sent = time.perf_counter(), 0
        while len(self.took) < total:
            now = time.perf_counter()
            while sent < total and (due := begun + sent / per_second) <= now:
                self._waiting.append((due, self._requests[sent % len(self._requests)]))
                sent += 1
            self._send()
            # An epoll's own time limit is in whole milliseconds.
            next_due = begun + sent / per_second if sent < total else now + _GIVE_UP_SECONDS
            ready, _, _ = select.select([self._epoll], [], [], max(0.0, next_due - time.perf_counter()))
            if ready:
                for fileno, _ in self._epoll.poll(0):
                    self._receive(fileno)
            elif sent == total:
                sys.exit(f"{total - len(self.took)} of {total} requests weren't answered")

    def _send(self) -> None:
        while self._waiting and self._free:
            fileno = self._free.popleft()
            due, request = self._waiting.popleft()
            self._asked[fileno] = due
            self._connections[fileno].sendall(request)

    def _receive(self, fileno: int) -> None:
        data = self._connections[fileno].recv(_RECEIVE_BYTES)
        now = time.perf_counter()
        if not data:
            sys.exit("a connection was closed by the server")
        data = self._received.pop(fileno, b"") + data
        head, separator, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not separator or length is None or len(body) < int(length[1]):
            self._received[fileno] = data
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"a request was answered with {head.partition(chr(13).encode())[0]!r}")
        self.took.append(now - self._asked.pop(fileno))
        self._free.append(fileno)


def main(port: int, requests: Path, per_second: float, total: int) -> None:
    """Send, and print."""
    sender = Sender(port, load.read_requests(requests))
    gc.freeze()
    gc.disable()  # its pauses would be taken for the server's
    sender.run(per_second, total)
    print(json.dumps(sender.took))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
