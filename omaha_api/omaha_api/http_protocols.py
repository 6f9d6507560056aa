"""How is HTTP read on a connection that is looked after? By uvicorn's two protocols, with what `patience` adds to both.

httptools knows no bound for a head, and leaves a request's body to the protocol that the request offers to change to; both are mended here.
"""

from typing import Any

import h11
import httptools
from uvicorn.protocols.http import h11_impl, httptools_impl

from omaha_api.patience import Patient, Stage

MAX_HEAD_BYTES = 32 * 1024
"""Request line and headers. Real ones have less than 1 KiB; proxies add some."""

_INVALID = "Invalid HTTP request received."


class HttpTools(Patient, httptools_impl.HttpToolsProtocol):
    """HTTP as httptools reads it: what is served with."""

    scope: Any
    _head_bytes = 0
    _chunk_bytes = 0
    _head_again: bytes | None = None

    def data_received(self, data: bytes) -> None:
        """The client has said something."""
        self._chunk_bytes = len(data)
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and self.scope is cycle.scope:
            self._head_bytes = 0
        elif not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.refuse(b"431 Request Header Fields Too Large", b"the request's headers are too long\n")

    def read(self, data: bytes) -> None:
        """Take in what is HTTP. As in uvicorn, but that a request keeps its body that also offers to speak another protocol."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_as_it_is(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response(_INVALID)

    def _read_as_it_is(self, rest: bytes) -> None:
        # The parser leaves the rest to the other protocol. There is none here, so it is read again, without the offer.
        head, self._head_again = self._head_again, None
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        try:
            self.parser.feed_data((head or b"") + rest)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            self.send_400_response(_INVALID)

    def _head_without_upgrade(self) -> bytes:
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in {b"upgrade", b"connection"}]
        return b"\r\n".join([*lines, b"", b""])

    def on_headers_complete(self) -> None:
        """A request's headers are there."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._head_again = self._head_without_upgrade()
            return
        # Only what came in such large pieces can be too long and have an end.
        if self._head_bytes + self._chunk_bytes > MAX_HEAD_BYTES:
            length = len(self.url) + sum([len(name) + len(value) + 4 for name, value in self.headers])
            if length > MAX_HEAD_BYTES:
                raise ValueError("the request's headers are too long")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request's body is there."""
        if self._head_again is None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered."""
        super().on_response_complete()
        # Nearly always there is nothing else to see to.
        if self.cycle.more_body or self._half_closed or self._refusal is not None:
            self.answered()

    def send_400_response(self, msg: str) -> None:
        """What was sent is no HTTP."""
        self.refuse(b"400 Bad Request", b"%b\n" % msg.encode())

    def stage(self) -> tuple[Stage, object]:
        """What is waited for."""
        cycle = self.cycle
        if cycle is None:
            return Stage.HEAD, None
        if self.scope is not cycle.scope:
            return (Stage.HEAD, self.scope) if cycle.response_complete else (Stage.ANSWER, cycle)
        if cycle.more_body:
            return Stage.BODY, cycle
        return (Stage.IDLE if cycle.response_complete else Stage.ANSWER), cycle

    def has_begun(self) -> bool:
        """Whether the head that is waited for has begun."""
        return self.scope is not None and (self.cycle is None or self.scope is not self.cycle.scope)

    def waits_its_turn(self) -> bool:
        """Whether requests are answered that came before the one that is read."""
        return bool(self.pipeline)


class H11(Patient, h11_impl.H11Protocol):
    """HTTP as h11 reads it, which bounds heads itself: for where httptools can't be had."""

    def on_response_complete(self) -> None:
        """A request was answered."""
        super().on_response_complete()
        self.answered()

    def send_400_response(self, msg: str) -> None:
        """What was sent is no HTTP."""
        self.refuse(b"400 Bad Request", b"%b\n" % msg.encode())

    def stage(self) -> tuple[Stage, object]:
        """What is waited for."""
        cycle, theirs = self.cycle, self.conn.their_state
        if cycle is None:
            return Stage.HEAD, None
        if theirs is h11.SEND_BODY or (theirs is h11.ERROR and cycle.more_body):
            return Stage.BODY, cycle
        if not cycle.response_complete:
            return Stage.ANSWER, cycle
        return (Stage.HEAD if self.has_begun() else Stage.IDLE), cycle

    def has_begun(self) -> bool:
        """Whether the head that is waited for has begun."""
        return bool(self.conn.trailing_data[0])

    def waits_its_turn(self) -> bool:
        """Whether requests are answered that came before the one that is read: h11 reads one at a time."""
        return False
